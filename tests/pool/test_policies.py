"""How each policy chooses."""

from collections import Counter
from typing import get_args

import pytest

from mrcpbalance.pool import Backend, Pool, Seat, Want
from mrcpbalance.pool._policies import POLICIES, RandomTwo
from tests.pool.build import RECOG, Policy, names, pool, server

WEIGHTED: list[Policy] = ["least-sessions", "round-robin", "random-two", "source-hash"]

# policy, weights -> the first sessions, none ending
TURNS: dict[str, tuple[Policy, dict[str, int], str]] = {
    "first": ("first", {"a": 1, "b": 5}, "aaaa"),
    "round-robin": ("round-robin", {"a": 1, "b": 1, "c": 1}, "abcabc"),
    "round-robin, weighted and smooth": ("round-robin", {"a": 5, "b": 1, "c": 1}, "aabacaaaabacaa"),
    "least-sessions, evenly": ("least-sessions", {"a": 1, "b": 1, "c": 1}, "abccba"),
    "least-sessions, weighted": ("least-sessions", {"a": 3, "b": 1}, "abaaabaa"),
    "least-sessions, alone": ("least-sessions", {"a": 1}, "aaa"),
    "random-two, alone": ("random-two", {"a": 1}, "aaa"),
    "source-hash, one source": ("source-hash", {"a": 1, "b": 1, "c": 1}, "bbbb"),
}


def weighted(policy: Policy, weights: dict[str, int]) -> Pool:
    return pool(*(server(name, weight=weight) for name, weight in weights.items()), policy=policy)


def from_source(number: int) -> Want:
    return Want("rtsp", "speechrecog", f"192.0.{number // 250}.{number % 250}")


def chosen(speech: Pool, want: Want) -> Backend:
    backend = speech.peek(want, 0.0)
    assert backend is not None
    return backend


def test_every_policy_is_there() -> None:
    assert set(POLICIES) == set(get_args(Policy))


@pytest.mark.parametrize(("policy", "weights", "turns"), TURNS.values(), ids=TURNS)
def test_turns(policy: Policy, weights: dict[str, int], turns: str) -> None:
    assert names(weighted(policy, weights), RECOG, len(turns)) == turns


@pytest.mark.parametrize("policy", WEIGHTED)
@pytest.mark.parametrize("live", [1, 8, 100], ids="{} live".format)
def test_weights_show_over_a_long_run(policy: Policy, live: int) -> None:
    speech = weighted(policy, {"a": 3, "b": 1})
    seats: list[Seat] = []
    counts: Counter[str] = Counter()
    for number in range(4_000):
        seat = speech.take(from_source(number), now=0.0)
        assert seat is not None
        counts[seat.backend.name] += 1
        seats.append(seat)
        if len(seats) >= live:
            seats.pop(number * 7919 % len(seats)).release()
    assert counts["a"] / counts["b"] == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("policy", ["least-sessions", "round-robin", "random-two"])
def test_an_idle_pool_is_used_evenly(policy: Policy) -> None:
    speech = weighted(policy, {"a": 1, "b": 1, "c": 1})
    counts: Counter[str] = Counter()
    for _ in range(3_000):
        seat = speech.take(RECOG, now=0.0)
        assert seat is not None
        counts[seat.backend.name] += 1
        seat.release()
    assert list(counts.values()) == pytest.approx([1_000] * 3, rel=0.1)


def test_least_sessions_goes_where_room_was_made() -> None:
    speech = weighted("least-sessions", {"a": 1, "b": 1})
    seats = [speech.take(RECOG, now=0.0) for _ in range(4)]
    for seat in seats:
        if seat is not None and seat.backend.name == "b":
            seat.release()
    assert names(speech, RECOG, 2) == "bb"


@pytest.mark.parametrize("policy", ["least-sessions", "round-robin"])
def test_peeking_takes_no_turn(policy: Policy) -> None:
    speech = weighted(policy, {"a": 1, "b": 1})
    order = ""
    for _ in range(4):
        order += chosen(speech, RECOG).name + names(speech, RECOG, 1)
    assert order in {"aabbaabb", "aabbbbaa"}


# drawn numbers -> the one chosen of a (weight 1, one session), b (weight 2, idle), c (weight 1, idle)
DRAWS = {
    "the less loaded of the two, drawn second": ((0.0, 0.5), "b"),
    "the less loaded of the two, drawn first": ((0.3, 0.0), "b"),
    "the first drawn when alike": ((0.99, 0.99), "c"),
    "from the top end": ((0.9999999999999999, 0.9999999999999999), "c"),
}


@pytest.mark.parametrize(("draws", "name"), DRAWS.values(), ids=DRAWS)
def test_random_two(draws: tuple[float, ...], name: str) -> None:
    speech = weighted("random-two", {"a": 1, "b": 2, "c": 1})
    backends = list(speech.backends.values())
    backends[0].seat(RECOG, 0.0)
    assert RandomTwo(iter(draws).__next__).choose(backends, RECOG, taking=True).name == name


def test_source_hash_moves_only_the_sources_of_the_one_that_left() -> None:
    speech = weighted("source-hash", {"a": 1, "b": 2, "c": 1})
    sources = [from_source(number) for number in range(500)]
    before = {want: chosen(speech, want).name for want in sources}
    assert set(before.values()) == {"a", "b", "c"}
    speech.backends["b"].drain()
    moved = {before[want] for want in sources if chosen(speech, want).name != before[want]}
    assert moved == {"b"}
    speech.backends["b"].enable()
    assert {want: chosen(speech, want).name for want in sources} == before


def test_source_hash_does_not_depend_on_the_process_or_the_other_backends() -> None:
    assert [
        chosen(weighted("source-hash", dict.fromkeys("abc", 1)), from_source(n)).name for n in range(6)
    ] == list("ababbc")
    small, large = (weighted("source-hash", dict.fromkeys(names, 1)) for names in ("abc", "abcd"))
    both = [(chosen(small, from_source(n)).name, chosen(large, from_source(n)).name) for n in range(200)]
    assert all(now in {before, "d"} for before, now in both)


@pytest.mark.parametrize("policy", get_args(Policy))
def test_the_lowest_score_is_chosen(policy: Policy) -> None:
    speech = weighted(policy, {"a": 1, "b": 1})
    if policy == "random-two":
        speech.backends["a"].seat(RECOG, 0.0)
    for number in range(20):
        want = from_source(number)
        scores = {verdict.backend: verdict.score for verdict in speech.explain(want, 0.0)}
        assert scores[chosen(speech, want).name] == min(scores.values())
        speech.take(want, now=0.0)
