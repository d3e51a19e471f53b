"""A recording that somebody takes while it is made: sessions that are wanted, as their messages pass."""

import math
from collections.abc import Callable
from typing import Final

import attrs
import trio

from mrcpbalance.sessions import Overheard, Register, Session

from ._held import Budget, Held
from ._wish import Wish
from ._writing import Scribe, about, missing

LATE: Final = 1.0  # seconds for which the last answers to the last sessions are still taken


@attrs.frozen(kw_only=True)
class Bounds:
    """How long a recording goes on, and what it may take; None: no such bound."""

    sessions: int | None = None  # that have ended
    duration: float | None = None  # seconds
    size: int | None = None  # octets of the file
    waiting: int = 4 * 1024**2  # octets that wait for who takes it
    session_size: int = 1024**2  # octets held of one session


@attrs.define(eq=False)
class Live:
    """One such recording; it chooses sessions, observes them, and gives the octets of its file."""

    wish: Wish
    bounds: Bounds
    scribe: Scribe
    budget: Budget
    chance: Callable[[], float]  # from 0 to 1
    now: Callable[[], float]  # the cores' clock
    started: float = attrs.field(init=False)
    sessions: int = 0  # that are in it
    octets: int = 0
    lost: int = 0  # messages that nobody took in time, or that there was no room for
    over: bool = False
    full: bool = False  # no further session is taken
    _ends_at: float = math.inf
    _ended: int = 0
    _waiting: list[bytes] = attrs.field(factory=list)
    _waits: int = 0  # octets
    _news: trio.Event = attrs.field(factory=trio.Event)
    _takes: dict[Session, "Take"] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.started = self.now()
        self.write(self.scribe.begin())
        if self.bounds.duration is not None:
            self._ends_at = self.started + self.bounds.duration

    def choose(self, session: Session) -> "Take | None":
        """Observe a session that begins if it may be wanted."""
        if (
            self.over
            or self.full
            or not self.wish.may_want(session)
            or self.chance() * 100 >= self.wish.sample
        ):
            return None
        take = self._takes[session] = Take(self, Held(self.budget, self.bounds.session_size))
        return take

    def write(self, data: bytes) -> None:
        """Add octets to the file, if there is room for them."""
        size = self.bounds.size
        if self.over or not data:
            return
        if self._waits + len(data) > self.bounds.waiting:
            self.lost += 1
            return
        if size is not None and self.octets + len(data) > size:
            self.finish()
            return
        self.octets += len(data)
        self._waits += len(data)
        self._waiting.append(data)
        self._news.set()

    def session_ended(self, session: Session, now: float, *, written: bool) -> None:
        """Count a session that ended; soon after the last one wanted the recording is over."""
        self._takes.pop(session, None)
        self._ended += written
        if self._ended == self.bounds.sessions:
            self.full = True
            self._ends_at = min(self._ends_at, now + LATE)
            self._news.set()

    def finish(self) -> None:
        """End the recording, once what waits is taken."""
        self.over = True
        self._news.set()

    async def next(self) -> bytes:
        """Wait for the next octets; none at the end."""
        while not self._waiting and not self.over:
            with trio.move_on_after(max(0.0, self._ends_at - self.now())):
                await self._news.wait()
            self._news = trio.Event()
            if self._ends_at <= self.now():
                self.finish()
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waits = 0
        return data

    def leave(self, register: Register) -> None:
        """Observe nothing any more."""
        self.finish()
        for session, take in list(self._takes.items()):
            register.untap(session, take)
            take.drop()
        self._takes.clear()


@attrs.define(eq=False)
class Take:
    """The observer of one session in one recording."""

    live: Live
    held: Held
    wanted: bool | None = None
    latest: Overheard | None = None
    written: int = 0  # messages

    def overheard(self, session: Session, message: Overheard) -> None:
        """Hold a message; write what is held as soon as it is clear that it is wanted."""
        if self.wanted is not False:
            self.held.add(message)
            self._go_on(session)

    def ended(self, session: Session, now: float) -> None:
        """Write what is held if it is wanted, and how it ended."""
        self._go_on(session)
        latest = self.latest
        if latest is not None:
            comment = f"{about(session)} ended {session.end}{missing(self.held)}"
            self.live.write(self.live.scribe.remark(latest, self.held.way(latest), now, comment))
        if self.wanted:
            self.live.lost += self.held.left_out
        self.live.session_ended(session, now, written=bool(self.wanted))

    def drop(self) -> None:
        """Hold nothing any more."""
        self.wanted = False
        self.held.take()

    def _go_on(self, session: Session) -> None:
        if self.wanted is None:
            self.wanted = self.live.wish.wants(session)
            self.live.sessions += self.wanted is True
        if self.wanted is False:
            self.held.take()
        elif self.wanted:
            self._write(session)

    def _write(self, session: Session) -> None:
        messages = self.held.take()
        for at, message in enumerate(messages):
            if not self.held.meet(message) and session.end is None:
                for later in messages[at:]:  # until the connection stands
                    self.held.add(later)
                return
            comment = "" if self.written else about(session)
            self.live.write(self.live.scribe.message(message, self.held.way(message), comment))
            self.written += 1
            self.latest = message
