"""Listening sockets: opened all or none."""

import enum
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from mrcpbalance.config import Address, Config, ListenerConfig, PoolConfig, fallback_chain

from .switchboard_datagrams import datagram_socket

BACKLOG: Final = 1024
TRIES: Final = 50  # ports that are free for one transport and taken for another before that is an error
_HINTS: Final = {
    errno.EADDRINUSE: "another process listens there; `ss -lntup` shows which",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip addr` lists those it has",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
}


class CannotListenError(Exception):
    """An address that can't be listened on; says why and what to do."""


class Use(enum.Enum):
    """What a listener's socket is for."""

    CALLERS = "callers"  # connections, of the listener's protocol
    DATAGRAMS = "datagrams"  # SIP over UDP
    CONTROL = "control"  # MRCPv2 control connections of proxied calls


@attrs.frozen(eq=False)
class Bound:
    """A listening socket and the listener it belongs to."""

    listener: ListenerConfig
    use: Use
    address: Address  # with the port it really has
    sock: socket.socket
    asked: Address  # as configured, where any port may do


class Kept:
    """The sockets that are open already: none at the start."""

    def own(self, name: str, use: Use, asked: Address) -> Bound | None:
        """Find the one that a listener has, to be kept."""

    def spare(self, asked: Address) -> socket.socket | None:
        """Take over one for callers that another listener gives up, with those who wait in its backlog."""


def open_all(config: Config) -> list[Bound]:
    """Open the sockets of all listeners; when one can't be opened, none is."""
    return open_some(config, config.listeners.values())


def open_some(config: Config, listeners: Iterable[ListenerConfig], kept: Kept | None = None) -> list[Bound]:
    """Open the sockets of some listeners, but for those that are kept; when one can't be opened, none is."""
    opening = _Opening(kept or Kept())
    try:
        for listener in listeners:
            opening.listener(listener, _pools(listener, config))
    except CannotListenError:
        opening.undo(0)
        raise
    return opening.bound


def _pools(listener: ListenerConfig, config: Config) -> Iterator[PoolConfig]:
    """Give the pools that may serve sessions of a listener."""
    for first in (listener.pool, *(match.pool for match in listener.match)):
        yield from (config.pools[name] for name in fallback_chain(config.pools, first))


@attrs.define
class _Opening:
    """Sockets on their way to being open, all of them."""

    kept: Kept
    bound: list[Bound] = attrs.field(factory=list)
    new: list[Bound] = attrs.field(factory=list)  # those of them that were not open before

    def undo(self, since: int) -> None:
        """Close what was opened after the first so many."""
        for bound in self.bound[since:]:
            if bound in self.new:
                self.new.remove(bound)
                bound.sock.close()
        del self.bound[since:]

    def listener(self, listener: ListenerConfig, pools: Iterable[PoolConfig]) -> None:
        """Open the sockets of one listener."""
        sip = listener.protocol == "sip"
        if sip:
            self._one_port(listener)
        else:
            for address in listener.bind:
                self._bind(listener, Use.CALLERS, address)
        recognised = listener.protocol == "auto" and any(
            backend.sip for pool in pools for backend in pool.backends.values()
        )
        if (sip or recognised) and listener.control == "proxied":
            self._bind(listener, Use.CONTROL, listener.control_bind or Address(listener.bind[0].host, 0))

    def _one_port(self, listener: ListenerConfig) -> None:
        """Open one port for all transports; where any will do, one that is free for all of them is looked for."""
        for _ in range(TRIES):
            try:
                return self._transports(listener)
            except CannotListenError:
                if listener.bind[0].port:
                    raise
        return self._transports(listener)

    def _transports(self, listener: ListenerConfig) -> None:
        address, before = listener.bind[0], len(self.bound)
        try:
            for transport in sorted(listener.transports):  # TCP first: its free port is hardly ever taken
                self._bind(listener, Use.DATAGRAMS if transport == "udp" else Use.CALLERS, address)
                address = self.bound[-1].address
        except CannotListenError:
            self.undo(before)
            raise

    def _bind(self, listener: ListenerConfig, use: Use, address: Address) -> None:
        bound = self.kept.own(listener.name, use, address)
        if bound is None:
            spare = self.kept.spare(address) if use is Use.CALLERS else None
            bound = (
                _bind(listener, use, address)
                if spare is None
                else Bound(listener, use, address, spare, address)
            )
            self.new.append(bound)
        self.bound.append(bound)


def _bind(listener: ListenerConfig, use: Use, address: Address) -> Bound:
    key = "control_bind" if use is Use.CONTROL else "bind"
    try:
        sock = datagram_socket(address) if use is Use.DATAGRAMS else _listening_socket(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        told = f"listeners.{listener.name}.{key}: can't listen on {address}: {reason}"
        hint = _HINTS.get(error.errno or 0)
        raise CannotListenError(f"{told} ({hint})" if hint else told) from None
    return Bound(listener, use, Address(address.host, sock.getsockname()[1]), sock, address)


def _listening_socket(address: Address) -> socket.socket:
    info = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, name = info[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(name)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
    return sock
