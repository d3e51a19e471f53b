"""What every test can count on: async tests run under trio."""

import signal

import pytest

from tests.trio_runner import FAIL_SAFE, is_async, synchronous


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # who starts in the background has it ignored, as its children
    config.addinivalue_line(
        "markers",
        "real_time(within): an async test that runs on the real clock instead of a mock one, for so many seconds at most",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Make an async test callable in place; pytest then calls it as any other."""
    test = pyfuncitem.obj
    marked = pyfuncitem.get_closest_marker("real_time")
    real_time = 0.0 if marked is None else float(marked.kwargs.get("within", FAIL_SAFE))
    under_hypothesis = getattr(test, "hypothesis", None)
    if under_hypothesis is not None and is_async(under_hypothesis.inner_test):
        under_hypothesis.inner_test = synchronous(under_hypothesis.inner_test, real_time=real_time)
    elif is_async(test):
        pyfuncitem.obj = synchronous(test, real_time=real_time)
