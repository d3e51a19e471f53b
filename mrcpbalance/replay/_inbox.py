"""What the other side has said and nobody asked for yet, by session."""

from collections import Counter
from collections.abc import Callable, Hashable

import attrs
import trio

from mrcpbalance.traces import Session
from mrcpbalance.traces.replay import Fact, Key
from mrcpbalance.traces.sessions import Kind, Parsed, mrcp_in

MOST = 10_000  # messages kept for a session that didn't expect them


@attrs.frozen(eq=False)
class Heard:
    """A message, and the way back to who said it."""

    fact: Fact
    parsed: Parsed
    back: Hashable


@attrs.define(eq=False)
class Inbox:
    """All that came for one session, in order; waiting is woken by `put` and `stir`."""

    session: Session
    came: list[Fact] = attrs.field(factory=list)
    completed: set[int] = attrs.field(factory=set)  # requests that were answered COMPLETE
    _count: Counter[Key] = attrs.field(factory=Counter)
    _waiting: list[Heard] = attrs.field(factory=list)
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def put(self, heard: Heard) -> None:
        """Take a message in."""
        mrcp = mrcp_in(heard.parsed)
        if mrcp is not None and mrcp.kind is Kind.RESPONSE and mrcp.state == "COMPLETE":
            self.completed.add(mrcp.request_id)
        if len(self.came) < MOST:
            self._waiting.append(heard)
            self.tell(heard.fact)

    def tell(self, fact: Fact) -> None:
        """Take note of something, be it no message."""
        self.came.append(fact)
        self._count[fact.key] += 1
        self.stir()

    def stir(self) -> None:
        """Have whoever waits look again."""
        self._lot.unpark_all()

    def has(self, key: Key) -> bool:
        """Tell whether such a thing ever came."""
        return self._count[key] > 0

    def count(self, key: Key) -> int:
        """Tell how often such a thing came."""
        return self._count[key]

    def is_completed(self, wanted: Fact) -> bool:
        """Tell whether this is an event for a request that was answered COMPLETE, so that none can come."""
        return wanted.key[0] == "event" and wanted.key[-1] in self.completed

    async def take(self, wanted: Fact, is_hopeless: Callable[[], bool]) -> Heard | None:
        """Wait for a message, and take it out; None once there is no hope."""
        while True:
            for heard in self._waiting:
                if (heard.fact.lane, heard.fact.key) == (wanted.lane, wanted.key):
                    self._waiting.remove(heard)
                    return heard
            if is_hopeless() or self.is_completed(wanted):
                return None
            await self._lot.park()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something that `stir` or a message brings."""
        while not happened():
            await self._lot.park()
