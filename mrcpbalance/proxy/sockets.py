"""Listening sockets: opened all or none."""

import enum
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from mrcpbalance.config import Address, Config, ListenerConfig, PoolConfig

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


@attrs.frozen
class Bound:
    """A listening socket and the listener it belongs to."""

    listener: ListenerConfig
    use: Use
    address: Address  # with the port it really has
    sock: socket.socket


def open_all(config: Config) -> list[Bound]:
    """Open the sockets of all listeners; when one can't be opened, none is."""
    return open_some(config, config.listeners.values())


def open_some(config: Config, listeners: Iterable[ListenerConfig]) -> list[Bound]:
    """Open the sockets of some listeners; when one can't be opened, none is."""
    opened: list[Bound] = []
    try:
        for listener in listeners:
            opened.extend(_open(listener, config.pools[listener.pool]))
    except CannotListenError:
        for bound in opened:
            bound.sock.close()
        raise
    return opened


def _open(listener: ListenerConfig, pool: PoolConfig) -> list[Bound]:
    """Open the sockets of one listener."""
    opened: list[Bound] = []
    try:
        opened.extend(_sip(listener) if listener.protocol == "sip" else _streams(listener, pool))
    except CannotListenError:
        for bound in opened:
            bound.sock.close()
        raise
    return opened


def _streams(listener: ListenerConfig, pool: PoolConfig) -> Iterator[Bound]:
    for address in listener.bind:
        yield _bind(listener, Use.CALLERS, address)
    sip = listener.protocol == "auto" and any(backend.sip for backend in pool.backends.values())
    if sip and listener.control == "proxied":  # SIP may be recognised, and its calls need it
        yield _bind(listener, Use.CONTROL, listener.control_bind or Address(listener.bind[0].host, 0))


def _sip(listener: ListenerConfig) -> Iterator[Bound]:
    """Open what SIP needs: the same port for every transport, and one for control connections."""
    yield from _one_port(listener)
    if listener.control == "proxied":
        yield _bind(listener, Use.CONTROL, listener.control_bind or Address(listener.bind[0].host, 0))


def _one_port(listener: ListenerConfig) -> list[Bound]:
    """Open one port for all transports; where any will do, one that is free for all of them is looked for."""
    for _ in range(TRIES):
        try:
            return _transports(listener)
        except CannotListenError:
            if listener.bind[0].port:
                raise
    return _transports(listener)


def _transports(listener: ListenerConfig) -> list[Bound]:
    address = listener.bind[0]
    opened: list[Bound] = []
    try:
        for transport in sorted(listener.transports):  # TCP first: its free port is hardly ever taken
            opened.append(_bind(listener, Use.DATAGRAMS if transport == "udp" else Use.CALLERS, address))
            address = opened[-1].address
    except CannotListenError:
        for bound in opened:
            bound.sock.close()
        raise
    return opened


def _bind(listener: ListenerConfig, use: Use, address: Address) -> Bound:
    key = "control_bind" if use is Use.CONTROL else "bind"
    try:
        sock = datagram_socket(address) if use is Use.DATAGRAMS else _listening_socket(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        told = f"listeners.{listener.name}.{key}: can't listen on {address}: {reason}"
        hint = _HINTS.get(error.errno or 0)
        raise CannotListenError(f"{told} ({hint})" if hint else told) from None
    return Bound(listener, use, Address(address.host, sock.getsockname()[1]), sock)


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
