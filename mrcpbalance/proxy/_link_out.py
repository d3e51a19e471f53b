"""What waits to be sent on a link, and how it leaves."""

import abc
import socket
from typing import TYPE_CHECKING, Final

from mrcpbalance.sessions.ports import CloseReason, Owner

from ._link_epoll import IN, OUT
from ._link_hold import Holding
from ._link_null import NOBODY

if TYPE_CHECKING:
    from ._link_desk import Desk
    from .deadlines import DeadlineAlarm

WHOLE: Final = 64 * 1024  # octets; pieces of this size leave one by one, smaller ones joined


class Outgoing(Holding):
    """A link's way out: `send` leaves octets here, `push` hands them to the kernel, `finish` lets an end follow."""

    __slots__ = (
        "_alarm",
        "_blocked",
        "_broken",
        "_desk",
        "_ended",
        "_fin",
        "_mask",
        "_out",
        "_shut",
        "_sock",
        "owner",
        "unsent",
    )

    _sock: socket.socket  # once there is one

    def __init__(self, desk: "Desk", owner: Owner) -> None:
        super().__init__()
        self.owner = owner
        self.unsent = 0
        self._desk = desk
        self._mask = 0  # what the epoll tells us of
        self._out: list[bytes | memoryview] | None = None  # what waits, if anything does
        self._blocked = False  # nothing can be sent until the epoll says so
        self._shut = False  # nothing more is taken from the owner,
        self._fin = False  # and the peer knows, or can't be told
        self._ended = False  # nothing more comes from the peer
        self._broken = False  # sending failed; what the peer had sent before is still read
        self._alarm: DeadlineAlarm | None = None  # for connecting, later for stalling, at last for lingering

    @abc.abstractmethod
    def end(self, why: CloseReason, *, reset: bool = False) -> None:
        """Be gone, and tell the owner."""

    @abc.abstractmethod
    def _overdue(self, now: float) -> None:
        """Act on the alarm."""

    def send(self, data: bytes) -> None:
        """Send these octets: when the round ends, or sooner when they are many."""
        if self._shut or not data:
            return
        desk = self._desk
        out = self._out
        if out is None:
            self._out = [data]
            self.unsent = len(data)
            desk.dirty.append(self)
            if not desk.busy:
                desk.deadlines.rouse()
        else:
            out.append(data)
            self.unsent += len(data)
        if self.unsent > desk.mark:
            self._crowded()

    def finish(self) -> None:
        """Send the end of our octets after what waits."""
        if not self._shut:
            self._shut = True
            self.free_sources()
            self._push_soon()

    def push(self) -> None:
        """Hand what waits to the kernel; what it doesn't take stays, and writing is awaited."""
        out = self._out
        if out is None or self._blocked:
            if self._shut and not self._blocked:
                self._send_fin()
            return
        while out:
            if len(out) > 1 and len(out[0]) < WHOLE:
                out[:] = [b"".join(out)]
            data = out[0]
            try:
                taken = self._sock.send(data)
            except BlockingIOError:
                taken = 0
            except OSError:
                self._send_failed()
                return
            if taken == self.unsent:
                break
            self.unsent -= taken
            if taken < len(data):
                out[0] = memoryview(data)[taken:]
                self._block(taken)
                return
            del out[0]
        self._out = None
        self.unsent = 0
        if self._alarm is not None or self.sources or self._shut:
            self._emptied()

    def _push_soon(self) -> None:
        self._desk.dirty.append(self)
        self._desk.want()

    def _crowded(self) -> None:
        """Send early, as much waits; hold whoever it comes from when that isn't enough."""
        if not self._blocked:
            self.push()
        desk = self._desk
        if self.unsent > desk.unsent and desk.source is not None and desk.source.owner is not NOBODY:
            desk.source.hold(self)

    def _block(self, taken: int) -> None:
        """Wait until the kernel takes more, and mind how long."""
        self._blocked = True
        desk = self._desk
        if self.sources and self.unsent <= desk.unsent // 2:
            self.free_sources()
        if self.owner is not NOBODY and (taken or not self._mask & OUT):
            self._set_alarm(desk.fresh() + desk.stall)
        self.tune()

    def _emptied(self) -> None:
        """Act on nothing waiting any more."""
        if self._alarm is not None and self.owner is not NOBODY:
            self._alarm.clear()
        if self.sources:
            self.free_sources()
        if self._shut:
            self._send_fin()

    def _send_fin(self) -> None:
        """Tell the peer that nothing more comes; the link ends when the peer has said so too."""
        if self._fin:
            return
        self._fin = True
        if self._ended:
            self._doom(CloseReason.ENDED)
            return
        try:  # noqa: SIM105 - `suppress` would cost more than the rest of this
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # a reset came in between, which the epoll tells next

    def _send_failed(self) -> None:
        """Give up sending. What the peer sent before it reset the connection is still read."""
        self._broken = self._shut = self._fin = True
        self._blocked = False
        self._out = None
        self.unsent = 0
        self._emptied()
        self.tune()
        if not self._mask & IN:
            self._doom(CloseReason.RESET)

    def _doom(self, why: CloseReason) -> None:
        """Come to an end when the round does: never from inside a call of an owner's."""
        self._desk.doomed.append((self, why))
        self._desk.want()

    def _set_alarm(self, at: float) -> None:
        if self._alarm is None:
            self._alarm = self._desk.deadlines.alarm(self._overdue)
        self._alarm.set(at)
