"""The heap of alarms, on a clock that jumps."""

import gc
import math
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hypothesis
import pytest
import trio
from hypothesis import strategies as st

from mrcpbalance.proxy.deadlines import RESOLUTION, SMALL, Deadlines

HOUR = 3600.0


class Rings:
    """Notes who rang and when; `do` has a ring do something."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self.rung: list[tuple[str, float]] = []
        self.do: dict[str, Callable[[], object]] = {}

    def of(self, name: str) -> Callable[[float], None]:
        def ring(now: float) -> None:
            self.rung.append((name, now))
            self.do.get(name, lambda: None)()

        return ring

    def serve(self) -> bool:
        while (alarm := self.deadlines.due(trio.current_time())) is not None:
            alarm.ring(trio.current_time())
        return False

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.rung]


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Deadlines, Rings]]:
    deadlines = Deadlines(trio.current_time)
    rings = Rings(deadlines)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run, rings.serve)
        await trio.testing.wait_all_tasks_blocked()
        yield deadlines, rings
        nursery.cancel_scope.cancel()


async def test_they_ring_in_order_and_on_time() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        for name, at in (
            ("third", 3 * HOUR),
            ("first", HOUR),
            ("second", 2 * HOUR),
            ("second too", 2 * HOUR),
        ):
            deadlines.alarm(rings.of(name)).set(start + at)
        await trio.sleep(4 * HOUR)
        assert rings.rung == [
            ("first", start + HOUR),
            ("second", start + 2 * HOUR),
            ("second too", start + 2 * HOUR),
            ("third", start + 3 * HOUR),
        ]
        assert deadlines.entries == 0


async def test_moved_later_it_rings_later() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        alarm = deadlines.alarm(rings.of("moved"))
        for minute in range(100):
            alarm.set(start + HOUR + minute * 60)
        assert deadlines.entries == 1
        await trio.sleep(4 * HOUR)
        assert rings.rung == [("moved", start + HOUR + 99 * 60)]


async def test_moved_earlier_it_rings_earlier_and_once() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        alarm = deadlines.alarm(rings.of("moved"))
        alarm.set(start + 3 * HOUR)
        await trio.sleep(1)
        alarm.set(start + HOUR)
        assert len(deadlines) == 1
        await trio.sleep(4 * HOUR)
        assert rings.rung == [("moved", start + HOUR)]


async def test_cleared_it_does_not_ring() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        alarm = deadlines.alarm(rings.of("never"))
        alarm.clear()
        alarm.set(start + HOUR)
        alarm.clear()
        alarm.clear()
        assert len(deadlines) == 0
        await trio.sleep(2 * HOUR)
        assert rings.rung == []
        assert deadlines.entries == 0
        alarm.clear()


@pytest.mark.parametrize("again", [0.5 * HOUR, HOUR, 2 * HOUR])
async def test_cleared_and_set_again_it_rings_once(again: float) -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        alarm = deadlines.alarm(rings.of("again"))
        alarm.set(start + HOUR)
        alarm.clear()
        alarm.set(start + again)
        assert len(deadlines) == 1
        await trio.sleep(3 * HOUR)
        assert rings.rung == [("again", start + again)]
        alarm.set(start + 4 * HOUR)
        await trio.sleep(3 * HOUR)
        assert len(rings.rung) == 2


async def test_never_is_a_time() -> None:
    async with running() as (deadlines, rings):
        alarm = deadlines.alarm(rings.of("never"))
        alarm.set(math.inf)
        assert deadlines.entries == 0
        alarm.set(trio.current_time() + HOUR)
        alarm.set(math.inf)
        await trio.sleep(2 * HOUR)
        assert rings.rung == []


async def test_what_is_past_rings_at_once() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        deadlines.alarm(rings.of("past")).set(start - HOUR)
        await trio.sleep(1)
        [(name, at)] = rings.rung
        assert name == "past"
        assert 0 <= at - start <= RESOLUTION


async def test_a_ring_may_set_itself_and_others() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        repeated = deadlines.alarm(rings.of("again"))
        other = deadlines.alarm(rings.of("other"))
        other.set(start + HOUR)
        repeated.set(start + HOUR / 2)

        def again() -> None:
            other.clear()
            if len(rings.rung) < 3:
                repeated.set(start + HOUR * len(rings.rung))

        rings.do["again"] = again
        await trio.sleep(5 * HOUR)
        assert rings.rung == [
            ("again", start + HOUR / 2),
            ("again", start + HOUR),
            ("again", start + 2 * HOUR),
        ]


async def test_one_cleared_by_another_of_the_same_time_does_not_ring() -> None:
    async with running() as (deadlines, rings):
        at = trio.current_time() + HOUR
        first, second = deadlines.alarm(rings.of("first")), deadlines.alarm(rings.of("second"))
        rings.do["first"] = second.clear
        first.set(at)
        second.set(at)
        await trio.sleep(2 * HOUR)
        assert rings.names == ["first"]


async def test_many_share_a_wake_up() -> None:
    async with running() as (deadlines, rings):
        start = trio.current_time()
        for number in range(1000):
            deadlines.alarm(rings.of(str(number))).set(start + 1 + number / 10_000)
        await trio.sleep(2)
        assert len(rings.rung) == 1000
        assert len({at for _, at in rings.rung}) <= 0.1 / RESOLUTION + 2
        assert all(0 <= at - (start + 1 + int(name) / 10_000) <= RESOLUTION + 1e-9 for name, at in rings.rung)


async def test_rousing() -> None:
    served: list[float] = []
    deadlines = Deadlines(trio.current_time)

    def serve() -> bool:
        served.append(trio.current_time())
        return len(served) < 3

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run, serve)
        await trio.testing.wait_all_tasks_blocked()
        assert len(served) == 3  # twice it left something undone
        deadlines.rouse()
        deadlines.rouse()
        await trio.testing.wait_all_tasks_blocked()
        assert len(served) == 4
        nursery.cancel_scope.cancel()


class Big:
    """Something that is kept alive by who may call it."""

    def ring(self, now: float) -> None: ...


def test_a_cleared_alarm_keeps_nothing_alive() -> None:
    deadlines = Deadlines(lambda: 0.0)
    big = Big()
    alarm = deadlines.alarm(big.ring)
    alarm.set(HOUR)
    gone = weakref.ref(big)
    del big
    gc.collect()
    assert gone() is not None
    alarm.clear()
    assert deadlines.entries == 1
    del alarm
    gc.collect()
    assert gone() is None


def test_few_entries_are_empty_however_often_alarms_move_earlier() -> None:
    deadlines = Deadlines(lambda: 0.0)
    alarms = [deadlines.alarm(lambda _now: None) for _ in range(1000)]
    for alarm in alarms:  # as a caller's first message does with what it was given to say it
        alarm.set(2 * HOUR)
        alarm.set(HOUR)
    assert len(deadlines) == 1000
    assert deadlines.entries <= 1000 * 4 / 3 + 1


def test_the_heap_is_rebuilt_when_most_is_empty() -> None:
    deadlines = Deadlines(lambda: 0.0)
    rings = Rings(deadlines)
    alarms = [deadlines.alarm(rings.of(str(number))) for number in range(1000)]
    for number, alarm in enumerate(alarms):
        alarm.set(HOUR + number)
    for alarm in alarms[5:]:
        alarm.clear()
    assert len(deadlines) == 5
    assert deadlines.entries <= 5 + 2 * SMALL
    for alarm in alarms[5:]:  # those that were taken out must not believe to be in
        alarm.set(2 * HOUR)
    assert len(deadlines) == 1000
    rung = 0
    while deadlines.due(3 * HOUR) is not None:
        rung += 1
    assert rung == 1000
    assert len(deadlines) == deadlines.entries == 0


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(-3, 20)), st.integers(0, 3)), max_size=200
)


@hypothesis.given(steps=STEPS)
def test_any_walk_rings_what_a_plain_table_would(steps: list[tuple[int, int | None, int]]) -> None:
    """Set and clear at random: each alarm rings exactly when it is due by its last setting."""
    now = 0.0
    deadlines = Deadlines(lambda: now)
    alarms = [deadlines.alarm(lambda _now: None) for _ in range(6)]
    table: dict[int, float] = {}
    for which, at, passing in steps:
        if at is None:
            alarms[which].clear()
            table.pop(which, None)
        else:
            alarms[which].set(now + at)
            table[which] = now + at
        assert len(deadlines) == len(table)
        now += passing
        due = sorted((when, number) for number, when in table.items() if when <= now)
        rung = []
        while (alarm := deadlines.due(now)) is not None:
            rung.append(alarms.index(alarm))
        assert sorted(rung) == sorted(number for _, number in due)
        for _, number in due:
            del table[number]
