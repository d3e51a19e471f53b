"""One connection on the switchboard: what its owner does with it, and what the epoll makes it do."""

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final

from mrcpbalance.sessions.ports import CloseReason, Owner

from ._link_course import Course
from ._link_dial import host_of, reason
from ._link_epoll import ERR, HUP, IN, OUT
from ._link_null import GONE, NOBODY
from ._link_out import Outgoing

if TYPE_CHECKING:
    from ._link_desk import Desk, Family

LEAST: Final = 4 * 1024  # octets asked for in one read: at first,
MOST: Final = 256 * 1024  # and of a peer that fills whatever it is offered
FAR: Final = 16  # times what came is much less than was asked for; the rest of a burst that was cut is not
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Link(Outgoing):
    """One connection (the core's `Port`); its owner may be replaced at any time.

    `unsent` counts the octets that wait for it. With `guarded` off, a peer that takes none is waited for without end.
    """

    __slots__ = ("_course", "_dialling", "_fd", "_paused", "_size", "family", "guarded", "peer")

    def __init__(self, desk: "Desk", owner: Owner, family: "Family", peer: str) -> None:
        super().__init__(desk, owner)
        self.family = family
        self.peer = peer
        self.guarded = True
        self._fd = -1  # no socket yet, or none any more
        self._size = LEAST  # octets to ask for in the next read
        self._course: Course | None = None  # while dialling
        self._dialling = False
        self._paused = False
        family.append(self)

    # How it begins

    def open(self, sock: socket.socket) -> None:
        """Take a connection that stands."""
        self._attach(sock, IN)

    def dial(self, course: Course) -> None:
        """Be connected to the first address that answers; without any, be lost soon."""
        self._course = course
        if not self._connect(course):
            self._shut = self._fin = True
            self._doom(course.why)

    def _connect(self, course: Course) -> bool:
        """Begin with the next address; False when there is none."""
        found = course.next(self._desk.fresh(), self._desk.keepalive)
        if found is None:
            return False
        sock, self.peer, due = found
        try:
            self._attach(sock, OUT)
        except (OSError, ValueError):  # no room in the epoll, or it is closed
            sock.close()
            return False
        if not self._dialling:
            self._dialling = self._blocked = True
            self._out = []
        self._set_alarm(due)
        return True

    def _missed(self, why: CloseReason) -> None:
        """Go on to the next address, if there is one: this one doesn't answer."""
        course, desk = self._course, self._desk
        if course is None or self.owner is NOBODY:
            self.end(why)
            return
        course.missed(why)
        desk.handlers[self._fd] = GONE
        desk.graves.append(self._sock)
        desk.links -= 1
        desk.want()
        self._fd = -1
        if not self._connect(course):
            self.end(course.why)

    def _attach(self, sock: socket.socket, mask: int) -> None:
        desk = self._desk
        self._sock = sock
        desk.epoll.register(sock, mask)
        self._fd = sock.fileno()
        self._mask = mask
        desk.seat(self._fd, self)
        desk.links += 1

    # What owners call

    @property
    def peer_port(self) -> int:
        """The port at the other end; 0 while there is none."""
        if self._fd >= 0 and not self._dialling:
            with contextlib.suppress(OSError):
                return int(self._sock.getpeername()[1])
        return 0

    @property
    def local(self) -> str:
        """Our own address, without the port; "" while there is none."""
        if self._fd >= 0 and not self._dialling:
            with contextlib.suppress(OSError):
                return host_of(self._sock.getsockname())
        return ""

    @property
    def local_port(self) -> int:
        """Our own port; 0 while there is none."""
        if self._fd >= 0 and not self._dialling:
            with contextlib.suppress(OSError):
                return int(self._sock.getsockname()[1])
        return 0

    def close(self, *, all_read: bool = False) -> None:
        """Send what waits and the end of our octets; read, and drop, what comes until the peer ends too or time is up.

        Closing sooner would have the kernel reset the connection when octets come in, and what we sent be lost, unless
        the peer has read it.
        """
        if self.owner is NOBODY:
            return
        self.owner = NOBODY
        done = not self._out and (self._dialling or self._ended or self._broken or all_read)
        if done or self._fd < 0:
            self._bury()
            return
        self._shut = True
        self._paused = False
        if self.targets is not None or self.sources is not None:
            self.free_sources()
            self.forget_targets()
        self.tune()
        self._set_alarm(self._desk.fresh() + self._desk.linger)
        self._push_soon()

    def abort(self) -> None:
        """Close at once with a reset."""
        self._bury(reset=True)

    def pause(self) -> None:
        """Read no more until `resume`."""
        self._paused = True
        self.tune()

    def resume(self) -> None:
        """Read again, unless something this link feeds has too much waiting."""
        self._paused = False
        self.tune()

    # What the switchboard calls

    def ready(self, event: int, /) -> None:
        """Read once, and hand the octets over; or do what else the epoll told."""
        if event != IN and not self._other(event):
            return
        if not self._mask & IN:  # paused or closed earlier in this round
            return
        size = self._size
        try:
            data = self._sock.recv(size)
        except BlockingIOError:
            return
        except OSError:
            self.end(CloseReason.RESET)
            return
        if not data:
            self._peer_ended()
            return
        if len(data) == size:
            self._size = min(size * 4, MOST)
        elif size > LEAST and len(data) * FAR <= size:
            self._size = size // 4
        desk, owner = self._desk, self.owner
        desk.source = self
        try:
            owner.received(data, desk.now)
        except Exception as fault:  # noqa: BLE001 - goes to on_fault and to the owner itself
            desk.fault(fault, "received", self, owner)

    def end(self, why: CloseReason, *, reset: bool = False) -> None:
        """Be gone, and tell the owner."""
        owner = self.owner
        self._bury(reset=reset)
        if owner is not NOBODY:
            self._desk.call(self, owner, owner.lost, why)

    def dismiss(self) -> None:
        """Close, and tell the owner, who should have done so itself."""
        owner = self.owner
        self.close()
        self._desk.call(self, owner, owner.lost, CloseReason.FAULT)

    # Connecting and reading

    def _other(self, event: int) -> bool:
        """Do what the epoll told, apart from octets to read; tell whether there may be some too."""
        if self._dialling:
            self._dialled(event)
            return False
        if event & OUT and self._blocked:
            self._blocked = False
            self.push()
            self.tune()
        if event & (ERR | HUP) and self._fd >= 0 and not self._mask & IN:
            self._hung_up()
        return event != OUT

    def _dialled(self, event: int) -> None:
        """See what became of dialling."""
        code = 0 if event == OUT else self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._missed(reason(code))
            return
        self._dialling = self._blocked = False
        self._course = None
        if self.owner is not NOBODY and self._alarm is not None:
            self._alarm.clear()
            self._alarm = None
        if self._out or self._shut:
            self._push_soon()
        else:
            self._out = None
        self.tune()
        self._desk.call(self, self.owner, self.owner.connected)

    def _peer_ended(self) -> None:
        """Act on the end of the peer's octets."""
        self._ended = True
        if self._fin:
            self.end(CloseReason.RESET if self._broken else CloseReason.ENDED)
            return
        self.forget_targets()
        self._desk.call(self, self.owner, self.owner.finished)
        self.tune()  # not before: most owners close it, which spares the epoll a call

    def _hung_up(self) -> None:
        """Act on what the epoll tells of a link that isn't read, and would tell for ever."""
        if self._broken or self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.end(CloseReason.RESET)
        else:  # both ends are shut and octets wait to be read: `tune` registers it again when they may be
            self._desk.epoll.unregister(self._fd)
            self._mask = 0

    def tune(self) -> None:
        """Have the epoll tell what this link wants to know now."""
        if self._fd < 0:
            return
        mask = OUT if self._blocked else 0
        if not (self._paused or self.targets or self._ended or self._dialling):
            mask |= IN
        if mask != self._mask:
            self._mask = mask
            try:
                self._desk.epoll.modify(self._fd, mask)
            except FileNotFoundError:
                self._desk.epoll.register(self._fd, mask)

    # The end

    def _overdue(self, now: float) -> None:
        """Time is up: to linger, to come to stand, or to take octets."""
        if self.owner is NOBODY:
            self._bury(reset=self.unsent > 0)  # what was cut off must not look complete
        elif self._dialling:
            self._missed(CloseReason.CONNECT_TIMEOUT)
        elif self.guarded:
            self._desk.stalls += 1
            self.end(CloseReason.STALLED, reset=True)
        else:
            self._set_alarm(now + self._desk.stall)

    def _bury(self, *, reset: bool = False) -> None:
        """Forget everything; the socket is closed when the round ends."""
        self.owner = NOBODY
        self._shut = self._fin = True
        self._blocked = self._dialling = False
        self._out = self._course = None
        self.unsent = self._mask = 0
        if self.targets is not None or self.sources is not None:
            self.forget_targets()
            self.free_sources()
        if self._alarm is not None:
            self._alarm.clear()
            self._alarm = None
        if self in self.family:
            self.family.remove(self)
        if self._fd >= 0:
            self._leave(reset=reset)

    def _leave(self, *, reset: bool) -> None:
        desk = self._desk
        desk.handlers[self._fd] = GONE
        self._fd = -1
        if reset:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        desk.graves.append(self._sock)
        desk.links -= 1
        desk.want()
