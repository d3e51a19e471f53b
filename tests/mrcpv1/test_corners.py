"""Corners: what comes after the end, twice, or when half of it is gone."""

from mrcpbalance.config import Limits
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import (
    SDP,
    A,
    B,
    RtspStage,
    announce,
    answer,
    message,
    request,
    set_up,
    setup,
    statuses,
)

FRAME = b"$\x02\x00\x04RTSP"
TWO_CHANNELS = b"Transport: RTP/AVP/TCP;unicast;interleaved=2-3"
OPERATOR = End(Who.OPERATOR, Phase.ACTIVE)


def test_octets_after_the_last_are_not_read() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    stage.client.finishes()
    stage.client.says(announce(3, b"s-one-id"))
    stage.client.finishes()
    assert a.heard() == announce(2, b"s-one-id")
    a.says(answer(200, 2))
    assert stage.client.state == "closed"
    stage.client.goes()
    assert stage.ends == ["client/active"]


def test_a_backend_connection_is_lost_once() -> None:
    stage = RtspStage()
    a = stage.begin()
    a.goes()
    a.goes()
    assert stage.ends == ["backend/active"]


def test_a_message_in_two_pieces_from_a_backend() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    whole = answer(200, 2)
    for octet in whole:
        a.says(bytes((octet,)))
    assert stage.client.heard() == whole
    stage.passes(40)
    assert stage.ends == []


def test_an_event_without_a_body_is_no_mrcp_message() -> None:
    stage = RtspStage()
    a = stage.begin()
    a.says(request(b"ANNOUNCE", 5, b"s-one-id"))
    (record,) = stage.context.register
    assert record.messages_to_client == 0


def test_the_answer_to_an_event_of_a_lost_backend_goes_nowhere() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    stage.begin(2, b"id-of-b-1", at=B)
    a.says(announce(5, b"id-of-a-1"))
    a.goes()
    stage.client.says(answer(200, 5))
    assert a.heard() == b""
    a2 = stage.at(B)
    a2.says(announce(6, b"id-of-b-1"))
    stage.client.goes()
    assert statuses(a2.heard())[0] == (454, b"6")


def test_frames_behind_an_answer_that_waits() -> None:
    stage = RtspStage(limits=Limits(unsent=10))
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    stage.client.says(setup(2, b"speechrecognizer", TWO_CHANNELS))
    b = stage.at(B)
    b.heard()
    b.says(answer(200, 2, b"id-of-b-1", TWO_CHANNELS))
    stage.client.says(
        setup(
            3, b"speechsynthesizer", b"Session: id-of-b-1", b"Transport: RTP/AVP/TCP;unicast;interleaved=4-5"
        )
    )
    b.says(answer(200, 3, b"id-of-b-1", b"Transport: RTP/AVP/TCP;unicast;interleaved=4-5"))
    stage.client.heard()
    stage.client.says(announce(4, b"id-of-a-1") + announce(5, b"id-of-b-1"))
    b.says(answer(200, 5) + FRAME + FRAME)
    assert stage.client.heard() == b""
    assert b.paused()
    a.says(answer(200, 4))
    assert stage.client.heard() == answer(200, 4) + answer(200, 5) + FRAME + FRAME
    assert not b.paused()
    b.goes()
    stage.client.says(FRAME)
    assert stage.context.tally.anomalies["rtsp.frame-without-session"] == 1


def test_a_resource_that_is_answered_too_late() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechsynth": 1}})
    a = stage.begin()
    further = setup(
        2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    stage.client.says(further)
    stage.passes(61)
    assert statuses(stage.client.heard()) == [(504, b"2")]
    a.says(set_up(2, b"s-one-id"))
    assert stage.client.heard() == b""
    (record,) = stage.context.register
    assert record.resources == ("speechrecog", "speechsynth")


def test_a_setup_of_a_resource_that_is_there_changes_its_transport() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechrecog": 1}})
    a = stage.begin()
    again = setup(
        2, b"speechrecognizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=6000-6001"
    )
    stage.client.says(again)
    assert a.heard() == again
    a.says(set_up(2, b"s-one-id"))
    (record,) = stage.context.register
    assert record.resources == ("speechrecog",)


def test_answers_for_a_session_that_has_ended_meanwhile() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(
        setup(
            2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
        )
        + request(b"TEARDOWN", 3, b"s-one-id")
        + request(b"TEARDOWN", 4, b"s-one-id")
    )
    a.says(answer(404, 2) + answer(200, 3) + answer(200, 4))
    assert statuses(stage.client.heard()) == [(404, b"2"), (200, b"3"), (200, b"4")]
    assert stage.ends == ["client/teardown"]


def test_a_teardown_that_is_refused_leaves_the_session() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    a.says(answer(406, 2))
    assert stage.ends == []
    stage.client.says(announce(3, b"s-one-id"))
    assert a.heard().endswith(announce(3, b"s-one-id"))


def test_a_teardown_names_a_resource_by_its_last_segment() -> None:  # R-25, F-24
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(
        message(b"TEARDOWN rtsp://elsewhere/speechrecognizer RTSP/1.0", b"CSeq: 2", b"Session: s-one-id")
    )
    a.says(answer(200, 2))
    assert stage.ends == ["client/teardown"]


def test_a_late_refusal_of_a_try_is_dropped() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    a = stage.at(A)
    a.connects()
    stage.passes(2.0)
    a.heard()
    a.says(answer(503, 1))
    assert a.heard() == b""
    stage.client.says(setup(2))
    a.goes()
    stage.at(B).goes(CloseReason.REFUSED)
    assert {status for status, _ in statuses(stage.client.heard())} <= {502, 503, 504}


def test_a_caller_that_leaves_while_a_query_is_out() -> None:
    stage = RtspStage()
    stage.client.says(message(b"DESCRIBE rtsp://192.0.2.1/media RTSP/1.0", b"CSeq: 1"))
    stage.client.goes()
    assert stage.ends == []
    assert stage.at(A).state == "closed"


def test_the_end_of_the_process_finds_some_answers_ready_and_some_not() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1") + announce(5, b"id-of-b-1"))
    b.says(answer(200, 4))
    caller = stage.client.owner
    caller.leave(stage.context.pool.backends["b"], OPERATOR, stage.now)  # type: ignore[attr-defined]
    assert stage.client.heard() == b""
    a.heard()
    caller.stop(OPERATOR, stage.now)  # type: ignore[attr-defined]
    assert statuses(stage.client.heard()) == [(503, b"3"), (200, b"4"), (503, b"5")]
    caller.stop(OPERATOR, stage.now)  # type: ignore[attr-defined]
    assert stage.ends == ["operator/active", "operator/active"]


def test_a_body_that_says_where_audio_comes_from_stays() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    told = answer(200, 1, b"s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001", body=SDP)
    stage.at(A).says(told)
    assert stage.client.heard() == told


def test_answers_to_events_in_another_order() -> None:
    stage = RtspStage()
    a = stage.begin()
    a.says(announce(5, b"s-one-id") + announce(6, b"s-one-id"))
    stage.client.says(answer(200, 6) + answer(200, 5))
    assert a.heard() == answer(200, 6) + answer(200, 5)


def test_a_second_teardown_that_is_never_answered() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id") + request(b"TEARDOWN", 3, b"s-one-id"))
    a.says(answer(200, 2))
    stage.passes(5)
    stage.passes(56)
    assert stage.ends == ["client/teardown"]
    a.says(answer(200, 3))
    assert statuses(stage.client.heard()) == [(200, b"2"), (504, b"3")]


def test_a_refused_query_of_which_nothing_comes() -> None:
    stage = RtspStage()
    stage.client.says(message(b"DESCRIBE rtsp://192.0.2.1/media RTSP/1.0", b"CSeq: 1"))
    a = stage.at(A)
    a.connects()
    stage.passes(2)
    a.says(answer(200, 1))
    a.goes()
    assert stage.client.heard() == b""


def test_a_caller_that_leaves_owes_nothing_to_a_lost_backend() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    a.says(announce(5, b"id-of-a-1"))
    b.says(announce(6, b"id-of-b-1"))
    a.goes()
    stage.client.goes()
    assert a.heard() == b""
    assert statuses(b.heard())[0] == (454, b"6")


def test_a_silent_backend_that_dies_after_it_was_left() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    a = stage.at(A)
    a.connects()
    stage.passes(2)
    stage.at(B).says(set_up(1, b"id-of-b-1"))
    a.goes()
    assert stage.client.heard() == set_up(1, b"id-of-b-1")
    assert stage.client.state == "open"


def test_a_caller_that_ends_within_a_message_is_told_of() -> None:
    stage = RtspStage()
    stage.client.says(b"SETUP rtsp://192.0.2.1/media")
    stage.client.finishes()
    assert stage.context.tally.anomalies == {"rtsp.cut-short": 1}
    assert stage.client.heard() == b""
