"""The messages of a live session, for whoever listens as long as it lives."""

from collections import deque

import attrs
import trio

from mrcpbalance.sessions import Overheard, Session

from .feed import event
from .messages import Telling


@attrs.define(eq=False)
class Audience:
    """The observer behind one event stream: what waits for its client is bounded, what is more is counted."""

    telling: Telling
    most: int  # messages that wait
    first: bytes  # an event that is told before any message
    dropped: int = 0
    end: str | None = None
    over: bool = False  # the end was told
    _waiting: deque[Overheard] = attrs.field(factory=deque)
    _news: trio.Event = attrs.field(factory=trio.Event)

    def overheard(self, _session: Session, message: Overheard) -> None:
        """Keep a message until the client takes it, if there is room."""
        if len(self._waiting) < self.most:
            self._waiting.append(message)
        else:
            self.dropped += 1
        self._news.set()

    def ended(self, session: Session, _now: float) -> None:
        """Let the stream end once everything is told."""
        self.end = str(session.end)
        self._news.set()

    async def next(self) -> bytes:
        """Wait for what is to be told next, and write it as events; nothing after the end."""
        if self.over:
            return b""
        if self.first:
            first, self.first = self.first, b""
            return first
        await self._news.wait()
        self._news = trio.Event()
        told = [event("message", self.telling.row(message)) for message in self._waiting]
        self._waiting.clear()
        if self.dropped:
            told.append(event("dropped", {"messages": self.dropped}))
            self.dropped = 0
        if self.end is not None:
            told.append(event("end", {"end": self.end}))
            self.over = True
        return b"".join(told)
