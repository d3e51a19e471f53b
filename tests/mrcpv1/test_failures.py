"""What goes wrong in mid-session: backends that die under open requests, callers that vanish or talk nonsense."""

import pytest

from mrcpbalance.config import Limits, Timeouts
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import (
    A,
    B,
    RtspStage,
    announce,
    answer,
    message,
    request,
    setup,
    statuses,
)


def test_a_backend_dies_under_open_requests() -> None:  # answer, then close
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id") + announce(3, b"s-one-id"))
    a.goes()
    assert statuses(stage.client.heard()) == [(502, b"2"), (502, b"3")]
    assert stage.client.state == "closed"
    assert stage.ends == ["backend/active"]


def test_other_sessions_of_the_connection_live_on() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    a.finishes()
    assert a.state == "closed"
    assert stage.client.state == "open"
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1"))
    assert statuses(stage.client.heard()) == [(454, b"3")]
    assert b.heard() == announce(4, b"id-of-b-1")


def test_answers_of_the_living_are_not_lost_behind_those_of_the_dead() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1") + announce(5, b"id-of-a-1"))
    b.says(answer(200, 4))
    a.goes()
    assert statuses(stage.client.heard()) == [(502, b"3"), (200, b"4"), (502, b"5")]


def test_a_backend_that_dies_without_sessions_is_nobodys_loss() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    a.says(answer(200, 2))
    stage.client.heard()
    a.finishes()
    assert stage.client.state == "open"
    stage.client.says(setup(3))
    assert len(stage.dialled) == 2


def test_a_backend_that_talks_nonsense_is_given_up() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    a.says(b"HTTP/1.1 200 OK\r\n\r\n")
    assert statuses(stage.client.heard()) == [(502, b"2")]
    assert a.state == "aborted"
    (note,) = [fields for event, fields in stage.notes if event == "backend-broke-protocol"]
    assert note["backend"] == "a"


def test_a_backend_that_never_answers_is_answered_for() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    stage.passes(60)
    assert statuses(stage.client.heard()) == [(504, b"2")]
    a.says(answer(200, 2))
    assert stage.client.heard() == b""
    stage.client.says(announce(3, b"s-one-id"))
    a.says(answer(200, 3))
    assert stage.client.heard() == answer(200, 3)


def test_a_backend_that_stops_in_mid_message_is_given_up() -> None:  # G-3
    stage = RtspStage()
    a = stage.begin()
    a.says(b"RTSP/1.0 200 OK\r\nCSe")
    stage.passes(31)
    assert a.state == "aborted"
    assert stage.ends == ["backend/active"]


def test_a_caller_that_vanishes_ends_its_sessions_at_their_backends() -> None:
    stage = RtspStage()
    a = stage.begin()
    a.says(announce(1, b"s-one-id", body=b"START-OF-SPEECH 1 IN-PROGRESS MRCP/1.0\r\n\r\n"))
    stage.client.goes()
    heard = a.heard()
    assert statuses(heard) == [(454, b"1")]  # its event had no answer
    assert b"TEARDOWN rtsp://192.0.2.1:1554/media/speechrecognizer RTSP/1.0" in heard
    assert a.state == "closed"
    assert stage.ends == ["client/active"]
    assert len(stage.context.register) == 0


def test_a_caller_that_vanishes_during_setup() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.client.goes()
    assert stage.ends == ["client/setup"]
    assert stage.taken == {"a": 0, "b": 0}
    assert stage.at(A).state == "closed"
    stage.passes(100)


def test_a_caller_that_sends_its_last_still_gets_its_answers() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    stage.client.finishes()
    assert stage.client.state == "open"
    a.says(answer(200, 2))
    assert stage.client.heard() == answer(200, 2)
    assert stage.client.state == "closed"
    assert stage.ends == ["client/active"]


def test_a_caller_that_sent_its_last_is_not_waited_for_long() -> None:
    stage = RtspStage()
    stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    stage.client.finishes()
    stage.passes(3)
    assert statuses(stage.client.heard()) == [(504, b"2")]
    assert stage.client.state == "closed"


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"SETUP rtsp://x RTSP/2.0\r\nCSeq: 7\r\n\r\n", 505),
        (b"SETUP rtsp://x RTSP/1.0\r\nCSeq : 7\r\n\r\n", 400),
        (b"SETUP rtsp://x RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 99999999\r\n\r\n", 413),
    ],
)
def test_nonsense_is_answered_in_its_turn_and_ends_the_connection(garbage: bytes, status: int) -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id") + garbage + announce(3, b"s-one-id"))
    assert stage.client.heard() == b""
    a.says(answer(200, 2))
    found = statuses(stage.client.heard())
    assert found[0] == (200, b"2")
    assert found[1][0] == status
    assert stage.client.state == "closed"
    assert stage.ends == ["client/active"]
    assert [fields["listener"] for event, fields in stage.notes if event == "client-broke-protocol"] == ["v1"]


@pytest.mark.parametrize(
    "sound",
    [
        message(b"SETUP rtsp://x/recognizer RTSP/1.0", b"CSeq: none"),
        message(b"OPTIONS * RTSP/1.0"),
        message(b"ANNOUNCE rtsp://x/recognizer RTSP/1.0", b"CSeq: 3"),  # B.2: Session missing
        message(
            b"ANNOUNCE rtsp://x/recognizer RTSP/1.0", b"CSeq: 3", b"Session: one", b"Session: two"
        ),
        message(b"GET_PARAMETER rtsp://x RTSP/1.0", b"CSeq: 3"),
    ],
)
def test_a_request_that_breaks_a_rule_costs_only_itself(sound: bytes) -> None:
    stage = RtspStage()
    stage.client.says(sound + message(b"OPTIONS * RTSP/1.0", b"CSeq: 8"))
    found = statuses(stage.client.heard())
    assert found[0][0] == 400
    assert found[1] == (200, b"8")
    assert stage.client.state == "open"


def test_options_names_the_methods() -> None:
    stage = RtspStage()
    stage.client.says(message(b"OPTIONS * RTSP/1.0", b"CSeq: 1"))
    assert b"Public: OPTIONS, DESCRIBE, SETUP, TEARDOWN, ANNOUNCE\r\n" in stage.client.heard()


def test_what_is_required_of_proxies_is_refused() -> None:  # 551
    stage = RtspStage()
    stage.client.says(message(b"SETUP rtsp://x/recognizer RTSP/1.0", b"CSeq: 1", b"Proxy-Require: gold"))
    heard = stage.client.heard()
    assert statuses(heard) == [(551, b"1")]
    assert b"Unsupported: gold\r\n" in heard
    plain = setup(2, b"speechrecognizer", b"Require: gold", b"Transport: RTP/AVP;unicast;client_port=1-2")
    stage.client.says(plain)
    assert stage.at(A).heard() == plain


def test_describe_asks_any_backend_and_goes_on_to_the_next() -> None:
    stage = RtspStage()
    asked = message(b"DESCRIBE rtsp://192.0.2.1/media RTSP/1.0", b"CSeq: 1")
    stage.client.says(asked)
    stage.at(A).goes(CloseReason.REFUSED)
    b = stage.at(B)
    assert b.heard() == asked
    told = answer(200, 1, body=b"v=0\r\n")
    b.says(told)
    assert stage.client.heard() == told  # F-21: unchanged
    assert stage.ended == []


def test_describe_without_any_backend() -> None:
    stage = RtspStage(backends=1)
    stage.full("a")
    stage.client.says(message(b"DESCRIBE rtsp://192.0.2.1/media RTSP/1.0", b"CSeq: 1"))
    assert statuses(stage.client.heard()) == [(503, b"1")]


def test_a_caller_that_stops_in_mid_message_gets_408() -> None:  # G-3
    stage = RtspStage()
    stage.client.says(b"SETUP rtsp://x")
    stage.passes(31)
    assert [status for status, _ in statuses(stage.client.heard())] == [408]
    assert stage.client.state == "closed"


@pytest.mark.parametrize(("spoken", "wait"), [(b"", 11), (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 601)])
def test_a_connection_that_nobody_uses_is_closed(spoken: bytes, wait: float) -> None:
    stage = RtspStage()
    if spoken:
        stage.client.says(spoken)
    stage.passes(wait)
    assert stage.client.state == "closed"


def test_a_session_keeps_its_connection() -> None:
    stage = RtspStage()
    stage.begin()
    stage.passes(3600)
    assert stage.client.state == "open"


def test_while_draining_new_sessions_are_refused_and_live_ones_go_on() -> None:  # E-07
    stage = RtspStage()
    a = stage.begin()
    stage.draining = True
    stage.client.says(setup(2))
    assert statuses(stage.client.heard()) == [(503, b"2")]
    further = setup(
        3, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    stage.client.says(further)
    assert a.heard() == further


@pytest.mark.parametrize("limits", [Limits(sessions=1), Limits(sessions_per_connection=1)])
def test_the_number_of_sessions_is_bounded(limits: Limits) -> None:
    stage = RtspStage(limits=limits)
    stage.begin()
    stage.client.says(setup(2))
    assert statuses(stage.client.heard()) == [(503, b"2")]


def test_a_fault_of_our_own_ends_the_connection_in_order() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    a.owner.crashed(stage.now)
    assert statuses(stage.client.heard()) == [(500, b"2")]
    assert (stage.client.state, a.state) == ("closed", "closed")
    assert stage.ends == ["proxy/active"]


def test_events_without_a_session_are_answered_and_dropped() -> None:
    stage = RtspStage()
    a = stage.begin()
    a.says(announce(5, b"whose-is-it"))
    a.says(message(b"OPTIONS * RTSP/1.0", b"CSeq: 6"))
    assert stage.client.heard() == b""
    assert statuses(a.heard()) == [(454, b"5"), (200, b"6")]


def test_events_that_are_never_answered_do_not_pile_up() -> None:
    stage = RtspStage(limits=Limits(requests_per_connection=2))
    a = stage.begin()
    for cseq in range(3):
        a.says(announce(cseq, b"s-one-id"))
    stage.client.says(answer(200, 0) + answer(200, 1))
    assert a.heard() == answer(200, 1)


def test_answers_of_backends_that_fit_nothing_are_dropped() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id") + announce(3, b"s-one-id"))
    a.says(answer(100, 2) + answer(200, 77) + answer(200, 3) + answer(200, 2))
    assert statuses(stage.client.heard()) == [(200, b"2"), (200, b"3")]
    assert stage.context.tally.anomalies == {"rtsp.provisional-dropped": 1, "rtsp.unmatched-response": 1}


def test_a_teardown_of_what_the_backend_has_forgotten_ends_the_session() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    a.says(answer(454, 2, b"s-one-id"))
    assert statuses(stage.client.heard()) == [(454, b"2")]
    assert stage.ends == ["backend/teardown"]


def test_short_timeouts_are_heeded() -> None:
    stage = RtspStage(timeouts=Timeouts(setup=0.5))
    stage.client.says(setup(1))
    stage.passes(0.5)
    assert stage.at(B).heard() == setup(1)


def test_an_operator_ends_the_sessions_of_one_backend() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1"))
    a.heard()
    stage.client.owner.leave(stage.context.pool.backends["a"], End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert statuses(stage.client.heard()) == [(503, b"3")]
    assert a.heard().startswith(b"TEARDOWN ")
    assert a.state == "closed"
    assert stage.ends == ["operator/active"]
    assert stage.context.pool.backends["a"].failures == 0
    b.says(answer(200, 4))
    assert stage.client.heard() == answer(200, 4)
    stage.client.owner.leave(stage.context.pool.backends["b"], End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert stage.client.state == "closed"


def test_the_end_of_draining_ends_set_ups_too() -> None:
    stage = RtspStage()
    stage.begin()
    stage.client.says(setup(2))
    stage.client.owner.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert statuses(stage.client.heard()) == [(503, b"2")]
    assert sorted(stage.ends) == ["operator/active", "operator/setup"]
    assert len(stage.context.register) == 0
    assert stage.taken == {"a": 0, "b": 0}
