"""SETUPs that wait while no backend is eligible, and what a backend's own refusal means for the next."""

from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import A, B, RtspStage, answer, request, set_up, setup, statuses


def stage(size: int = 2, **more: object) -> RtspStage:
    return RtspStage(
        backends=1, backend={"max_sessions": 1}, pool={"queue_size": size, "queue_timeout": 2.0, **more}
    )


def test_a_setup_waits_for_a_session_to_end() -> None:
    play = stage()
    a = play.begin(1, b"s1")
    other = play.connect()
    other.says(setup(1))
    play.passes(1.0)
    assert other.heard() == b""
    play.client.says(request(b"TEARDOWN", 2, b"s1"))
    a.says(answer(200, 2, b"s1"))
    play.passes(0.0)
    second = play.at(A)
    assert second is not a
    second.connects()
    second.says(set_up(1, b"s2"))
    assert statuses(other.heard()) == [(200, b"1")]
    assert play.taken == {"a": 1}


def test_who_waited_in_vain_is_told_so() -> None:
    play = stage()
    play.begin(1, b"s1")
    play.client.says(setup(2))
    play.client.says(request(b"OPTIONS", 3, None))
    play.passes(1.9)
    assert play.client.heard() == b""
    play.passes(0.1)
    assert statuses(play.client.heard()) == [(503, b"2"), (200, b"3")]
    assert play.ends == ["proxy/setup"]


def test_a_full_queue_refuses_at_once() -> None:
    play = stage(1)
    play.begin(1, b"s1")
    play.client.says(setup(2))
    other = play.connect()
    other.says(setup(1))
    told = other.heard()
    assert statuses(told) == [(503, b"1")]
    assert b"Retry-After" not in told


def test_a_caller_that_leaves_waits_no_longer() -> None:
    play = stage(1)
    play.begin(1, b"s1")
    other = play.connect()
    other.says(setup(1))
    other.goes(CloseReason.RESET)
    assert play.context.pool.queue.waiting == 0
    assert play.ends == ["client/setup"]
    play.passes(5.0)
    assert play.ends == ["client/setup"]


def test_a_stop_ends_the_waiting() -> None:
    play = stage(1)
    play.begin(1, b"s1")
    other = play.connect()
    other.says(setup(1))
    other.owner.stop(End(Who.OPERATOR, Phase.ACTIVE), play.now)  # type: ignore[attr-defined]
    assert statuses(other.heard()) == [(503, b"1")]
    assert play.context.pool.queue.waiting == 0


def test_a_refusal_for_want_of_room_keeps_others_away_for_a_while() -> None:
    play = RtspStage()
    play.client.says(setup(1))
    a = play.at(A)
    a.connects()
    a.says(answer(503, 1, None, b"Retry-After: 30"))
    b = play.at(B)
    b.connects()
    b.says(set_up(1, b"s1"))
    play.passes(29.0)
    play.client.says(setup(2))
    assert statuses(b.heard().replace(b"SETUP", b"RTSP/1.0 200", 0)) == []
    assert play.taken == {"a": 0, "b": 2}
    play.passes(1.5)
    play.client.says(setup(3))
    assert play.taken == {"a": 1, "b": 2}
