"""Sessions that wait while no backend is eligible: first in, first out, as many as may and as long as they may.

Whoever wants the same is in one line. When room is made, the head of the lines is rung for; everyone who can be seated
is, in the order they came, and each goes on in a call of its own alarm: never from inside another session's.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

import attrs

from ._backend import Backend
from ._histogram import Histogram
from ._seat import Seat
from ._want import Want

AT_ONCE: Final = -math.inf
WAITS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds
Line = tuple[str, str | None, tuple[str, ...], frozenset[Backend]]


class Bell(Protocol):
    """One deadline."""

    def set(self, at: float) -> None:
        """Ring at this time."""

    def clear(self) -> None:
        """Don't ring."""


MakeBell = Callable[[Callable[[float], None]], Bell]


@attrs.define(eq=False)
class Waits:
    """How sessions came out of a queue, and how long those waited that did not leave by themselves."""

    placed: int = 0
    timed_out: int = 0
    left: int = 0  # the caller was gone, or answered otherwise
    full: int = 0  # never came in
    seconds: Histogram = attrs.field(factory=lambda: Histogram(WAITS))


@attrs.define(eq=False)
class Waiter:
    """One session that waits. `placed` or `refused` is called in the end, unless it leaves."""

    queue: "Queue"
    want: Want
    tried: tuple[Backend, ...]
    number: int
    since: float
    due: float
    placed: Callable[[Seat, float], None]
    refused: Callable[[float], None]
    seat: Seat | None = None
    _bell: Bell = attrs.field(init=False)

    @classmethod
    def of(
        cls,
        queue: "Queue",
        want: Want,
        tried: tuple[Backend, ...],
        number: int,
        since: float,
        due: float,
        bell: MakeBell,
        placed: Callable[[Seat, float], None],
        refused: Callable[[float], None],
    ) -> "Waiter":
        waiter = cls(queue, want, tried, number, since, due, placed, refused)
        waiter._bell = bell(waiter._ring)
        return waiter

    @property
    def line(self) -> Line:
        """Who else waits for the same."""
        want = self.want
        return want.protocol, want.resource, want.also, frozenset(self.tried)

    def leave(self) -> None:
        """Wait no longer: the caller is gone, or was answered otherwise."""
        self._bell.clear()
        if self.queue.forget(self) or self.seat is not None:
            self.queue.waits.left += 1
        if self.seat is not None:
            seat, self.seat = self.seat, None
            seat.release()

    def ring_at(self, at: float) -> None:
        """Look again at this time."""
        self._bell.set(at)

    def _ring(self, now: float) -> None:
        self.queue.serve(now)
        if self.seat is None and now >= self.due:
            self.queue.forget(self)
            self.seat = self.queue.last_resort(self.want, now, self.tried)
            if self.seat is None:
                self.queue.waits.timed_out += 1
                self.queue.waits.seconds.observe(now - self.since)
                self.refused(now)
                return
        if self.seat is None:
            self._bell.set(min(self.due, self.queue.changes_at(now)))
        else:
            self._bell.clear()
            seat, self.seat = self.seat, None
            self.queue.waits.placed += 1
            self.queue.waits.seconds.observe(now - self.since)
            self.placed(seat, now)


@attrs.define(eq=False)
class Queue:
    """Everyone who waits for a pool."""

    size: int
    timeout: float
    take: Callable[[Want, float, Collection[Backend]], Seat | None]
    last_resort: Callable[[Want, float, Collection[Backend]], Seat | None]
    changes_at: Callable[[float], float]
    waiting: int = 0
    waits: Waits = attrs.field(factory=Waits)
    _lines: dict[Line, dict[Waiter, None]] = attrs.field(factory=dict)
    _numbers: "itertools.count[int]" = attrs.field(factory=itertools.count)

    def join(
        self,
        want: Want,
        tried: Iterable[Backend],
        now: float,
        bell: MakeBell,
        placed: Callable[[Seat, float], None],
        refused: Callable[[float], None],
    ) -> Waiter | None:
        """Wait; None when the queue is full."""
        if self.waiting >= self.size:
            self.waits.full += bool(self.size)
            return None
        due = now + self.timeout
        waiter = Waiter.of(self, want, tuple(tried), next(self._numbers), now, due, bell, placed, refused)
        self._lines.setdefault(waiter.line, {})[waiter] = None
        self.waiting += 1
        waiter.ring_at(min(due, self.changes_at(now)))
        return waiter

    def forget(self, waiter: Waiter) -> bool:
        """Take one out; False when it wasn't in."""
        line = self._lines.get(waiter.line)
        if line is None or waiter not in line:
            return False
        del line[waiter]
        self.waiting -= 1
        if not line:
            del self._lines[waiter.line]
        return True

    def room_made(self) -> None:
        """Have those who wait look at once."""
        if self.waiting:
            min((next(iter(line)) for line in self._lines.values()), key=_number).ring_at(AT_ONCE)

    def serve(self, now: float) -> None:
        """Seat everyone who can be, in the order they came."""
        heads = {key: next(iter(line)) for key, line in self._lines.items()}
        while heads:
            key, waiter = min(heads.items(), key=lambda item: item[1].number)
            waiter.seat = self.take(waiter.want, now, waiter.tried)
            if waiter.seat is None:
                del heads[key]
                continue
            self.forget(waiter)
            waiter.ring_at(AT_ONCE)
            if key in self._lines:
                heads[key] = next(iter(self._lines[key]))
            else:
                del heads[key]


def _number(waiter: Waiter) -> int:
    return waiter.number
