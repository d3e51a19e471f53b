"""Checks between addresses: no two sockets want the same one, no backend is the proxy itself."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import attrs

from ._address import Address, binds_meet, calls_itself
from ._faults import Path, Place, dotted, quoted
from ._model import BackendConfig, Config, ListenerConfig, Transport

_TCP: Final[frozenset[Transport]] = frozenset({"tcp"})


@attrs.frozen
class _Claim:
    """The sockets that one key asks for."""

    path: Path
    host: str
    ports: range
    transports: frozenset[Transport]

    def shared_ports(self, other: "_Claim") -> range:
        """Give the ports that both want, on one transport."""
        if not self.transports & other.transports:
            return range(0)
        return range(max(self.ports.start, other.ports.start), min(self.ports.stop, other.ports.stop))


def check_sockets(config: Config, root: Place) -> None:
    """Note every two keys that want one address, and every backend that is a listener (G-8)."""
    claims = [
        claim
        for name, listener in config.listeners.items()
        for claim in _listener_claims(listener, ("listeners", name))
    ]
    _check_loops(config, claims, root)
    if config.admin and isinstance(config.admin.bind, Address):
        claims += _claims(("admin", "bind"), (config.admin.bind,), _TCP)
    _check_clashes(claims, root)


def _listener_claims(listener: ListenerConfig, path: Path) -> Iterator[_Claim]:
    transports = frozenset(listener.transports) if listener.protocol == "sip" else _TCP
    yield from _claims((*path, "bind"), listener.bind, transports)
    if listener.control_bind:
        yield from _claims((*path, "control_bind"), listener.control_bind, _TCP)
    if listener.contact_bind:
        yield from _claims((*path, "contact_bind"), listener.contact_bind, transports)


def _claims(path: Path, bind: tuple[Address, ...], transports: frozenset[Transport]) -> Iterator[_Claim]:
    if bind and bind[0].port:  # a free port is taken by nobody
        yield _Claim(path, bind[0].host, range(bind[0].port, bind[-1].port + 1), transports)


def _check_clashes(claims: list[_Claim], root: Place) -> None:
    for earlier, later in combinations(claims, 2):
        ports = earlier.shared_ports(later)
        if ports and binds_meet(earlier.host, later.host):
            taken = quoted(str(Address(later.host, ports.start)))
            root.under(*later.path).fault(
                f"{taken} is taken by {dotted(earlier.path)}", "expected an address of its own"
            )


def _check_loops(config: Config, claims: list[_Claim], root: Place) -> None:
    for pool_name, pool in config.pools.items():
        for name, backend in pool.backends.items():
            for protocol, address, transport in _backend_addresses(backend):
                place = root.under("pools", pool_name, "backends", name, protocol)
                for claim in claims:
                    if address.port in claim.ports and transport in claim.transports:
                        _check_loop(address, claim, place)


def _check_loop(address: Address, claim: _Claim, place: Place) -> None:
    if calls_itself(claim.host, address.host):
        itself = f"{quoted(str(address))} is the proxy itself ({dotted(claim.path)})"
        place.fault(itself, "expected the address of a speech server")


def _backend_addresses(backend: BackendConfig) -> Iterator[tuple[str, Address, Transport]]:
    for protocol, address in (("rtsp", backend.rtsp), ("mrcp", backend.mrcp), ("tcp", backend.tcp)):
        if address:
            yield protocol, address, "tcp"
    if backend.sip:
        yield "sip", backend.sip, backend.sip_transport
