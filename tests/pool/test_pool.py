"""Who gets a session: eligibility, standby, the last resort, and how it is explained."""

from typing import Any, get_args

import attrs
import pytest

from mrcpbalance.config import Address, BackendConfig, PoolConfig
from mrcpbalance.pool import Backend, Obstacle, Pool, Protocol, State, Want
from tests.pool.build import HEALTH, RECOG, SYNTH, UNKNOWN, Policy, names, pool, server, take_down


def excluded(speech: Pool, want: Want, now: float, *tried: str) -> dict[str, Obstacle | None]:
    asked = [speech.backends[name] for name in tried]
    return {verdict.backend: verdict.excluded for verdict in speech.explain(want, now, asked)}


def peeked(speech: Pool, want: Want, now: float, *tried: str) -> str:
    backend = speech.peek(want, now, [speech.backends[name] for name in tried])
    return "-" if backend is None else backend.name


def test_tried_ones_are_left_out() -> None:
    speech = pool(server("a"), server("b"))
    tried: set[Backend] = set()
    for name in "ab":
        seat = speech.take(RECOG, now=0.0, tried=tried)
        assert seat is not None
        assert seat.backend.name == name
        seat.release()
        tried.add(seat.backend)
    assert speech.take(RECOG, now=0.0, tried=tried) is None
    assert peeked(speech, RECOG, 0.0, "a") == "b"
    assert peeked(speech, RECOG, 0.0, "a", "b") == "-"


def test_full_ones_are_left_out_until_a_seat_is_released() -> None:
    speech = pool(server("a", max_sessions=1), server("b", max_sessions={"speechrecog": 1}))
    seat = speech.take(RECOG, now=0.0)
    assert seat is not None
    assert names(speech, RECOG, 2) == "b-"
    assert names(speech, SYNTH, 2) == "bb"
    seat.release()
    assert names(speech, RECOG, 2) == "a-"


def test_a_full_one_can_answer_a_request_without_a_session() -> None:
    speech = pool(server("a", max_sessions=0), server("b", max_sessions=1))
    assert peeked(speech, RECOG, 0.0) == "b"
    assert names(speech, RECOG, 2) == "b-"
    assert peeked(speech, RECOG, 0.0) == "a"
    take_down(speech.backends["a"], 0.0)
    assert peeked(speech, RECOG, 0.0) == "b"
    speech.backends["b"].drain()
    assert peeked(speech, RECOG, 0.0) == "-"


def test_standby_is_used_only_when_no_other_is_eligible() -> None:
    speech = pool(server("s", standby=True), server("a", max_sessions=1), server("b", max_sessions=1))
    assert names(speech, RECOG, 4) == "abss"
    speech.backends["s"].drain()
    assert names(speech, RECOG, 1) == "-"


def test_a_backend_that_failed_is_left_out_for_a_while_then_tried_by_one() -> None:
    speech = pool(server("a"), server("b"))
    take_down(speech.backends["a"], 0.0)
    assert names(speech, RECOG, 2, now=4.9) == "bb"
    assert names(speech, RECOG, 3, now=5.0) == "abb"
    speech.backends["a"].answered("rtsp", 5.1)
    assert names(speech, RECOG, 2, now=5.1) == "aa"


def test_a_trial_without_a_verdict_is_given_to_the_next() -> None:
    speech = pool(server("a"), server("b"))
    take_down(speech.backends["a"], 0.0)
    trial = speech.take(RECOG, now=5.0)
    assert trial is not None
    assert names(speech, RECOG, 1, now=5.0) == "b"
    trial.release()
    assert names(speech, RECOG, 2, now=5.0) == "ab"


def test_the_last_eligible_one_is_never_taken_out() -> None:
    speech = pool(server("a"))
    take_down(speech.backends["a"], 0.0)
    assert speech.backends["a"].state(1.0) is State.DOWN
    assert names(speech, RECOG, 3, now=1.0) == "aaa"
    assert peeked(speech, RECOG, 1.0) == "a"
    assert names(speech, RECOG, 3, now=5.0) == "aaa"  # the first of them takes the trial


def test_of_those_down_the_longest_is_offered() -> None:
    speech = pool(server("a"), server("b"), server("c"), server("s", standby=True))
    for now, name in enumerate("bcas"):
        take_down(speech.backends[name], float(now))
    assert names(speech, RECOG, 2, now=3.0) == "bb"
    speech.backends["b"].failed("rtsp", 3.0)
    assert names(speech, RECOG, 2, now=3.0) == "cc"
    assert peeked(speech, RECOG, 3.0, "c", "a", "b") == "s"


# what else is wrong with a backend that is down: then it isn't offered even if nothing else is left
HOPELESS = ["drain", "disable", "fill"]


@pytest.mark.parametrize("wrong", HOPELESS)
def test_the_last_resort_is_not_draining_disabled_or_full(wrong: str) -> None:
    speech = pool(server("a", max_sessions=1))
    backend = speech.backends["a"]
    if wrong == "fill":
        assert names(speech, RECOG, 1) == "a"
    else:
        getattr(backend, wrong)()
    take_down(backend, 0.0)
    assert names(speech, RECOG, 1, now=1.0) == "-"


def test_take_from_takes_that_one_or_none() -> None:
    speech = pool(server("a"), server("b", max_sessions=1, standby=True))
    backend = speech.backends["b"]
    seat = speech.take_from(backend, RECOG, now=0.0)
    assert seat is not None
    assert seat.backend is backend
    assert speech.take_from(backend, RECOG, now=0.0) is None
    seat.release()
    take_down(backend, 0.0)
    assert speech.take_from(backend, RECOG, now=0.0) is None


PROTOCOLS: dict[Protocol, str] = {"rtsp": "aaa", "sip": "bbb", "mrcp": "---", "tcp": "aaa"}


@pytest.mark.parametrize(("protocol", "turns"), PROTOCOLS.items())
def test_a_backend_takes_part_in_what_it_has_an_address_for(protocol: Protocol, turns: str) -> None:
    speech = pool(server("a", protocols=("rtsp",)), server("b", protocols=("sip",)))
    assert names(speech, Want(protocol, None, ""), 3) == turns


def test_explain_names_every_obstacle() -> None:
    speech = pool(
        server("ok"),
        server("asked"),
        server("other", protocols=("sip",)),
        server("synth", resources=frozenset({"speechsynth"})),
        server("drained"),
        server("disabled"),
        server("down"),
        server("trial"),
        server("resting"),
        server("refused"),
        server("full", max_sessions=0),
        server("capped", max_sessions={"speechrecog": 0}),
        server("spare", standby=True),
    )
    speech.backends["drained"].drain()
    speech.backends["disabled"].disable()
    take_down(speech.backends["trial"], 0.0)
    take_down(speech.backends["down"], 3.0)
    assert speech.take_from(speech.backends["trial"], RECOG, now=6.0) is not None
    speech.backends["resting"].refused(1.0, 30.0)
    speech.backends["refused"].refused(5.0)
    obstacles = excluded(speech, RECOG, 6.0, "asked")
    assert obstacles == {
        "ok": None,
        "asked": Obstacle.TRIED,
        "other": Obstacle.PROTOCOL,
        "synth": Obstacle.RESOURCE,
        "drained": Obstacle.DRAINING,
        "disabled": Obstacle.DISABLED,
        "down": Obstacle.DOWN,
        "trial": Obstacle.PROBATION,
        "resting": Obstacle.RESTING,
        "refused": Obstacle.REFUSED,
        "full": Obstacle.FULL,
        "capped": Obstacle.FULL_FOR_RESOURCE,
        "spare": Obstacle.STANDBY,
    }
    assert {obstacle for obstacle in obstacles.values() if obstacle} == set(Obstacle)
    states = {verdict.backend: verdict.state for verdict in speech.explain(RECOG, 6.0)}
    assert states["other"] is State.UP
    assert states["down"] is State.DOWN
    assert states["trial"] is State.PROBATION


def test_standby_is_eligible_when_nobody_else_is() -> None:
    speech = pool(server("a"), server("s", standby=True))
    assert excluded(speech, UNKNOWN, 0.0, "a") == {"a": Obstacle.TRIED, "s": None}


def test_health_changes_are_told() -> None:
    told: list[tuple[str, Protocol, State]] = []
    speech = pool(
        server("a"), on_change=lambda backend, protocol, state: told.append((backend.name, protocol, state))
    )
    take_down(speech.backends["a"], 0.0)
    speech.take(RECOG, now=5.0)
    speech.backends["a"].answered("rtsp", 5.0)
    assert told == [("a", "rtsp", State.DOWN), ("a", "rtsp", State.PROBATION), ("a", "rtsp", State.UP)]


def test_resource_names_come_from_the_configuration() -> None:
    speech = Pool(PoolConfig(name="speech", resource_names={"asr": "speechrecog"}), lambda: 0.0)
    assert [speech.resource_name(it) for it in ("asr", "synthesizer", "recorder")] == [
        "speechrecog",
        "speechsynth",
        "recorder",
    ]


def test_a_refusal_lowers_its_room_for_a_while() -> None:
    speech = pool(server("a"), server("b"))
    assert names(speech, RECOG, 3) == "aaa"
    speech.backends["a"].refused(10.0)  # with the third on it
    speech.backends["a"].capacity.leave()
    assert names(speech, RECOG, 1, now=11.9) == "b"
    speech.backends["a"].capacity.leave()
    assert names(speech, RECOG, 2, now=11.9) == "ab"
    assert names(speech, RECOG, 1, now=12.0) == "a"


def test_retry_after_is_honoured_within_reason() -> None:
    speech = pool(server("a"), server("b"))
    speech.backends["a"].refused(0.0, 30.0)
    assert names(speech, RECOG, 1, now=29.9) == "b"
    assert names(speech, RECOG, 1, now=30.0) == "a"
    speech.backends["a"].refused(0.0, 1e9)
    assert names(speech, RECOG, 1, now=299.9) == "b"
    assert names(speech, RECOG, 1, now=300.0) == "a"


def test_the_last_one_is_asked_again_though_it_refused() -> None:
    speech = pool(server("a"))
    speech.backends["a"].refused(0.0, 30.0)
    assert names(speech, RECOG, 1, now=1.0) == "a"


def with_health(speech: Pool, *, random: float = 0.5, **health: Any) -> Pool:
    return Pool(attrs.evolve(speech.config, health=attrs.evolve(HEALTH, **health)), lambda: random)


def test_those_down_are_used_too_while_too_few_are_up() -> None:
    speech = with_health(pool(server("a", max_sessions=2), server("b"), server("c")), panic_threshold=50)
    take_down(speech.backends["a"], 0.0)
    assert names(speech, RECOG, 1, now=1.0) == "b"
    take_down(speech.backends["b"], 0.0)
    assert names(speech, RECOG, 3, now=1.0) == "aab"


def test_a_slow_start() -> None:
    speech = with_health(
        pool(server("a"), server("b"), policy="least-sessions"), slow_start=10.0, random=0.24
    )
    a = speech.backends["a"]
    take_down(a, 0.0)
    assert names(speech, RECOG, 4, now=1.0) == "bbbb"
    a.answered("rtsp", 2.0)
    a.answered("rtsp", 2.0)
    assert [a.share("rtsp", now) for now in (2.0, 7.0, 12.0, 99.0)] == [0.0, 0.5, 1.0, 1.0]
    assert names(speech, RECOG, 1, now=6.0) == "b"  # a fifth of its half
    assert names(speech, RECOG, 1, now=7.0) == "a"  # a quarter of all
    assert names(speech, RECOG, 3, now=12.0) == "aaa"
    speech.backends["b"].drain()
    assert names(speech, RECOG, 1, now=2.0) == "a"


def test_nobody_waits_for_all_to_have_started() -> None:
    speech = with_health(pool(server("a"), server("b")), slow_start=10.0, random=0.99)
    for backend in speech.backends.values():
        take_down(backend, 0.0)
        backend.answered("rtsp", 1.0)
        backend.answered("rtsp", 1.0)
    assert names(speech, RECOG, 1, now=2.0) == "a"


def test_another_configuration_keeps_the_same_servers() -> None:
    speech = pool(server("a"), server("b"), server("c"), policy="round-robin")
    a, b, c = speech.backends.values()
    assert names(speech, RECOG, 3) == "abc"
    a.disable()
    take_down(c, 0.0)
    moved = attrs.evolve(b.config, rtsp=Address("elsewhere.example", 1554))
    left = speech.become(
        attrs.evolve(
            speech.config,
            policy="first",
            queue_size=5,
            health=attrs.evolve(HEALTH, fall=1),
            backends={
                "d": server("d"),
                "a": server("a", weight=3, max_sessions=1),
                "b": moved,
                "c": server("c", standby=True),
            },
        )
    )
    assert left == (b,)
    assert list(speech.backends) == ["d", "a", "b", "c"]
    assert (speech.backends["a"], speech.backends["c"]) == (a, c)
    assert speech.backends["b"] is not b
    assert (a.sessions, a.weight, a.state(0.0)) == (1, 3, State.DISABLED)
    assert (b.sessions, b.state(0.0), c.state(0.0)) == (1, State.DRAINING, State.DOWN)
    a.enable()
    assert a.obstacle(RECOG, 0.0) is Obstacle.FULL
    assert names(speech, RECOG, 2) == "dd"
    take_down(speech.backends["d"], 0.0)
    speech.backends["b"].failed("rtsp", 0.0)
    assert speech.backends["b"].state(0.0) is State.DOWN
    assert speech.queue.size == 5


def config_of(speech: Pool, *servers: BackendConfig) -> PoolConfig:
    return attrs.evolve(speech.config, backends={its.name: its for its in servers})


def test_what_left_is_seen_while_it_has_sessions_and_may_come_back() -> None:
    speech = pool(server("a", max_sessions=1), server("b"))
    a, b = speech.backends.values()
    seat = speech.take(RECOG, now=0.0)
    assert seat is not None
    b.disable()
    speech.become(config_of(speech, server("c")))
    assert speech.leaving == (a,), "b has no sessions"
    assert (a.removed, a.state(0.0), b.state(0.0)) == (True, State.DRAINING, State.DISABLED)
    assert a.obstacle(RECOG, 0.0) is Obstacle.DRAINING
    a.disable()
    assert (a.state(0.0), a.obstacle(RECOG, 0.0)) == (State.DISABLED, Obstacle.DISABLED)
    a.enable()
    assert a.state(0.0) is State.DRAINING
    speech.become(config_of(speech, server("a", max_sessions=1), server("b")))
    assert (speech.backends["a"], list(speech.leaving), a.removed) == (a, [], False)
    assert speech.backends["b"] is not b
    assert a.obstacle(RECOG, 0.0) is Obstacle.FULL, "its session still counts"
    seat.release()
    assert a.obstacle(RECOG, 0.0) is None
    speech.become(config_of(speech, server("c")))
    assert list(speech.leaving) == []


def test_one_of_the_same_name_elsewhere_is_another() -> None:
    speech = pool(server("a"))
    (a,) = speech.backends.values()
    seats = [speech.take(RECOG, now=0.0)]
    elsewhere = attrs.evolve(server("a"), rtsp=Address("elsewhere.example", 1554))
    speech.become(config_of(speech, elsewhere))
    other = speech.backends["a"]
    seats.append(speech.take(RECOG, now=0.0))
    assert (other is not a, speech.leaving) == (True, (a,))
    speech.become(config_of(speech, server("a")))
    assert (speech.backends["a"], speech.leaving) == (a, (other,))
    assert [seat and seat.backend for seat in seats] == [a, other]


@pytest.mark.parametrize("policy", get_args(Policy))
def test_a_pool_that_left(policy: Policy) -> None:
    speech = pool(server("a"), server("b", standby=True), policy=policy)
    a, b = speech.backends.values()
    assert speech.take(RECOG, now=0.0) is not None
    speech.retire()
    assert (speech.leaving, speech.take(RECOG, now=0.0), speech.peek(RECOG, 0.0)) == ((a,), None, None)
    assert speech.explain(RECOG, 0.0) == ()
    assert (a.removed, b.removed) == (True, True)


def foreseen(speech: Pool, now: float = 0.0) -> str:
    backend = speech.foresee(RECOG, now)
    return "-" if backend is None else backend.name


def test_what_is_foreseen_is_what_comes() -> None:
    speech = pool(server("a", max_sessions=1), server("b", max_sessions=1))
    assert foreseen(speech) == "a"
    assert names(speech, RECOG, 1) == "a"
    assert foreseen(speech) == "b"
    assert names(speech, RECOG, 1) == "b"
    assert foreseen(speech) == "-"  # full: it would be refused


def test_one_that_is_down_is_foreseen_unless_sessions_may_wait() -> None:
    speech = pool(server("a"))
    take_down(speech.backends["a"], 0.0)
    assert foreseen(speech) == "a"
    speech.become(attrs.evolve(speech.config, queue_size=1))
    assert foreseen(speech) == "-"


def test_in_panic_those_that_are_down_are_foreseen() -> None:
    speech = pool(server("a"), server("b"))
    health = attrs.evolve(HEALTH, panic_threshold=60)
    speech.become(attrs.evolve(speech.config, health=health, queue_size=1))
    take_down(speech.backends["a"], 0.0)
    assert foreseen(speech) == "a"
