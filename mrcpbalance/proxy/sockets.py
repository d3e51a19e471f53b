"""Listening sockets: opened all or none."""

import errno
import os
import socket
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from mrcpbalance.config import Address, ListenerConfig

BACKLOG: Final = 1024
_HINTS: Final = {
    errno.EADDRINUSE: "another process listens there; `ss -ltnp` shows which",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip addr` lists those it has",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
}


class CannotListenError(Exception):
    """An address that can't be listened on; says why and what to do."""


@attrs.frozen
class Bound:
    """A listening socket and the listener it belongs to."""

    listener: ListenerConfig
    address: Address  # with the port it really has
    sock: socket.socket


def open_all(listeners: Mapping[str, ListenerConfig]) -> list[Bound]:
    """Open the sockets of all listeners; when one can't be opened, none is."""
    opened: list[Bound] = []
    try:
        for listener in listeners.values():
            opened.extend(_open(listener))
    except CannotListenError:
        close_all(opened)
        raise
    return opened


def _open(listener: ListenerConfig) -> Iterable[Bound]:
    for address in listener.bind:
        try:
            sock = _listening_socket(address)
        except OSError as error:
            hint = _HINTS.get(error.errno or 0)
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            told = f"listeners.{listener.name}.bind: can't listen on {address}: {reason}"
            raise CannotListenError(f"{told} ({hint})" if hint else told) from None
        yield Bound(listener, Address(address.host, sock.getsockname()[1]), sock)


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


def close_all(bound: Iterable[Bound]) -> None:
    """Close sockets that nobody will accept on."""
    for one in bound:
        one.sock.close()
