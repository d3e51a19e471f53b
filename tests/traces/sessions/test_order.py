"""Things put in order of time, within a window."""

from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces.sessions import Order


@given(st.lists(st.integers(0, 1000)), st.integers(0, 50))
def test_late_things_come_in_order_within_the_window(times: list[int], window: int) -> None:
    out: list[int] = []
    order: Order[int] = Order(window, out.append)
    newest = 0
    for time in times:
        order.put(time, time)
        newest = max(newest, time)
        assert all(one <= newest - window for one in out)
    order.end()
    assert sorted(out) == sorted(times)
    if all(time >= max(times[:place], default=0) - window for place, time in enumerate(times)):
        assert out == sorted(times)


def test_things_of_one_time_keep_their_order() -> None:
    out: list[str] = []
    order: Order[str] = Order(10, out.append)
    for word in ("a", "b", "c"):
        order.put(5, word)
    order.end()
    assert out == ["a", "b", "c"]
