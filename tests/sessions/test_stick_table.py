"""What a stick table remembers, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import StickTableConfig
from mrcpbalance.sessions import StickTable


def table(size: int = 3, expire: float = 10.0) -> StickTable:
    return StickTable(StickTableConfig(name="clients", size=size, expire=expire))


def test_a_hit_renews() -> None:
    clients = table()
    clients.put("192.0.2.1", "a", 0.0)
    assert clients.get("192.0.2.2", 0.0) is None
    assert clients.get("192.0.2.1", 9.0) == "a"
    assert clients.get("192.0.2.1", 18.9) == "a"
    assert clients.get("192.0.2.1", 28.9) is None
    assert clients.entries(28.9) == 0


def test_the_last_put_counts() -> None:
    clients = table(size=1)
    clients.put("192.0.2.1", "a", 0.0)
    clients.put("192.0.2.1", "b", 5.0)
    assert clients.get("192.0.2.1", 14.0) == "b"
    assert (clients.entries(14.0), clients.evictions) == (1, 0)


def test_the_least_recently_used_goes_when_it_is_full() -> None:
    clients = table()
    for source in "abc":
        clients.put(source, source.upper(), 0.0)
    clients.get("a", 1.0)
    clients.put("d", "D", 1.0)
    assert [clients.get(source, 1.0) for source in "abcd"] == ["A", None, "C", "D"]
    assert (clients.name, clients.entries(1.0), clients.size, clients.evictions) == ("clients", 3, 3, 1)


def test_the_expired_are_swept_a_few_at_a_time_and_are_no_evictions() -> None:
    clients = table(size=100)
    for number in range(5):
        clients.put(f"old {number}", "a", 0.0)
    seen: list[int] = []
    for number in range(4):
        clients.put(f"new {number}", "a", 10.0)
        seen.append(clients.entries(0.0))  # so that nothing is swept to count them
    assert seen == [4, 3, 3, 4]
    assert clients.evictions == 0


STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("abcdef"), st.sampled_from("xyz"), st.floats(0.0, 6.0)),
    max_size=60,
)


@given(STEPS, st.integers(1, 4))
def test_like_a_list_that_is_searched(steps: list[tuple[bool, str, str, float]], size: int) -> None:
    clients, model, now = table(size), dict[str, tuple[str, float]](), 0.0
    for putting, source, backend, wait in steps:
        now += wait
        model = {its: entry for its, entry in model.items() if entry[1] > now}
        known = model.pop(source, None)
        if putting:
            if len(model) >= size:
                model.pop(next(iter(model)))
            clients.put(source, backend, now)
            model[source] = (backend, now + 10.0)
        else:
            assert clients.get(source, now) == (known and known[0])
            if known:
                model[source] = (known[0], now + 10.0)
        assert len(model) == clients.entries(now) <= size


def test_what_is_held_does_not_expire() -> None:
    clients = table()
    clients.hold("a")
    clients.hold("a")
    assert clients.get("a", 0.0) is None
    clients.put("a", "x", 0.0)
    clients.put("b", "x", 0.0)
    assert clients.entries(20.0) == 1
    assert clients.get("a", 50.0) == "x"
    clients.release("a", 51.0)
    assert clients.get("a", 80.0) == "x"
    clients.release("a", 81.0)
    assert clients.get("a", 90.9) == "x"
    assert clients.entries(100.9) == 0


def test_what_is_held_makes_room_all_the_same() -> None:
    clients = table(size=1)
    clients.hold("a")
    clients.put("a", "x", 0.0)
    clients.put("b", "y", 1.0)
    assert clients.get("a", 1.0) is None
    clients.release("a", 2.0)
    assert (clients.entries(2.0), clients.evictions) == (1, 1)


def test_another_size_and_time() -> None:
    table = StickTable(StickTableConfig(name="clients", size=3, expire=10.0))
    for source in "abc":
        table.put(source, "x", 0.0)
    table.become(StickTableConfig(name="clients", size=2, expire=100.0))
    assert (table.entries(0.0), table.size, table.evictions) == (2, 2, 1)
    assert table.get("a", 1.0) is None
    assert table.get("c", 1.0) == "x"
    assert table.get("c", 99.0) == "x"
