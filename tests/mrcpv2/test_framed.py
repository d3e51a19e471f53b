"""Channels of an `mrcp` listener stick to their backends, and end cleanly."""

import pytest

from mrcpbalance.config import Limits, Timeouts
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv2.framed_stage import ONE, TWO, A, B, C, FramedStage, ask, event, reply


def test_a_channel_from_setup_to_teardown() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2, body=b"session:menu"))
    assert backend.heard() == ask(b"RECOGNIZE", 2, body=b"session:menu")
    for said in (
        reply(2, state=b"IN-PROGRESS"),
        event(b"START-OF-INPUT", 2),
        event(b"RECOGNITION-COMPLETE", 2),
    ):
        backend.says(said)
        assert stage.client.heard() == said
    stage.client.says(ask(b"TEARDOWN", 3))
    assert backend.heard() == ask(b"TEARDOWN", 3)
    backend.says(reply(3))
    assert stage.client.heard() == reply(3)
    assert stage.ends == ["client/teardown"]
    assert stage.taken == {"a": 0, "b": 0}
    (session,) = stage.ended
    assert (session.messages_to_backend, session.messages_to_client) == (3, 5)
    assert session.resources == ("speechrecog",)


def test_any_first_message_opens_its_channel() -> None:
    stage = FramedStage()
    stage.client.says(ask(b"DEFINE-GRAMMAR", 7))
    a = stage.at(A)
    assert a.heard() == ask(b"DEFINE-GRAMMAR", 7)
    a.says(reply(7, status=407))
    assert stage.client.heard() == reply(7, status=407)
    assert len(stage.context.register) == 1


def test_channels_of_one_connection_live_on_different_backends() -> None:  # M-20
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    b = stage.begin(TWO, at=B)
    stage.client.says(ask(b"SPEAK", 2, TWO) + ask(b"RECOGNIZE", 3, ONE) + ask(b"STOP", 4, TWO))
    assert a.heard() == ask(b"RECOGNIZE", 3, ONE)
    assert b.heard() == ask(b"SPEAK", 2, TWO) + ask(b"STOP", 4, TWO)
    b.says(reply(2, TWO))
    a.says(reply(3, ONE))
    assert stage.client.heard() == reply(2, TWO) + reply(3, ONE)


def test_the_same_id_on_two_caller_connections_is_two_channels() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    other = stage.connect()
    other.says(ask(b"SETUP", 1))
    b = stage.at(B)
    b.says(reply(1))
    assert other.heard() == reply(1)
    assert stage.client.heard() == b""
    stage.client.says(ask(b"RECOGNIZE", 2))
    b.heard()
    assert a.heard() == ask(b"RECOGNIZE", 2)


def test_unknown_channels_from_a_backend_are_dropped_and_counted() -> None:  # A.8
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    stage.begin(TWO, at=B)
    a.says(event(b"SPEAK-COMPLETE", 1, b"never@speechsynth") + event(b"SPEAK-COMPLETE", 1, TWO))
    assert stage.client.heard() == b""
    assert a.heard() == b""
    assert stage.context.tally.anomalies == {"mrcpv2.unknown-channel-from-backend": 2}


@pytest.mark.parametrize("name", [b"SETUP", b"RECOGNIZE"])
@pytest.mark.parametrize("how", ["refused", "lost", "silent"])
def test_a_channel_goes_on_to_the_next_backend_with_all_it_said(name: bytes, how: str) -> None:
    stage = FramedStage()
    stage.client.says(ask(name, 1) + ask(b"SET-PARAMS", 2))
    a = stage.at(A)
    if how == "refused":
        a.goes(CloseReason.REFUSED)
    elif how == "lost":
        a.connects()
        a.finishes()
    else:
        a.connects()
        stage.passes(2)
    b = stage.at(B)
    assert b.heard() == ask(name, 1) + ask(b"SET-PARAMS", 2)
    b.says(reply(1))
    assert stage.client.heard() == reply(1)
    (record,) = stage.context.register
    assert (record.backend, record.attempts) == ("b", 2)
    if how == "silent":
        a.says(reply(1))  # late
        assert stage.client.heard() == b""


def test_a_refused_literal_setup_goes_on() -> None:
    stage = FramedStage(backends=3)
    stage.client.says(ask(b"SETUP", 1))
    stage.at(A).says(reply(1, status=501))
    stage.at(B).says(reply(1, status=503))
    c = stage.at(C)
    assert c.heard() == ask(b"SETUP", 1)
    c.says(reply(1, status=501))
    assert stage.client.heard() == reply(1, status=501)
    assert stage.ends == ["backend/setup"]
    assert stage.client.state == "open"


def test_what_is_kept_for_another_backend_is_bounded() -> None:
    stage = FramedStage(limits=Limits(message=1024))
    burst = [ask(b"SETUP", 1), *(ask(b"SET-PARAMS", number) for number in range(2, 22))]
    stage.client.says(b"".join(burst))
    stage.client.says(ask(b"SETUP", 1, TWO))
    a = stage.at(A)
    assert a.heard() == b"".join(burst) + ask(b"SETUP", 1, TWO)
    a.goes(CloseReason.REFUSED)
    assert stage.client.heard() == b"".join(reply(number, status=501) for number in range(1, 22))
    assert stage.at(B).heard() == ask(b"SETUP", 1, TWO)
    assert stage.ends == ["backend/setup"]


def test_what_goes_behind_a_teardown_is_answered() -> None:  # A.8
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"TEARDOWN", 2) + ask(b"GET-PARAMS", 3) + ask(b"SPEAK", 4))
    a.says(reply(2))
    assert stage.client.heard() == reply(2) + reply(3, status=405) + reply(4, status=405)
    a.says(reply(3, status=405) + reply(4, status=405))
    assert stage.client.heard() == b""
    assert stage.ends == ["client/teardown"]


def test_a_channel_that_is_given_up_for_its_silence_is_answered() -> None:
    stage = FramedStage(timeouts=Timeouts(session_idle=30.0))
    stage.begin()
    stage.client.says(ask(b"SPEAK", 2))
    stage.passes(31)
    assert stage.client.heard() == reply(2, status=501)
    assert stage.ends == ["timeout/active"]


def test_who_sends_a_lot_before_it_is_answered_stays_where_it_is() -> None:
    stage = FramedStage(limits=Limits(message=1024))
    large = ask(b"SETUP", 1, body=b"x" * 900)
    stage.client.says(large + ask(b"SET-PARAMS", 2) + ask(b"SET-PARAMS", 3) + ask(b"SET-PARAMS", 4))
    a = stage.at(A)
    a.says(reply(1, status=501))
    behind = [reply(number, status=405) for number in (2, 3, 4)]  # which no answer of the backend can reach
    assert stage.client.heard() == reply(1, status=501) + b"".join(behind)
    stage.client.says(large)
    stage.at(A).goes()
    assert stage.at(B).heard() == large  # nothing is left of what was kept before


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("refused", "backend/setup"),
        ("silent", "timeout/setup"),
        ("none", "proxy/setup"),
        ("draining", "proxy/setup"),
    ],
)
def test_a_channel_that_nobody_takes_is_answered_501(how: str, end: str) -> None:  # A.8
    stage = FramedStage(backends=1)
    if how == "none":
        stage.full("a")
    stage.draining = how == "draining"
    stage.client.says(ask(b"SETUP", 5))
    if how == "refused":
        stage.at(A).goes(CloseReason.REFUSED)
    if how == "silent":
        stage.passes(2)
    assert stage.client.heard() == reply(5, status=501)
    assert stage.ends == [end]
    assert stage.taken == {"a": 0}


@pytest.mark.parametrize("limits", [Limits(sessions=1), Limits(sessions_per_connection=1)])
def test_the_number_of_channels_is_bounded(limits: Limits) -> None:
    stage = FramedStage(limits=limits)
    stage.begin()
    stage.client.says(ask(b"SETUP", 2, TWO))
    assert stage.client.heard() == reply(2, TWO, status=501)
    stage.client.says(ask(b"RECOGNIZE", 3, ONE))
    assert stage.at(A).heard() == ask(b"RECOGNIZE", 3, ONE)


def test_a_teardown_of_an_unknown_channel_is_answered_405() -> None:  # A.8
    stage = FramedStage()
    stage.client.says(ask(b"TEARDOWN", 5))
    assert stage.client.heard() == reply(5, status=405)
    assert stage.dialled == []


def test_what_is_no_request_opens_nothing() -> None:
    stage = FramedStage()
    stage.client.says(reply(5) + event(b"SPEAK-COMPLETE", 5))
    assert stage.client.heard() == b""
    assert stage.dialled == []
    assert stage.context.tally.anomalies == {"mrcpv2.unknown-channel": 2}


def test_a_backend_lost_under_open_requests() -> None:  # M-30
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2) + ask(b"STOP", 3))
    a.says(reply(2, state=b"IN-PROGRESS"))
    stage.client.heard()
    a.goes()
    assert stage.client.heard() == reply(3, status=501)  # 2 was answered: it ends with its session
    assert stage.client.state == "closed"
    assert stage.ends == ["backend/active"]


def test_the_channels_of_other_backends_live_on() -> None:  # M-30
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    b = stage.begin(TWO, at=B)
    stage.client.says(ask(b"RECOGNIZE", 2, ONE))
    a.goes()
    assert stage.client.heard() == reply(2, ONE, status=501)
    assert stage.client.state == "open"
    stage.client.says(ask(b"SPEAK", 3, TWO))
    assert b.heard() == ask(b"SPEAK", 3, TWO)


def test_a_refused_teardown_leaves_the_channel_open() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"TEARDOWN", 2))
    a.says(reply(2, status=402))
    assert stage.client.heard() == reply(2, status=402)
    assert stage.ends == []
    stage.client.says(ask(b"TEARDOWN", 3))
    stage.client.goes()
    assert stage.ends == ["client/teardown"]


def test_the_end_of_the_connection_ends_its_channels() -> None:  # M-32
    stage = FramedStage()
    a = stage.begin()
    stage.client.finishes()
    assert (stage.client.state, a.state) == ("closed", "closed")
    assert stage.ends == ["client/active"]


def test_a_caller_that_sends_its_last_still_gets_its_answers() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.client.finishes()
    assert stage.client.state == "open"
    a.says(reply(2))
    assert stage.client.heard() == reply(2)
    assert stage.client.state == "closed"


def test_a_caller_that_sent_its_last_is_not_waited_for_long() -> None:
    stage = FramedStage()
    stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.client.finishes()
    stage.passes(3)
    assert stage.client.heard() == reply(2, status=501)
    assert stage.client.state == "closed"


def test_a_caller_that_vanishes_while_its_channel_opens() -> None:
    stage = FramedStage()
    stage.client.says(ask(b"SETUP", 1))
    stage.client.goes(CloseReason.STALLED)
    assert stage.ends == ["timeout/setup"]
    stage.passes(100)
    assert len(stage.dialled) == 1


@pytest.mark.parametrize("garbage", [b"GARBAGE", b"MRCP/2.0 0 SPEAK 1\r\n", b"MRCP/1.0 100 SPEAK 1\r\n"])
def test_a_framing_error_ends_the_connection_with_every_request_answered(garbage: bytes) -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2) + garbage)
    assert stage.client.heard() == reply(2, status=501)
    assert (stage.client.state, a.state) == ("closed", "closed")
    assert stage.ends == ["client/active"]
    assert [event for event, _ in stage.notes] == ["client-broke-protocol"]


def test_strict_towards_callers_and_repair_towards_backends() -> None:  # M-16, M-17, M-00
    stage = FramedStage()
    a = stage.begin()
    wrong = reply(2).replace(b"MRCP/2.0 67", b"MRCP/2.0 76", 1)
    assert wrong != reply(2)
    stage.client.says(ask(b"STOP", 2))
    a.says(wrong)
    assert stage.client.heard() == reply(2)
    assert stage.context.tally.anomalies == {"mrcpv2.length-mismatch": 1}
    stage.client.says(b"MRCP/2.0 999 STOP 3\r\nChannel-Identifier: %s\r\n\r\n" % ONE)
    assert stage.client.state == "closed"


def test_a_backend_whose_framing_is_lost_is_given_up() -> None:
    stage = FramedStage()
    a = stage.begin()
    a.says(b"HTTP/1.1 200 OK\r\n")
    assert a.state == "aborted"
    assert stage.ends == ["backend/active"]


def test_a_message_that_does_not_end() -> None:  # M-18
    stage = FramedStage()
    a = stage.begin()
    a.says(b"MRCP/2.0 7")
    stage.passes(31)
    assert stage.ends == ["backend/active"]
    other = stage.connect()
    other.says(b"MRCP/2.0 7")
    stage.passes(31)
    assert other.state == "closed"


def test_a_request_that_is_never_answered() -> None:  # A.8: and no second response ever
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.passes(60)
    assert stage.client.heard() == reply(2, status=501)
    a.says(reply(2))
    assert stage.client.heard() == b""
    a.says(event(b"RECOGNITION-COMPLETE", 2))
    assert stage.client.heard() == event(b"RECOGNITION-COMPLETE", 2)


@pytest.mark.parametrize("wait", [11])
def test_a_connection_without_a_channel_is_closed(wait: float) -> None:  # M-24
    stage = FramedStage()
    stage.passes(wait)
    assert stage.client.state == "closed"


def test_a_channel_without_traffic_expires() -> None:
    stage = FramedStage()
    stage.begin()
    stage.passes(4 * 3600 + 1)
    assert stage.ends == ["timeout/active"]


def test_too_many_open_requests_are_not_read() -> None:
    stage = FramedStage(limits=Limits(requests_per_connection=4))
    a = stage.begin()
    stage.client.says(b"".join(ask(b"SET-PARAMS", number) for number in range(2, 10)))
    assert a.heard() == b"".join(ask(b"SET-PARAMS", number) for number in range(2, 6))
    assert stage.client.paused()
    a.says(reply(2) + reply(3))
    assert a.heard() == ask(b"SET-PARAMS", 6) + ask(b"SET-PARAMS", 7)
    a.says(b"".join(reply(number) for number in range(4, 8)))
    assert a.heard() == ask(b"SET-PARAMS", 8) + ask(b"SET-PARAMS", 9)
    a.says(reply(8) + reply(9))


def test_a_fault_of_our_own_ends_the_connection_in_order() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    a.owner.crashed(stage.now)
    assert stage.client.heard() == reply(2, status=501)
    assert stage.ends == ["proxy/active"]


def test_an_operator_ends_the_channels_of_one_backend() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    b = stage.begin(TWO, at=B)
    stage.client.says(ask(b"RECOGNIZE", 2) + ask(b"SPEAK", 3, TWO))
    b.heard()
    stage.client.owner.leave(stage.context.pool.backends["a"], End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert stage.client.heard() == reply(2, status=501)
    assert a.state == "closed"
    assert stage.ends == ["operator/active"]
    stage.client.owner.leave(stage.context.pool.backends["b"], End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert stage.client.heard() == reply(3, TWO, status=501)
    assert stage.client.state == "closed"
