"""Run an async test under trio: a mock clock of its own, and assertion errors without their exception groups.

`tests/conftest.py` calls this for every `async def test_...`, those under Hypothesis' `@given` included. The clock
jumps whenever all tasks wait, so a test of an hour takes no time and a test that hangs fails at once. Tests with real
sockets, processes or threads are marked `real_time` (one by one, or `pytestmark = pytest.mark.real_time`); one that may take
longer than others says how long: `pytest.mark.real_time(within=90)`.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio
import trio.testing

FAIL_SAFE = 30.0  # seconds of real time
FOREVER = 1e9  # seconds of the mock clock, which jumps there when nothing else is left to happen


def run(test: Callable[..., Awaitable[None]], /, *, real_time: float = 0.0, **arguments: object) -> None:
    """Run one async test to its end; a lone failure is raised as itself, however deep the nurseries it fell in.

    `real_time` is how many seconds it may take, where it runs on the real clock.
    """
    __tracebackhide__ = True
    clock = None if real_time else trio.testing.MockClock(autojump_threshold=0)

    async def main() -> None:
        with trio.fail_after(real_time or FOREVER):
            await test(**arguments)

    try:
        trio.run(main, clock=clock)
    except BaseExceptionGroup as group:
        failure = alone(group)
    else:
        return
    reraise(failure)


def alone(failure: BaseException) -> BaseException:
    """Take a failure out of the groups around it, as long as each holds no other."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def reraise(failure: BaseException) -> NoReturn:
    """Raise it with the traceback it has, and without the groups as its context."""
    __tracebackhide__ = True
    try:
        raise failure.with_traceback(failure.__traceback__)
    finally:
        del failure  # no cycle through this frame


def synchronous(test: Callable[..., Awaitable[None]], *, real_time: float) -> Callable[..., None]:
    """Wrap an async test so that pytest and Hypothesis can call it."""

    @functools.wraps(test)
    def call(**arguments: object) -> None:
        __tracebackhide__ = True
        run(test, real_time=real_time, **arguments)

    return call


def is_async(test: object) -> bool:
    """Tell whether calling this test gives something to await."""
    return inspect.iscoroutinefunction(test)
