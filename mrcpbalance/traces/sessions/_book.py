"""The sessions of a capture, those that are followed and those that are finished."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final
from typing import Protocol as Interface

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces._limits import Limits
from mrcpbalance.traces.capture import Connection

from ._draft import Draft, Room
from ._message import Message
from ._session import Session

Keep = Callable[[Session], bool]

_MOST_KINDS: Final = 100


class Owner(Interface):
    """Who made a draft, and can tell how it went."""

    def conclude(self, draft: Draft, now: int) -> Session | None:
        """Judge a draft and forget it; None when it is no session after all. `now` is the time of the capture."""


@attrs.define(eq=False)
class Book:
    """Keeps drafts until they have ended and nothing more is expected of them."""

    keep: Keep
    findings: Findings
    limits: Limits
    control: set[Endpoint]  # where SDP answers say that MRCPv2 is spoken
    live: dict[Draft, Owner] = attrs.field(factory=dict)
    ending: deque[Draft] = attrs.field(factory=deque)
    finished: list[Session] = attrs.field(factory=list)
    outside: Counter[str] = attrs.field(factory=Counter)  # requests that belong to no session
    asides: list[Message] | None = None  # those requests and their answers; None: nobody wants them
    idle: dict[Endpoint, list[Connection]] = attrs.field(factory=dict)  # connections to `control`
    saw_control: bool = False  # the capture holds MRCPv2 connections
    now: int = 0
    room: Room = attrs.field(init=False)

    @room.default
    def _room(self) -> Room:
        return Room(self.limits.kept)

    def open(self, draft: Draft, owner: Owner) -> Draft:
        """Follow another session."""
        if len(self.live) >= self.limits.exchanges:
            self.findings.count("too-many-sessions", draft.messages[0].packet if draft.messages else 0)
            self.close(next(iter(self.live)))
        self.live[draft] = owner
        return draft

    def ended(self, draft: Draft, time: int) -> None:
        """Note that a session is over; it waits a little for what may still come."""
        if draft.end is None:
            draft.end = time
            self.ending.append(draft)

    def tick(self, now: int) -> None:
        """Close what has waited long enough."""
        self.now = max(self.now, now)
        until = self.now - self.limits.linger
        while self.ending and (self.ending[0].end or 0) <= until:
            draft = self.ending.popleft()
            if draft in self.live and draft.end is not None:
                self.close(draft)

    def close(self, draft: Draft) -> None:
        """Judge a session; its messages stay if somebody wants them."""
        session = self.live.pop(draft).conclude(draft, self.now)
        if session is not None and self.keep(session):
            self.finished.append(session)
            return
        self.room.give(draft.messages)
        if session is not None:
            self.finished.append(attrs.evolve(session, messages=()))

    def passed_over(self, what: str) -> None:
        """Count a request that belongs to no session."""
        self.outside[what if what in self.outside or len(self.outside) < _MOST_KINDS else "others"] += 1

    def aside(self, message: Message) -> None:
        """Keep what was said outside sessions, where that is wanted and there is room."""
        if self.asides is not None and self.room.take(message):
            self.asides.append(message)

    def finish(self) -> list[Session]:
        """Close everything; give all sessions in order of their beginning, numbered."""
        for draft in list(self.live):
            self.close(draft)
        self.finished.sort(key=lambda session: session.start)
        return [attrs.evolve(session, number=number) for number, session in enumerate(self.finished, start=1)]
