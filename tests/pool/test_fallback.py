"""Pools that stand in for a pool: when they are asked, how often, and what waiting is worth then."""

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import HealthConfig, PoolConfig
from mrcpbalance.pool import Backend, Pool, Seat, Want, link
from tests.pool.build import RECOG, SYNTH, server, take_down
from tests.pool.test_queue import Bell

HEALTH: Final = HealthConfig(interval=5.0, fall=2)


def make(name: str, servers: str, fallback: str = "", **more: object) -> Pool:
    """Make a pool of one letter with servers of one letter each, for one session each."""
    backends = {letter: server(letter, max_sessions=1) for letter in servers}
    config = PoolConfig(
        name=name,
        policy="first",
        health=HEALTH,
        fallback=tuple(fallback),
        backends=backends,
        **more,  # type: ignore[arg-type]
    )
    return Pool(config, lambda: 0.0)


def linked(*pools: Pool) -> tuple[Pool, ...]:
    link({pool.name: pool for pool in pools})
    return pools


def label(pool: Pool, seat: Seat | None) -> str:
    return "-" if seat is None else pool.label(seat.backend)


def taken(pool: Pool, count: int, want: Want = RECOG) -> str:
    return " ".join(label(pool, pool.take(want, now=0.0)) for _ in range(count))


def test_what_is_full_flows_over_in_order() -> None:
    p, _, _ = linked(make("P", "ab", "QR"), make("Q", "a"), make("R", "c"))
    assert taken(p, 5) == "a b Q/a R/c -"


def test_room_of_ones_own_comes_first_again() -> None:
    p, q = linked(make("P", "a", "Q"), make("Q", "b"))
    first = p.take(RECOG, now=0.0)
    assert first is not None
    assert taken(p, 1) == "Q/b"
    first.release()
    assert taken(p, 2) == "a -"
    assert taken(q, 1) == "-"


def test_theirs_stand_in_too() -> None:
    p, _, _ = linked(make("P", "a", "Q"), make("Q", "b", "R"), make("R", "c"))
    assert taken(p, 4) == "a Q/b R/c -"


def test_a_resource_nobody_here_serves() -> None:
    recog = PoolConfig(
        name="P", fallback=("Q",), backends={"a": server("a", resources=frozenset({"speechrecog"}))}
    )
    p, _ = linked(Pool(recog, lambda: 0.0), make("Q", "b"))
    assert taken(p, 1, SYNTH) == "Q/b"
    assert p.serves("speechsynth")
    link({"P": p})
    assert not p.serves("speechsynth")


def test_one_that_is_down_is_the_last_resort_after_all_others() -> None:
    p, q = linked(make("P", "a", "Q"), make("Q", "b"))
    take_down(p.backends["a"], 0.0)
    assert taken(p, 1) == "Q/b"
    take_down(q.backends["b"], 0.0)
    assert taken(p, 1) == "a"


def tries(pool: Pool, *, down: Callable[[Backend], None] = lambda _: None) -> str:
    """Let each try fail until there are no more."""
    tried: list[Backend] = []
    while (seat := pool.take(RECOG, now=0.0, tried=tried)) is not None:
        seat.release()
        tried.append(seat.backend)
        down(seat.backend)
    assert pool.peek(RECOG, 0.0, tried) is None
    return " ".join(map(pool.label, tried))


RETRIES: Final[dict[str, tuple[tuple[Pool, ...], str]]] = {
    "each pool has its own": (
        (make("P", "abc", "Q", retries=1), make("Q", "defg", retries=2)),
        "a b Q/d Q/e Q/f",
    ),
    "none here": ((make("P", "abc", "Q", retries=0), make("Q", "d")), "a Q/d"),
    "fewer backends than tries": ((make("P", "a", "Q", retries=9), make("Q", "d")), "a Q/d"),
    "without a fallback": ((make("P", "abcd", retries=2),), "a b c"),
}


@pytest.mark.parametrize(("pools", "asked"), RETRIES.values(), ids=RETRIES)
def test_tries(pools: tuple[Pool, ...], asked: str) -> None:
    assert tries(linked(*pools)[0]) == asked


def test_which_answers_are_retried_is_up_to_whose_they_are() -> None:
    p, q = linked(make("P", "a", "Q", retry_statuses=(503,)), make("Q", "b", retry_statuses=(486,)))
    a, b = p.backends["a"], q.backends["b"]
    assert [p.is_retried(a, status) for status in (503, 486)] == [True, False]
    assert [p.is_retried(b, status) for status in (503, 486)] == [False, True]
    link({"P": p})
    assert p.is_retried(b, 503)  # a reload took its pool out


def test_labels_find_their_backends() -> None:
    p, q = linked(make("P", "a", "Q"), make("Q", "ab"))
    for pool, name, text in ((p, "a", "a"), (q, "a", "Q/a"), (q, "b", "Q/b")):
        assert p.label(pool.backends[name]) == text
        assert p.find(text) is pool.backends[name]
    assert q.find("Q/a") is q.find("a") is q.backends["a"]
    assert p.find("b") is p.find("R/a") is p.find("Q/c") is None


def test_a_full_one_answers_what_needs_no_room_only_when_all_are_full() -> None:
    p, q = linked(make("P", "a", "Q"), make("Q", "b"))
    taken(p, 1)
    assert p.peek(RECOG, 0.0) is q.backends["b"]
    taken(q, 1)
    assert p.peek(RECOG, 0.0) is p.backends["a"]


class Line:
    """Sessions that wait for a pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.told: list[str] = []
        self.bells: list[Bell] = []

    def join(self) -> bool:
        def bell(ring: Callable[[float], None]) -> Bell:
            self.bells.append(Bell(ring))
            return self.bells[-1]

        def placed(seat: Seat, now: float) -> None:
            self.told.append(f"{self.pool.label(seat.backend)} at {now:g}")

        def refused(now: float) -> None:
            self.told.append(f"refused at {now:g}")

        waiter = self.pool.wait(RECOG, now=0.0, bell=bell, placed=placed, refused=refused)
        return waiter is not None

    def ring(self, now: float) -> None:
        for bell in self.bells:
            if bell.at is not None and bell.at <= now:
                bell.at = None
                bell.ring(now)


def test_who_waits_is_seated_wherever_there_is_room_first() -> None:
    p, q = linked(make("P", "a", "Q", queue_size=2), make("Q", "b"))
    own, other = p.take(RECOG, now=0.0), p.take(RECOG, now=0.0)
    assert own is not None
    assert other is not None
    line = Line(p)
    assert line.join()
    assert line.join()
    assert p.take(RECOG, now=0.0) is None
    other.release()
    line.ring(0.5)
    assert line.told == ["Q/b at 0.5"]
    own.release()
    line.ring(0.7)
    assert line.told == ["Q/b at 0.5", "a at 0.7"]
    assert q.queue.waiting == p.queue.waiting == 0


def test_those_of_a_fallback_that_wait_there_come_first_there() -> None:
    p, q = linked(make("P", "a", "Q"), make("Q", "b", queue_size=1))
    assert taken(p, 1) == "a"
    there = q.take(RECOG, now=0.0)
    assert there is not None
    line = Line(q)
    assert line.join()
    there.release()
    assert p.take(RECOG, now=0.0) is None  # and it does not wait in that queue
    line.ring(0.1)
    assert line.told == ["b at 0.1"]


def test_who_waited_in_vain_is_refused() -> None:
    p, _ = linked(make("P", "a", "Q", queue_size=1, queue_timeout=2.0), make("Q", "b"))
    taken(p, 2)
    line = Line(p)
    assert line.join()
    line.ring(1.9)
    line.ring(2.0)
    assert line.told == ["refused at 2"]


def test_nobody_waits_without_tries() -> None:
    p, q = linked(make("P", "a", "Q", queue_size=1, retries=0), make("Q", "b", retries=0))
    tried = [p.backends["a"], q.backends["b"]]
    waiter = p.wait(RECOG, now=0.0, bell=Bell, placed=lambda *_: None, refused=lambda *_: None, tried=tried)
    assert waiter is None


def test_the_time_at_which_a_fallback_may_have_room_counts() -> None:
    p, q = linked(make("P", "a", "Q", queue_size=1), make("Q", "b"))
    taken(p, 1)
    take_down(q.backends["b"], 0.0)
    line = Line(p)
    assert line.join()
    assert line.bells[0].at == 2.0  # its own time is over before b is on probation
    p.queue.timeout = 60.0
    other = Line(p)
    p.queue.size = 2
    assert other.join()
    assert other.bells[0].at == 5.0


LETTERS: Final = "abcd"


@given(
    st.dictionaries(st.sampled_from(LETTERS), st.lists(st.sampled_from(LETTERS), unique=True), min_size=1),
    st.lists(st.sampled_from(LETTERS), max_size=12),
)
def test_a_session_goes_to_the_first_pool_of_its_chain_with_room(
    graph: dict[str, list[str]], comers: list[str]
) -> None:
    pools = {name: make(name, "x", "".join(others)) for name, others in graph.items()}
    link(pools)
    free = set(pools)
    for name in comers:
        if name in pools:
            chain = [pool.name for pool in pools[name].chain]
            wanted = next((other for other in chain if other in free), None)
            seat = pools[name].take(RECOG, now=0.0)
            assert (None if seat is None else seat.backend.pool) == wanted
            free -= {wanted}
