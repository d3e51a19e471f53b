"""When the sessions of a load begin: at a rate or so many at a time, growing at first, for a time or a number."""

import math
from typing import Final

import attrs
import trio

from ._book import Book
from ._play import Play
from ._scenario import Scenario
from ._trunks import Anomalies, Target, Trunks, trunks_to

BREATH: Final = 0.1  # seconds after a session that failed: whoever refuses is not asked as fast as can be


@attrs.frozen(kw_only=True)
class Pace:
    """How a load comes. Either a `rate` (sessions begun in a second) or a `concurrency` (live at a time)."""

    rate: float | None = None
    concurrency: int = 1
    ramp: float = 0.0  # seconds from nothing to the full rate or concurrency
    most: int = 10_000  # sessions live at a time, whatever the rate
    count: int | None = None  # sessions in all
    duration: float = math.inf  # seconds in which sessions begin
    hold: float = 0.0  # seconds between a session's last step and its end
    each: int = 1  # sessions that share a connection

    def due(self, number: int) -> float:
        """Tell when the session with this number, from 0, begins at a rate: seconds from the start."""
        assert self.rate is not None, "by rate"
        grown = self.rate * self.ramp / 2  # begun while the rate grows
        if number < grown:
            return math.sqrt(2 * self.ramp * number / self.rate)
        return self.ramp + (number - grown) / self.rate


@attrs.define(eq=False)
class Campaign:
    """One load on one target."""

    scenario: Scenario
    target: Target
    pace: Pace
    book: Book = attrs.field(factory=Book)
    anomalies: Anomalies = attrs.field(factory=Anomalies)
    started_at: float = 0.0
    ended_at: float | None = None
    released: trio.Event = attrs.field(factory=trio.Event)  # sessions are held no longer
    _stop: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _begun: int = 0

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far."""
        end = trio.current_time() if self.ended_at is None else self.ended_at
        return end - self.started_at

    def stop(self) -> None:
        """Begin no further session; those that live go on to their end, and are held no longer."""
        self._stop.cancel()
        self.released.set()

    async def run(self) -> None:
        """Play until the time or the number is reached, or until stopped, then until the last session has ended."""
        self.started_at = trio.current_time()
        try:
            async with (
                trunks_to(self.target, self.pace.each, self.anomalies) as trunks,
                trio.open_nursery() as nursery,
            ):
                with self._stop:
                    self._stop.deadline = self.started_at + self.pace.duration
                    if self.pace.rate is None:
                        await self._keep_busy(trunks, nursery)
                    else:
                        await self._begin_by_rate(trunks, nursery)
        finally:
            self.ended_at = trio.current_time()

    def _next(self) -> bool:
        """Tell whether one more is to begin, and count it."""
        if self._stop.cancel_called or (self.pace.count is not None and self._begun >= self.pace.count):
            return False
        self._begun += 1
        return True

    async def _begin_by_rate(self, trunks: Trunks, nursery: trio.Nursery) -> None:
        number = 0
        while self._next():
            await trio.sleep_until(self.started_at + self.pace.due(number))
            number += 1
            if self.book.live >= self.pace.most:
                self.book.held_back += 1
            else:
                self.book.began()
                nursery.start_soon(self._play, trunks)

    async def _keep_busy(self, trunks: Trunks, nursery: trio.Nursery) -> None:
        for worker in range(self.pace.concurrency):
            await trio.sleep_until(self.started_at + self.pace.ramp * worker / self.pace.concurrency)
            nursery.start_soon(self._work, trunks)
        if self.pace.count is None:
            await trio.sleep_forever()  # until the time is over

    async def _work(self, trunks: Trunks) -> None:
        while trio.current_time() < self._stop.deadline and self._next():
            self.book.began()
            if await self._play(trunks) is not None:
                await trio.sleep(BREATH)

    async def _play(self, trunks: Trunks) -> str | None:
        async with trunks.open(self.scenario.resources) as opening:
            cause = await Play(self.scenario, self.book, self.pace.hold, self.released).run(opening)
        self.book.ended(cause)
        return cause
