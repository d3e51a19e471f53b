"""How a connection is opened: an address becomes a connecting socket, and an errno the reason why it didn't stand."""

import errno
import socket
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason

Target = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]

REASONS: Final = {
    errno.ECONNREFUSED: CloseReason.REFUSED,
    errno.ECONNRESET: CloseReason.REFUSED,
    errno.ECONNABORTED: CloseReason.REFUSED,
    errno.ETIMEDOUT: CloseReason.CONNECT_TIMEOUT,
}
PORTS: Final = 65535
MOST_IDLE: Final = 32_767  # seconds; the system knows no more
ASKED: Final = 4  # times that a silent peer is asked for a sign of life
MAPPED: Final = "::ffff:"  # how a socket of both families writes an IPv4 address


class Places(Protocol):
    """Who knows where host names lead; never blocks."""

    def places(self, address: Address) -> Sequence[Address]:
        """Give the addresses of a host name, by number, in the order in which to try them; none if it isn't known."""

    def missed(self, place: Address, why: str) -> None:
        """Take note that nobody answers at one of several."""


def reason(code: int | None) -> CloseReason:
    """Say why a connection never came to stand; everything else is our own or the network's inability."""
    return REASONS.get(code or 0, CloseReason.UNREACHABLE)


def connecting_socket(target: Target, keepalive: float) -> socket.socket:
    """Open a socket that connects there; OSError where that fails at once. Never blocks."""
    family, address = target
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    set_options(sock, keepalive)
    code = sock.connect_ex(address)
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        raise OSError(code, f"cannot connect to {address[0]}")
    return sock


def target_of(place: Address) -> Target:
    """Give an address by number as the socket module wants it, with its family; OSError for anything else."""
    if not 0 < place.port <= PORTS:
        raise OSError(errno.EADDRNOTAVAIL, f"{place.port} is not a port")
    found = _numeric(place.host, place.port)
    if found is None:
        raise OSError(errno.EHOSTUNREACH, f"no address known for {place.host}")
    return found


def is_number(host: str) -> bool:
    """Tell whether a host is given by number, not by name."""
    return _numeric(host, 0) is not None


def _numeric(host: str, port: int) -> Target | None:
    """Read an IP literal, which may have a scope; None for anything else."""
    try:
        if ":" not in host:
            socket.inet_pton(socket.AF_INET, host)
            return socket.AF_INET, (host, port)
        number, _, scope = host.partition("%")
        socket.inet_pton(socket.AF_INET6, number)
        return socket.AF_INET6, (number, port, 0, _scope_id(scope))
    except (OSError, ValueError):
        return None


def _scope_id(scope: str) -> int:
    if not scope:
        return 0
    return int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)


def set_options(sock: socket.socket, keepalive: float) -> None:
    """Have a socket send at once, and notice when its peer's host is gone (M-34): within two of these times."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, min(round(keepalive), MOST_IDLE))
    sock.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, min(max(round(keepalive / ASKED), 1), MOST_IDLE)
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, ASKED)


def host_of(name: object) -> str:
    """Take the host from what `getpeername`, `getsockname` or `accept` give; "" where there is none.

    Thousands of connections come from a few hosts: they share one text.
    """
    if not isinstance(name, tuple):
        return ""
    host = sys.intern(str(name[0]))
    return host[len(MAPPED) :] if host.startswith(MAPPED) and "." in host else host
