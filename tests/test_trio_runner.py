"""The runner of async tests: its clock, its way with groups, and that pytest uses it."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.trio_runner import run

HOUR = 3600.0


async def test_the_clock_jumps() -> None:
    before = trio.current_time()
    await trio.sleep(HOUR)
    assert trio.current_time() - before == HOUR


@pytest.mark.real_time
async def test_marked_tests_see_the_real_clock() -> None:
    with trio.move_on_after(0.001) as scope:
        await trio.sleep(HOUR)
    assert scope.cancelled_caught


@given(number=st.integers())
async def test_hypothesis_calls_async_tests(number: int) -> None:
    await trio.sleep(HOUR)
    assert isinstance(number, int)


async def test_fixtures_and_parameters_arrive(tmp_path: object) -> None:
    assert tmp_path is not None


def test_a_lone_failure_leaves_its_groups() -> None:
    async def fails() -> None:
        async with trio.open_nursery() as outer, trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            outer.start_soon(trio.sleep_forever)
            raise KeyError("the one")

    with pytest.raises(KeyError, match="the one") as caught:
        run(fails)
    assert caught.value.__context__ is None


def test_two_failures_stay_together() -> None:
    async def fail(fault: Exception) -> None:
        raise fault

    async def fails() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, KeyError())
            nursery.start_soon(fail, OSError())

    with pytest.RaisesGroup(KeyError, OSError):
        run(fails)


def test_a_hang_fails_at_once() -> None:
    with pytest.raises(trio.TooSlowError):
        run(trio.sleep_forever)
