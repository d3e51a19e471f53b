"""Sessions stick: set-up, messages both ways, events, resources, ids that collide, the end."""

from mrcpbalance.config import Limits
from tests.mrcpv1.rtsp_stage import (
    URI,
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

GRANTED = b"MRCP/1.0 1 200 IN-PROGRESS\r\n\r\n"
EVENT = b"START-OF-SPEECH 1 IN-PROGRESS MRCP/1.0\r\n\r\n"


def test_a_session_from_setup_to_teardown_passes_octet_for_octet() -> None:
    stage = RtspStage()
    backend = stage.begin()
    for sent, returned in (
        (
            announce(2, b"s-one-id"),
            answer(200, 2, b"s-one-id", b"Content-Type: application/mrcp", body=GRANTED),
        ),
        (request(b"TEARDOWN", 3, b"s-one-id"), answer(200, 3)),  # F-19: no Session in the answer
    ):
        stage.client.says(sent)
        assert backend.heard() == sent
        backend.says(returned)
        assert stage.client.heard() == returned
    assert stage.ends == ["client/teardown"]
    assert stage.taken == {"a": 0, "b": 0}
    (session,) = stage.ended
    assert (session.messages_to_backend, session.messages_to_client, session.attempts) == (1, 1, 1)
    assert session.resources == ("speechrecog",)
    assert session.backend == "a"


def test_events_find_their_caller_and_answers_their_backend() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(announce(2, b"s-one-id"))
    backend.says(answer(200, 2, b"s-one-id", body=GRANTED))
    stage.client.heard()
    event = announce(2, b"s-one-id", body=EVENT)  # UniMRCP: the CSeq of the last answer, R-24
    backend.says(event + event)
    assert stage.client.heard() == event + event
    backend.heard()
    stage.client.says(answer(200, 2))
    stage.client.says(answer(200, 2))
    assert backend.heard() == answer(200, 2) + answer(200, 2)
    stage.client.says(answer(200, 2))  # nobody asked
    assert backend.heard() == b""
    assert stage.context.tally.anomalies == {"rtsp.unmatched-response": 1}


def test_sessions_of_one_connection_live_on_different_backends() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-b-1") + announce(4, b"id-of-a-1"))
    assert (a.heard(), b.heard()) == (announce(4, b"id-of-a-1"), announce(3, b"id-of-b-1"))


def test_answers_leave_in_the_order_of_the_requests_and_no_event_overtakes() -> None:
    stage = RtspStage()
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1") + announce(5, b"id-of-b-1"))
    b.says(answer(200, 4, b"id-of-b-1", body=GRANTED))
    b.says(announce(4, b"id-of-b-1", body=EVENT))
    assert stage.client.heard() == b""
    b.says(answer(200, 5, b"id-of-b-1", body=GRANTED) + announce(5, b"id-of-b-1", body=EVENT))
    assert stage.client.heard() == b""
    a.says(answer(200, 3, b"id-of-a-1"))
    assert stage.client.heard() == (
        answer(200, 3, b"id-of-a-1")
        + answer(200, 4, b"id-of-b-1", body=GRANTED)
        + announce(4, b"id-of-b-1", body=EVENT)
        + answer(200, 5, b"id-of-b-1", body=GRANTED)
        + announce(5, b"id-of-b-1", body=EVENT)
    )
    b.says(announce(5, b"id-of-b-1", body=EVENT))
    assert stage.client.heard() == announce(5, b"id-of-b-1", body=EVENT)


def test_own_answers_take_their_turn() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(announce(2, b"s-one-id") + announce(3, b"unknown-id"))
    assert stage.client.heard() == b""
    backend.says(answer(200, 2))
    assert statuses(stage.client.heard()) == [(200, b"2"), (454, b"3")]


def test_ids_that_collide_are_told_apart() -> None:  # E-02
    stage = RtspStage()
    a = stage.begin(1, b"the-same-id")
    stage.full("a")
    stage.client.says(setup(2))
    b = stage.at(B)
    b.heard()
    b.says(set_up(2, b"the-same-id;timeout=60"))
    minted = stage.client.heard().partition(b"Session: ")[2].partition(b";")[0]
    assert len(minted) == 24
    assert minted != b"the-same-id"
    stage.client.says(announce(3, minted) + announce(4, b"the-same-id"))
    assert b.heard() == announce(3, b"the-same-id")
    assert a.heard() == announce(4, b"the-same-id")
    b.says(answer(200, 3, b"the-same-id"))
    a.says(answer(200, 4, b"the-same-id"))
    assert stage.client.heard() == answer(200, 3, minted) + answer(200, 4, b"the-same-id")
    b.says(announce(3, b"the-same-id", body=EVENT))
    assert stage.client.heard() == announce(3, minted, body=EVENT)
    stage.client.says(answer(200, 3, minted))
    assert b.heard() == answer(200, 3, b"the-same-id")
    assert a.heard() == b""
    assert {key for session in stage.context.register for key in session.keys} == {
        "the-same-id",
        minted.decode(),
    }


def test_an_id_may_come_again_after_its_session() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    backend.says(answer(200, 2))
    backend.heard()
    stage.client.heard()
    stage.begin(3, b"s-one-id")
    stage.client.says(announce(4, b"s-one-id"))
    assert backend.heard() == announce(4, b"s-one-id")


def test_two_resources_of_one_session() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechrecog": 1, "speechsynth": 1}})
    backend = stage.begin()
    second = setup(
        2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    stage.client.says(second)
    assert backend.heard() == second
    backend.says(set_up(2, b"s-one-id"))
    (record,) = stage.context.register
    assert record.resources == ("speechrecog", "speechsynth")
    stage.client.says(request(b"TEARDOWN", 3, b"s-one-id"))
    backend.says(answer(200, 3))
    assert record.end is None
    stage.client.says(request(b"TEARDOWN", 4, b"s-one-id", resource=b"speechsynthesizer/"))  # F-24
    backend.says(answer(200, 4))
    assert stage.ends == ["client/teardown"]


def test_a_further_resource_needs_a_seat() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechsynth": 1}})
    stage.begin(resource=b"speechsynthesizer")
    third = setup(
        2, b"synthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    stage.client.says(third)
    assert statuses(stage.client.heard()) == [(453, b"2")]


def test_a_further_resource_that_is_refused_gives_its_seat_back() -> None:
    stage = RtspStage(backend={"max_sessions": {"speechsynth": 1}})
    backend = stage.begin()
    further = setup(
        2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
    )
    for cseq in (2, 3):
        stage.client.says(further.replace(b"CSeq: 2", b"CSeq: %d" % cseq))
        backend.says(answer(404, cseq, b"s-one-id"))
        assert statuses(stage.client.heard()) == [(404, b"%d" % cseq)]
    (record,) = stage.context.register
    assert record.resources == ("speechrecog",)


def test_the_aggregate_uri_ends_all() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(
        message(b"TEARDOWN rtsp://192.0.2.1:1554/media RTSP/1.0", b"CSeq: 2", b"Session: s-one-id")
    )
    backend.says(answer(200, 2))
    assert stage.ends == ["client/teardown"]


def test_late_events_of_a_session_that_was_torn_down_still_arrive() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    backend.says(answer(200, 2))
    stage.client.heard()
    event = announce(2, b"s-one-id", body=EVENT)
    backend.says(event)
    assert stage.client.heard() == event
    stage.client.says(announce(3, b"s-one-id"))
    assert statuses(stage.client.heard()) == [(454, b"3")]
    stage.passes(11)
    backend.heard()
    backend.says(event)
    assert stage.client.heard() == b""
    assert statuses(backend.heard()) == [(454, b"2")]


def test_keepalives_are_answered_here() -> None:
    stage = RtspStage()
    backend = stage.begin()
    for cseq, method in enumerate((b"OPTIONS", b"GET_PARAMETER", b"SET_PARAMETER"), 2):
        stage.client.says(request(method, cseq, b"s-one-id"))
        assert statuses(stage.client.heard()) == [(200, b"%d" % cseq)]
        assert backend.heard() == b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % cseq
        backend.says(answer(200, cseq))
        assert stage.client.heard() == b""
    asked = request(b"GET_PARAMETER", 9, b"s-one-id", body=b"packets_received\r\n")
    stage.client.says(asked)
    assert backend.heard() == asked


def test_keepalives_can_be_forwarded() -> None:
    stage = RtspStage(backend={"keepalive": "forward"})
    backend = stage.begin()
    stage.client.says(request(b"OPTIONS", 2, b"s-one-id"))
    assert backend.heard() == request(b"OPTIONS", 2, b"s-one-id")


def test_unknown_methods_follow_their_session() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(request(b"PLAY", 2, b"s-one-id"))
    assert backend.heard() == request(b"PLAY", 2, b"s-one-id")


def test_interleaved_frames_follow_the_session_that_negotiated_them() -> None:
    stage = RtspStage()
    stage.client.says(setup(1, b"speechrecognizer", b"Transport: RTP/AVP/TCP;unicast;interleaved=2-3"))
    backend = stage.at(A)
    backend.heard()
    backend.says(answer(200, 1, b"s-one-id", b"Transport: RTP/AVP/TCP;unicast;interleaved=2-3"))
    stage.client.heard()
    frame, stray = b"$\x03\x00\x04RTSP", b"$\x07\x00\x01x"
    stage.client.says(frame + stray)
    assert backend.heard() == frame
    backend.says(stray + frame)
    assert stage.client.heard() == frame
    assert stage.context.tally.anomalies == {"rtsp.frame-without-session": 2}


def test_a_transport_can_be_forbidden() -> None:
    stage = RtspStage(listener={"interleaved": False})
    stage.client.says(setup(1, b"speechrecognizer", b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"))
    assert statuses(stage.client.heard()) == [(461, b"1")]
    assert stage.ends == ["proxy/setup"]


def test_a_session_without_traffic_expires() -> None:
    stage = RtspStage()
    backend = stage.begin(session=b"s-one-id;timeout=60")
    stage.passes(100)
    stage.client.says(announce(2, b"s-one-id"))
    backend.says(answer(200, 2))
    stage.passes(119)
    assert stage.ends == []
    backend.heard()
    stage.passes(2)
    assert stage.ends == ["timeout/active"]
    assert backend.heard().startswith(b"TEARDOWN " + URI + b"speechrecognizer RTSP/1.0\r\n")


def test_too_many_open_requests_are_not_read() -> None:
    stage = RtspStage(limits=Limits(requests_per_connection=4))
    backend = stage.begin()
    stage.client.says(b"".join(announce(cseq, b"s-one-id") for cseq in range(2, 10)))
    assert backend.heard() == b"".join(announce(cseq, b"s-one-id") for cseq in range(2, 6))
    assert stage.client.paused()
    backend.says(answer(200, 2))
    assert stage.client.paused()
    backend.says(answer(200, 3))
    assert backend.heard() == announce(6, b"s-one-id") + announce(7, b"s-one-id")
    backend.says(b"".join(answer(200, cseq) for cseq in range(4, 8)))
    assert not stage.client.paused()
    assert backend.heard() == announce(8, b"s-one-id") + announce(9, b"s-one-id")


def test_a_backend_is_not_read_while_too_much_waits_for_its_turn() -> None:
    stage = RtspStage(limits=Limits(unsent=100))
    a = stage.begin(1, b"id-of-a-1")
    stage.full("a")
    b = stage.begin(2, b"id-of-b-1", at=B)
    stage.client.says(announce(3, b"id-of-a-1") + announce(4, b"id-of-b-1"))
    b.says(answer(200, 4, b"id-of-b-1", body=GRANTED * 4))
    assert b.paused()
    a.says(answer(200, 3))
    assert not b.paused()
