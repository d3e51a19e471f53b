"""The switchboard: one epoll inside one trio task, which calls a connection's owner when octets arrive.

A round takes at most `EVENTS` events from the epoll and then lets trio's other tasks run. What owners send during a
round leaves when it ends, in one system call for each connection. Everything belongs to one trio run; what its other
tasks call between two rounds takes effect at once.
"""

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Final, Never

import trio

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason, DatagramOwner, Owner

from ._link import Link
from ._link_course import Course
from ._link_desk import Desk, Family
from ._link_dial import Places, host_of, is_number, set_options
from ._link_null import NOBODY
from .deadlines import DeadlineAlarm
from .sharing import Sharing
from .switchboard_datagrams import Datagrams, datagram_socket, source_address
from .switchboard_host import host_here
from .switchboard_listening import Accepted, Listening

__all__ = ["NOBODY", "Link", "Listening", "Switchboard"]

EVENTS: Final = 256  # in one round; more would make trio's timers late
KEEPALIVE: Final = 60.0  # seconds
RINGS: Final = 256  # alarms in one turn, for the same reason


class _NoPlaces:
    """Knows no name."""

    def places(self, _address: Address) -> Sequence[Address]:
        return ()

    def missed(self, place: Address, why: str) -> None: ...


_NO_PLACES: Final = _NoPlaces()


class Switchboard(Desk):
    """Moves the octets of all connections of one process (the core's `Shell`).

    `unsent` octets may wait for one link before those who feed it are no longer read; `stall`, `linger` and `keepalive` are seconds.
    `on_fault` gets every exception an owner raises and where that was; `names` knows where host names
    lead. Made within the trio run whose clock it goes by. `now` is the time of the current or
    last round, `fresh()` the time at any moment. `links` counts open connections; `accepted`, `dialled`, `faults`,
    `stalls` and `accept_pauses` count what happened since the start.
    """

    def __init__(
        self,
        *,
        unsent: int,
        stall: float,
        linger: float,
        keepalive: float = KEEPALIVE,
        on_fault: Callable[[Exception, str], None],
        clock: Callable[[], float] = trio.current_time,
        names: Places = _NO_PLACES,
    ) -> None:
        super().__init__(
            unsent=unsent, stall=stall, linger=linger, keepalive=keepalive, clock=clock, on_fault=on_fault
        )
        self._names = names

    def dial(self, address: Address, owner: Owner, *, within: float) -> Link:
        """Open a connection; in `within` seconds at most the owner is told what came of it, never from inside.

        Where a name has several addresses, one that doesn't answer is followed by the next: they share the time.
        """
        self.dialled += 1
        link = Link(self, owner, self._family(), address.host)
        link.dial(Course(self._names, self.places(address), self.fresh() + within))
        return link

    def places(self, address: Address) -> Sequence[Address]:
        """Give a host's addresses by number, in the order in which to try them; whoever asks takes a turn."""
        return (address,) if is_number(address.host) else self._names.places(address)

    def missed(self, place: Address, why: str) -> None:
        """Take note that nobody answers at one of several addresses of a name."""
        self._names.missed(place, why)

    def adopt(self, sock: socket.socket, owner: Owner) -> Link:
        """Take over a connection that stands. Raises OSError where that can't be; the socket stays the caller's then."""
        if self.epoll.closed:
            raise OSError("the switchboard is closed")
        if self.newcomer is not None and self.newcomer[0] is sock:
            host = self.newcomer[1]
        else:
            sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
            with contextlib.suppress(OSError):  # a unix socket knows none of this
                set_options(sock, self.keepalive)
            host = host_of(sock.getpeername())
        link = Link(self, owner, self._family(), host)
        try:
            link.open(sock)
        except BaseException:
            link.abort()
            raise
        return link

    def listen(self, sock: socket.socket, accepted: Accepted, sharing: Sharing = Sharing.NOBODY) -> Listening:
        """Accept callers on a listening socket, which belongs to the switchboard from here on."""
        return Listening(self, sock, accepted, sharing)

    def datagrams(self, bind: Address, owner: DatagramOwner) -> Datagrams:
        """Open a socket for datagrams, on any port when that is 0; OSError if it can't be had."""
        return self.hear(datagram_socket(bind), owner)

    def hear(self, sock: socket.socket, owner: DatagramOwner, sharing: Sharing = Sharing.NOBODY) -> Datagrams:
        """Take over a bound socket for datagrams."""
        return Datagrams(self, sock, owner, sharing)

    def own_address(self, address: Address) -> str:
        """Tell which of our own addresses a peer would see; "" where there is no way to it."""
        return source_address(address)

    def alarm(self, ring: Callable[[float], None]) -> DeadlineAlarm:
        """Make an alarm, not set; when `ring` raises, whoever is being called now is told."""
        return self.deadlines.alarm(ring, self.relatives())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Move octets until cancelled; then every connection is reset, and the switchboard is of no more use."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.deadlines.run, self._ring)
                task_status.started()
                await self._serve()
        finally:
            self._shut_down()

    def turn(self, timeout: float | None) -> None:
        """Do one round, of what happens within so many seconds, or ever; for who waits by other means than `run`."""
        self._round(self.epoll.poll(timeout, EVENTS))

    async def wait_quiet(self) -> None:
        """Wait until no connection is open, those included that only linger."""
        await trio.lowlevel.checkpoint()
        while self.links:
            if self.emptied.is_set():
                self.emptied = trio.Event()
            await self.emptied.wait()

    def _family(self) -> Family:
        """Find who a new link belongs to: whoever is being called, else itself alone."""
        relatives = self.relatives()
        return Family() if relatives is None else relatives

    async def _serve(self) -> Never:
        host = host_here()
        if host is not None:
            await host.carry(self)
        descriptor = self.epoll.fileno()
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            self.turn(0)

    def _round(self, events: list[tuple[int, int]]) -> None:
        self.begin()
        handlers = self.handlers
        for descriptor, event in events:
            handler = handlers[descriptor]
            try:
                handler.ready(event)
            except Exception as fault:  # noqa: BLE001 - no fault with one connection ends the others
                self.report(fault, f"{type(handler).__qualname__}.ready")
                if isinstance(handler, Link):
                    handler.end(CloseReason.FAULT, reset=True)
        self.settle()

    def _ring(self) -> bool:
        """Ring what is due; tell whether there may be more."""
        self.turn(0)  # what came in time counts, even if we come late to it
        self.begin()
        alarm = None
        for _ in range(RINGS):
            alarm = self.deadlines.due(self.now)
            if alarm is None:
                break
            self.source, self.family = None, alarm.family
            try:
                alarm.ring(self.now)
            except Exception as fault:  # noqa: BLE001 - goes to on_fault and to whom the alarm belongs
                self._ring_failed(fault, alarm)
        self.settle()
        return alarm is not None

    def _ring_failed(self, fault: Exception, alarm: DeadlineAlarm) -> None:
        """Blame the owner whose method it was, or else all owners of the family the alarm was made for."""
        self.report(fault, getattr(alarm.ring, "__qualname__", "alarm"))
        culprit = getattr(alarm.ring, "__self__", NOBODY)
        family = Family() if alarm.family is None else alarm.family
        if culprit is not NOBODY and hasattr(culprit, "crashed"):
            links = [link for link in self._open_links() if link.owner is culprit]
            self.blame(culprit, family, links)
            return
        for link in list(family):
            self.blame(link.owner, family, [link])

    def _open_links(self) -> list[Link]:
        return [handler for handler in self.handlers if isinstance(handler, Link)]

    def _shut_down(self) -> None:
        self.begin()
        for handler in self.handlers:
            if isinstance(handler, Link):
                handler.abort()
            elif isinstance(handler, Listening | Datagrams):
                handler.close()
        self.dirty.clear()
        self.doomed.clear()
        self.settle()
        self.epoll.close()
