"""A listening socket on the switchboard."""

import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Final

from ._link_desk import Desk, Family
from ._link_dial import host_of, set_options
from ._link_epoll import IN
from ._link_null import GONE
from .sharing import Sharing, stand_aside

BATCH: Final = 64  # connections accepted in one round, at most
MOST_LEFT: Final = 10_000  # callers accepted at the end, at most; the backlog holds fewer
PAUSE: Final = 0.1  # seconds without accepting, when that fails
THEIRS: Final = frozenset(  # the caller gave up, or its network did (accept(2)): the next may be well
    {
        errno.ECONNABORTED,
        errno.EPERM,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENONET,
        errno.EOPNOTSUPP,
    }
)

Accepted = Callable[[socket.socket, str, float], None]


class Listening:
    """One listening socket; `accepted` gets each caller's socket, to be adopted or closed, its host, and the time."""

    __slots__ = ("_accepted", "_batch", "_desk", "_fd", "_sock", "_told", "sharing")

    def __init__(self, desk: Desk, sock: socket.socket, accepted: Accepted, sharing: Sharing) -> None:
        self._desk = desk
        self._sock = sock
        self.sharing = sharing
        self._accepted = accepted
        self._batch = 1  # follows how many wait, to spare the call that finds none
        self._told = False  # that accepting fails: once, until it works again
        sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
        set_options(sock, desk.keepalive)  # inherited by what it accepts
        self._fd = sock.fileno()
        desk.epoll.register(self._fd, IN)
        desk.seat(self._fd, self)

    def ready(self, _event: int, /) -> None:
        """Accept some."""
        for _ in range(self._batch):
            if self._fd < 0 or not self._accept():
                self._batch = max(self._batch // 2, 1)
                return
        self._batch = min(self._batch * 2, BATCH)

    def stand_aside(self) -> None:
        """Leave callers that come from now on to the process that shares the address; nothing is lost where none does."""
        if self.sharing is Sharing.PORT:
            stand_aside(self._sock)
        elif self.sharing is Sharing.SOCKET:  # who is in the backlog is in theirs too
            self.close()

    def finish(self) -> None:
        """Accept who has come already, then no more."""
        self._desk.fresh()
        for _ in range(MOST_LEFT):
            if self._fd < 0 or not self._accept():
                break
        self._desk.family = None
        self.close()

    def close(self) -> None:
        """Accept no more; callers still in the backlog are reset."""
        if self._fd >= 0:
            desk, fd = self._desk, self._fd
            self._fd = -1
            with contextlib.suppress(FileNotFoundError):  # accepting is paused
                desk.epoll.unregister(fd)  # another process may hold the socket too, so closing isn't enough
            desk.handlers[fd] = GONE
            desk.graves.append(self._sock)
            desk.want()

    def _accept(self) -> bool:
        """Accept one; tell whether it is worth while to go on."""
        try:
            sock, name = self._sock.accept()
        except BlockingIOError:
            return False
        except OSError as fault:
            if fault.errno in THEIRS:
                return True
            self._rest(fault)
            return False
        self._told = False
        sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
        self._hand_over(sock, host_of(name))
        return True

    def _hand_over(self, sock: socket.socket, host: str) -> None:
        desk = self._desk
        desk.accepted += 1
        desk.source = None
        desk.family = family = Family()  # whatever is made while the caller is taken in belongs together
        desk.newcomer = sock, host
        try:
            self._accepted(sock, host, desk.now)
        except Exception as fault:  # noqa: BLE001 - one caller's misfortune is not the others'
            desk.report(fault, "accepted")
            for link in list(family):
                link.abort()
            desk.graves.append(sock)
        desk.newcomer = None

    def _rest(self, fault: OSError) -> None:
        """Leave callers in the backlog for a while: out of descriptors or memory, trying at once would only spin."""
        desk = self._desk
        desk.accept_pauses += 1
        if not self._told:
            self._told = True
            desk.report(fault, "accept")
        with contextlib.suppress(FileNotFoundError):  # it rests already
            desk.epoll.unregister(self._fd)
        desk.deadlines.alarm(self._again).set(desk.now + PAUSE)

    def _again(self, _now: float) -> None:
        if self._fd >= 0:
            self._desk.epoll.register(self._fd, IN)
