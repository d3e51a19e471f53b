"""What the links of one switchboard share: the epoll, the lists of the round, the limits, and the guard around owners."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import trio

from mrcpbalance.sessions.ports import CloseReason, Owner

from ._link_epoll import open_epoll
from ._link_null import GONE
from .deadlines import Deadlines

if TYPE_CHECKING:
    import socket

    from ._link import Link
    from ._link_out import Outgoing

EARLY: Final = 256 * 1024  # octets; more than this for one peer leave before the round's end


class Handler(Protocol):
    """What has a descriptor in the epoll."""

    def ready(self, event: int, /) -> None:
        """Act on what the epoll told of the descriptor."""


class Family(list["Link"]):
    """A caller's connection and what its owner dialled: they fall together when `crashed` raises too."""

    __slots__ = ()


class Desk:
    """The shared part of a switchboard. Plain fields, as every link touches them with every message."""

    def __init__(
        self,
        *,
        unsent: int,
        stall: float,
        linger: float,
        keepalive: float,
        clock: Callable[[], float],
        on_fault: Callable[[Exception, str], None],
    ) -> None:
        self.unsent = unsent  # octets waiting for one link, above which those who feed it are held
        self.mark = min(unsent, EARLY)
        self.stall = stall
        self.linger = linger
        self.keepalive = keepalive
        self.clock = clock
        self.on_fault = on_fault
        self.epoll = open_epoll()
        self.deadlines = Deadlines(clock)
        self.handlers: list[Handler] = []  # by descriptor
        # The round
        self.now = clock()
        self.busy = False
        self.source: Link | None = None  # whose octets are being handed over,
        self.family: Family | None = None  # or else whose owner is being called
        self.newcomer: tuple[socket.socket, str] | None = None  # just accepted, with its options set
        self.dirty: list[Outgoing] = []  # have something to send
        self.doomed: list[tuple[Outgoing, CloseReason]] = []  # their owners are told when the round ends
        self.graves: list[
            socket.socket
        ] = []  # closed when it ends, so that no descriptor comes back within it
        self.emptied = trio.Event()  # set when the last link goes
        # Statistics
        self.links = 0
        self.accepted = 0
        self.accept_pauses = 0
        self.dialled = 0
        self.stalls = 0
        self.faults = 0
        self._in_fault = False

    def fresh(self) -> float:
        """Tell the time, also between two rounds."""
        if not self.busy:
            self.now = self.clock()
        return self.now

    def want(self) -> None:
        """See to it that what was asked for between two rounds gets done."""
        if not self.busy:
            self.deadlines.rouse()

    def begin(self) -> None:
        """Begin a round: what is sent from here on leaves when it ends."""
        self.now = self.clock()
        self.busy = True

    def settle(self) -> None:
        """End the round: send, tell, close."""
        self.source = None
        self._push_all()
        if self.doomed:
            doomed, self.doomed = self.doomed, []
            for link, why in doomed:
                link.end(why)
            self._push_all()
            if self.doomed:  # an owner that dials in vain again and again must not keep all others waiting
                self.deadlines.rouse()
        if self.graves:
            self._close_graves()
        self.family = None
        self.busy = False

    def _push_all(self) -> None:
        for link in self.dirty:  # grows meanwhile
            try:
                link.push()
            except Exception as fault:  # noqa: BLE001 - no fault with one link ends the others
                self.report(fault, "Link.push")
                link.end(CloseReason.FAULT, reset=True)
        self.dirty.clear()

    def _close_graves(self) -> None:
        for sock in self.graves:
            try:  # noqa: SIM105 - `suppress` would cost more than the rest of this
                sock.close()
            except OSError:
                pass
        self.graves.clear()
        if not self.links:
            self.emptied.set()

    def relatives(self) -> Family | None:
        """Give the family of whoever is being called."""
        return self.family if self.source is None else self.source.family

    def seat(self, descriptor: int, handler: Handler) -> None:
        """Say who acts on what the epoll tells of a descriptor."""
        while descriptor >= len(self.handlers):
            self.handlers.append(GONE)
        self.handlers[descriptor] = handler

    def call(self, link: "Link", owner: Owner, told: Callable[..., None], *arguments: object) -> None:
        """Tell an owner something, anything but octets."""
        self.source, self.family = None, link.family
        try:
            told(*arguments, self.now)
        except Exception as fault:  # noqa: BLE001 - goes to on_fault and to the owner itself
            self.fault(fault, told.__name__, link, owner)

    def fault(self, fault: Exception, where: str, link: "Link", owner: Owner) -> None:
        """Act on what an owner raised."""
        self.report(fault, f"{type(owner).__qualname__}.{where}")
        self.blame(owner, link.family, [link])

    def blame(self, owner: Owner, family: Family, links: "list[Link]") -> None:
        """Have an owner end what it holds, and end what it leaves open of `links`; its whole family if it can't."""
        if self._in_fault:  # raised by a `lost` that a fault led to: that link is gone already
            return
        self._in_fault = True
        self.source, self.family = None, family
        try:
            owner.crashed(self.now)
        except Exception as again:  # noqa: BLE001 - reported, and the family ends
            self.report(again, f"{type(owner).__qualname__}.crashed")
            for link in [*links, *family]:
                link.end(CloseReason.FAULT, reset=True)
        else:
            for link in links:
                if link.owner is owner:
                    link.dismiss()
        finally:
            self._in_fault = False

    def report(self, fault: Exception, where: str) -> None:
        """Count a fault and hand it out; a log that fails must not stop traffic."""
        self.faults += 1
        with contextlib.suppress(Exception):
            self.on_fault(fault, where)
