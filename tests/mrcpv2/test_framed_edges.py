"""The `mrcp` listener at the edges: octets after the end, pieces, losses of what is unused, things said twice."""

import pytest

from mrcpbalance.config import Limits
from mrcpbalance.sessions import End, Phase, Who
from tests.mrcpv2.framed_stage import ONE, TWO, A, B, FramedStage, ask, event, reply

OPERATOR = End(Who.OPERATOR, Phase.ACTIVE)


def test_what_comes_after_the_end_is_not_heard() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.client.finishes()
    backend.heard()
    stage.client.says(ask(b"STOP", 3))
    assert backend.heard() == b""
    stage.context.pool.backends["a"].drain()
    owner = stage.client.owner
    owner.leave(stage.context.pool.backends["a"], OPERATOR, stage.now)  # type: ignore[attr-defined]
    for _ in range(2):
        owner.stop(OPERATOR, stage.now)  # type: ignore[attr-defined]
    assert stage.client.heard() == reply(2, status=501)
    assert stage.ends == ["operator/active"]


def test_what_callers_send_that_is_no_new_request() -> None:
    stage = FramedStage(listener={"framing": "repair"})
    backend = stage.begin()
    stage.client.says(b"MRCP/2.0 99 STOP 2\r\nChannel-Identifier: %s\r\n\r\n" % ONE + event(b"HELLO", 1))
    assert backend.heard() == ask(b"STOP", 2) + event(b"HELLO", 1)
    backend.says(reply(7) + reply(2))
    assert stage.client.heard() == reply(7) + reply(2)
    assert stage.context.tally.anomalies == {"mrcpv2.length-mismatch": 1}


def test_a_connection_that_carries_nothing_any_more_may_go() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"TEARDOWN", 2))
    backend.says(reply(2))
    backend.goes()
    backend.goes()
    assert stage.notes == []
    assert stage.client.state == "open"


def test_one_channel_is_looked_at_while_another_opens() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.passes(59.5)
    stage.client.says(ask(b"SETUP", 1, TWO))
    stage.passes(1)
    assert stage.client.heard() == reply(2, status=501)
    backend.says(reply(1, TWO))
    assert stage.client.heard() == reply(1, TWO)


def test_requests_that_are_never_answered_are_not_remembered_for_ever() -> None:
    stage = FramedStage(limits=Limits(requests_per_connection=1))
    backend = stage.begin()
    for number in (2, 3):
        stage.client.says(ask(b"STOP", number))
        stage.passes(61)
    assert stage.client.heard() == reply(2, status=501) + reply(3, status=501)
    backend.says(reply(2) + reply(3))
    assert stage.client.heard() == reply(3)


def test_a_message_of_a_backend_in_pieces() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    for octet in reply(2):
        backend.says(bytes((octet,)))
    assert stage.client.heard() == reply(2)
    assert stage.at(A) is backend


def test_a_caller_that_ends_within_a_message_is_told_of() -> None:
    stage = FramedStage()
    stage.client.says(ask(b"SETUP", 1)[:-5])
    stage.client.finishes()
    assert stage.context.tally.anomalies == {"mrcpv2.cut-short": 1}


@pytest.mark.parametrize(
    ("late", "undone"),
    [
        (reply(1), True),
        (reply(1, status=501), False),
        (reply(2), False),
        (event(b"START-OF-INPUT", 1), False),
    ],
)
def test_a_late_session_of_a_given_up_setup_is_torn_down(late: bytes, undone: bool) -> None:
    stage = FramedStage()
    stage.client.says(ask(b"SETUP", 1))
    a = stage.at(A)
    a.connects()
    stage.passes(2)
    stage.at(B).says(reply(1))
    a.heard()
    a.says(late + late)
    assert a.heard() == (ask(b"TEARDOWN", 2) if undone else b"")
    assert stage.context.tally.anomalies.get("mrcpv2.late-session-torn-down", 0) == undone
    assert stage.client.heard() == reply(1)


def test_few_given_up_setups_are_remembered() -> None:
    stage = FramedStage(backends=1, limits=Limits(sessions_per_connection=1))
    other = stage.connect()
    for channel in (ONE, TWO):
        stage.client.says(ask(b"SETUP", 1, channel))
        stage.passes(2)
        stage.client.heard()
    a = stage.at(A)
    a.connects()
    a.heard()
    a.says(reply(1, ONE) + reply(1, TWO))
    assert a.heard() == ask(b"TEARDOWN", 2, TWO)
    assert other.heard() == b""
