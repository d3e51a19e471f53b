"""SETUPs that another pool takes."""

from mrcpbalance.config import Address, BackendConfig, PoolConfig
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import A, C, RtspStage, answer, request, set_up, setup, statuses


def stage(**pool: object) -> RtspStage:
    """One backend for one session, and a pool besides."""
    play = RtspStage(backends=1, backend={"max_sessions": 1}, pool={"fallback": ("spare",), **pool})
    spare = BackendConfig(name="c", rtsp=Address(C, 1554), max_sessions=1)
    play.also(PoolConfig(name="spare", policy="first", backends={"c": spare}))
    return play


def test_a_session_of_a_full_pool_lives_in_the_other() -> None:
    play = stage()
    play.begin(1, b"s1")
    play.begin(2, b"s2", at=C)
    play.client.says(request(b"TEARDOWN", 3, b"s2"))
    play.at(C).says(answer(200, 3, b"s2"))
    (session,) = play.ended
    assert (session.pool, session.first_pool, session.backend) == ("spare", "speech", "c")


def test_when_every_try_failed_the_other_pool_is_asked() -> None:
    play = stage()
    play.client.says(setup(1))
    a = play.at(A)
    a.connects()
    a.says(answer(503, 1))
    c = play.at(C)
    c.connects()
    c.says(set_up(1, b"s1"))
    assert statuses(play.client.heard()) == [(200, b"1")]
    (session,) = play.context.register
    assert (session.pool, session.backend, session.attempts) == ("spare", "c", 2)


def test_a_lost_connection_is_told_with_its_own_pool() -> None:
    play = stage()
    play.begin(1, b"s1")
    play.begin(2, b"s2", at=C)
    play.at(C).goes(CloseReason.RESET)
    (lost,) = [fields for event, fields in play.notes if event == "backend-connection-lost"]
    assert (lost["pool"], lost["backend"]) == ("spare", "c")


def test_nobody_anywhere() -> None:
    play = stage()
    play.begin(1, b"s1")
    play.begin(2, b"s2", at=C)
    play.client.says(setup(3))
    assert statuses(play.client.heard()) == [(503, b"3")]
    (told,) = [fields for event, fields in play.notes if event == "no-backend"]
    assert (told["pool"], told["excluded"]) == ("speech", {"a": "full", "spare/c": "full"})
    assert play.ends == ["proxy/setup"]


def test_only_then_it_waits() -> None:
    play = stage(queue_size=1, queue_timeout=2.0)
    play.begin(1, b"s1")
    c = play.begin(2, b"s2", at=C)
    play.client.says(setup(3))
    assert play.context.pool.queue.waiting == 1
    play.client.says(request(b"TEARDOWN", 4, b"s2"))
    c.says(answer(200, 4, b"s2"))
    play.passes(0.0)
    assert c.heard().endswith(setup(3))


def test_a_question_outside_a_session_is_answered_by_the_other() -> None:
    play = stage()
    play.context.pool.backends["a"].disable()
    play.client.says(request(b"DESCRIBE", 1, None))
    c = play.at(C)
    c.connects()
    assert c.heard() == request(b"DESCRIBE", 1, None)
