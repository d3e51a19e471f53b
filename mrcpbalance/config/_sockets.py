"""Checks between addresses: no two sockets want the same one, no backend is the proxy itself."""

from collections import defaultdict
from collections.abc import Iterator

import attrs

from ._address import Address, binds_meet, calls_itself
from ._faults import Path, Place, dotted, quoted
from ._model import BackendConfig, Config, ListenerConfig, Transport


@attrs.frozen
class _Socket:
    """One socket a key asks for."""

    path: Path
    address: Address
    transport: Transport


def check_sockets(config: Config, root: Place) -> None:
    """Note every two keys that want one address, and every backend that is a listener (G-8)."""
    listening = defaultdict[tuple[Transport, int], list[_Socket]](list)
    for name, listener in config.listeners.items():
        for socket in _listener_sockets(listener, ("listeners", name)):
            listening[socket.transport, socket.address.port].append(socket)
    _check_loops(config, listening, root)
    if config.admin and isinstance(config.admin.bind, Address):
        admin = _Socket(("admin", "bind"), config.admin.bind, "tcp")
        listening["tcp", admin.address.port].append(admin)
    _check_clashes(listening, root)


def _listener_sockets(listener: ListenerConfig, path: Path) -> Iterator[_Socket]:
    transports: tuple[Transport, ...] = listener.transports if listener.protocol == "sip" else ("tcp",)
    for address in listener.bind:
        for transport in transports:
            yield _Socket((*path, "bind"), address, transport)
    if listener.control_bind:
        yield _Socket((*path, "control_bind"), listener.control_bind, "tcp")


_Listening = dict[tuple[Transport, int], list[_Socket]]


def _check_clashes(listening: _Listening, root: Place) -> None:
    noted: set[tuple[Path, Path]] = set()  # a range meets another at many ports, which is one fault
    for (_, port), sockets in listening.items():
        for index, later in enumerate(sockets):
            for earlier in sockets[:index]:
                pair = earlier.path, later.path
                if port and pair not in noted and binds_meet(earlier.address.host, later.address.host):
                    noted.add(pair)
                    taken = f"{quoted(str(later.address))} is taken by {dotted(earlier.path)}"
                    root.under(*later.path).fault(taken, "expected an address of its own")


def _check_loops(config: Config, listening: _Listening, root: Place) -> None:
    for pool_name, pool in config.pools.items():
        for name, backend in pool.backends.items():
            for protocol, address, transport in _backend_addresses(backend):
                for socket in listening.get((transport, address.port), ()):
                    if calls_itself(socket.address.host, address.host):
                        root.under("pools", pool_name, "backends", name, protocol).fault(
                            f"{quoted(str(address))} is the proxy itself ({dotted(socket.path)})",
                            "expected the address of a speech server",
                        )


def _backend_addresses(backend: BackendConfig) -> Iterator[tuple[str, Address, Transport]]:
    if backend.sip:
        yield "sip", backend.sip, backend.sip_transport
    if backend.rtsp:
        yield "rtsp", backend.rtsp, "tcp"
    if backend.mrcp:
        yield "mrcp", backend.mrcp, "tcp"
    if backend.tcp:
        yield "tcp", backend.tcp, "tcp"
