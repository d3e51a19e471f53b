"""A session's record, and the words for its end."""

import pytest

from mrcpbalance.sessions import End, Phase, Session, Who
from tests.pool.build import RECOG, pool, server


def test_every_end_is_written_who_slash_phase() -> None:
    assert {str(End(who, phase)) for who in Who for phase in Phase} == {
        f"{who}/{phase}"
        for who in ("client", "backend", "proxy", "timeout", "operator")
        for phase in ("setup", "active", "teardown")
    }


def test_a_session_without_a_seat_has_no_backend() -> None:
    session = Session("1", "mrcpv1", "192.0.2.1", "speech", 0.0)
    assert (session.seat, session.backend) == (None, "")


def test_it_may_move_until_its_set_up_is_answered_and_then_no_more() -> None:
    speech = pool(server("a"), server("b"))
    session = Session("1", "mrcpv1", "192.0.2.1", "speech", 0.0)
    session.seat = speech.take(RECOG, now=0.0)
    assert session.backend == "a"
    session.seat = speech.take(RECOG, now=0.0, tried=[speech.backends["a"]])
    session.answered_at = 1.0
    for elsewhere in (speech.take(RECOG, now=1.0), None):
        with pytest.raises(RuntimeError, match="session 1 stays on backend 'b'"):
            session.seat = elsewhere
    assert session.backend == "b"
    again = speech.take_from(speech.backends["b"], RECOG, now=1.0)
    session.seat = again
    assert session.seat is again


def test_its_pool_is_that_of_who_took_it() -> None:
    session = Session("1", "mrcpv1", "192.0.2.1", "other", 0.0)
    session.seat = None
    assert (session.pool, session.first_pool) == ("other", "other")
    session.seat = pool(server("a")).take(RECOG, now=0.0)
    assert (session.pool, session.first_pool) == ("speech", "other")
