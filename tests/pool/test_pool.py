"""Who gets a session: eligibility, standby, the last resort, and how it is explained."""

import pytest

from mrcpbalance.config import PoolConfig
from mrcpbalance.pool import Backend, Obstacle, Pool, Protocol, State, Want
from tests.pool.build import RECOG, SYNTH, UNKNOWN, names, pool, server, take_down


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
        server("full", max_sessions=0),
        server("capped", max_sessions={"speechrecog": 0}),
        server("spare", standby=True),
    )
    speech.backends["drained"].drain()
    speech.backends["disabled"].disable()
    take_down(speech.backends["trial"], 0.0)
    take_down(speech.backends["down"], 3.0)
    assert speech.take_from(speech.backends["trial"], RECOG, now=6.0) is not None
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
