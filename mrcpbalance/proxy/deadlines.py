"""Deadlines: one lazy heap of alarms, and the task that waits for the earliest.

An alarm that is moved later stays where it is in the heap and is put back when its old time comes, so moving it costs
one field. A cleared alarm leaves an empty entry behind, which holds nothing alive; the heap is rebuilt when a quarter of
its entries are empty.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Never

import trio

if TYPE_CHECKING:
    from mrcpbalance.proxy._link_desk import Family

RESOLUTION: Final = 0.01  # seconds between two wake-ups, so that many alarms share one
SMALL: Final = 64  # empty entries that are never worth a rebuild
SPARE: Final = 4  # one entry in so many may be empty: each holds as much memory as one that isn't


class _Entry:
    """An alarm's place in the heap: the time it is looked at, and the alarm unless that was cleared."""

    __slots__ = ("alarm", "when")

    def __init__(self, when: float, alarm: "DeadlineAlarm | None") -> None:
        self.when = when
        self.alarm = alarm


NOWHERE: Final = _Entry(math.inf, None)


class DeadlineAlarm:
    """One deadline (the core's `Alarm`); whoever holds it may set it again after it rang or was cleared."""

    __slots__ = ("_at", "_deadlines", "_entry", "family", "ring")

    def __init__(
        self, deadlines: "Deadlines", ring: Callable[[float], None], family: "Family | None"
    ) -> None:
        self.ring = ring
        self.family = family
        self._deadlines = deadlines
        self._at = math.inf
        self._entry = NOWHERE

    def set(self, at: float) -> None:
        """Ring at this time, or up to `RESOLUTION` later."""
        entry = self._entry
        if entry.when <= at and entry.alarm is not None:
            self._at = at
        else:
            self._entry = self._deadlines.enter(entry, self, at)
            self._at = at

    def clear(self) -> None:
        """Don't ring."""
        entry = self._entry
        if entry.alarm is not None:
            entry.alarm = None
            self._deadlines.emptied()

    def put_back(self, now: float) -> bool:
        """Tell whether it was moved to after `now`, and go there; else it is set no longer and due."""
        self._entry = NOWHERE
        if self._at <= now:
            return False
        self._entry = self._deadlines.enter(NOWHERE, self, self._at)
        return True


class Deadlines:
    """All alarms of one process; times are those of the clock given."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, _Entry]] = []
        self._empty = 0
        self._serial = itertools.count()  # entries of one time ring in the order they were set
        self._sleeps_until = -math.inf  # only while the task sleeps can an alarm come too early for it
        self._served = -math.inf
        self._roused = trio.Event()

    def __len__(self) -> int:
        """Count the alarms that are set."""
        return len(self._heap) - self._empty

    @property
    def entries(self) -> int:
        """Count the heap's entries, the empty ones included."""
        return len(self._heap)

    def alarm(self, ring: Callable[[float], None], family: "Family | None" = None) -> DeadlineAlarm:
        """Make an alarm, not set; `family` is who suffers when `ring` raises."""
        return DeadlineAlarm(self, ring, family)

    def enter(self, old: _Entry, alarm: DeadlineAlarm, at: float) -> _Entry:
        """Give an alarm its place: the old one, emptied and still early enough, or a new one."""
        if old.when <= at < math.inf:
            old.alarm = alarm
            self._empty -= 1
            return old
        if old.alarm is not None:
            old.alarm = None
            self.emptied()
        if at == math.inf:
            return NOWHERE
        entry = _Entry(at, alarm)
        heapq.heappush(self._heap, (at, next(self._serial), entry))
        if at < self._sleeps_until:
            self.rouse()
        return entry

    def emptied(self) -> None:
        """Take note that an entry lost its alarm; rebuild the heap when too many did."""
        self._empty += 1
        if self._empty > SMALL and self._empty * SPARE > len(self._heap):
            for _, _, entry in self._heap:
                if entry.alarm is None:
                    entry.when = math.inf  # its alarm may still know it, and must not come back to it
            self._heap = [item for item in self._heap if item[2].alarm is not None]
            heapq.heapify(self._heap)
            self._empty = 0

    def due(self, now: float) -> DeadlineAlarm | None:
        """Take the earliest alarm that is due; the caller rings it before it asks for the next."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            entry = heapq.heappop(heap)[2]
            entry.when = math.inf
            alarm, entry.alarm = entry.alarm, None
            if alarm is None:
                self._empty -= 1
            elif not alarm.put_back(now):
                return alarm
        return None

    def rouse(self) -> None:
        """Have the task serve at once; from tasks of the same trio run only."""
        self._roused.set()

    async def run(self, serve: Callable[[], bool]) -> Never:
        """Call `serve` when an alarm is due or after `rouse`; it tells whether it left something undone."""
        while True:
            if serve():
                await trio.lowlevel.checkpoint()
            else:
                self._served = self._clock()
                await self._sleep()

    async def _sleep(self) -> None:
        first = self._heap[0][0] if self._heap else math.inf
        soonest = self._served + RESOLUTION
        if first > soonest:
            self._sleeps_until = first
        with trio.move_on_after(max(0.0, max(first, soonest) - self._clock())):
            await self._roused.wait()
        self._sleeps_until = -math.inf
        if self._roused.is_set():
            self._roused = trio.Event()
