"""What an observer of an RTSP session hears: every message, as each peer sent or got it."""

from mrcpbalance.config import Address, Limits, Timeouts
from mrcpbalance.sessions import End, Phase, Who
from tests.mrcpv1.rtsp_stage import A, B, RtspStage, announce, answer, message, request, set_up, setup

OPERATOR = End(Who.OPERATOR, Phase.ACTIVE)
ID = b"s-one-id"


def test_a_session_from_its_setup_to_its_teardown() -> None:
    stage = RtspStage()
    ear = stage.listen()
    a = stage.begin()
    assert ear.told() == [
        ("from-client", setup(1)),
        ("to-backend", setup(1)),
        ("from-backend", set_up(1, ID)),
        ("to-client", set_up(1, ID)),
    ]
    stage.client.says(announce(2, ID))
    a.says(announce(7, ID))
    stage.client.says(answer(200, 7))
    stage.client.says(request(b"TEARDOWN", 3, ID))
    a.says(answer(200, 2))
    a.says(answer(200, 3))
    assert ear.lines() == [
        "from-client ANNOUNCE rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-backend ANNOUNCE rtsp://192.0.2.1:1554/media/speechrecognizer",
        "from-backend ANNOUNCE rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-client ANNOUNCE rtsp://192.0.2.1:1554/media/speechrecognizer",
        "from-client RTSP/1.0 200",
        "to-backend RTSP/1.0 200",
        "from-client TEARDOWN rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-backend TEARDOWN rtsp://192.0.2.1:1554/media/speechrecognizer",
        "from-backend RTSP/1.0 200",
        "to-client RTSP/1.0 200",
        "from-backend RTSP/1.0 200",
        "to-client RTSP/1.0 200",
    ]
    assert [(str(session.end), at) for session, at in ear.ends] == [("client/teardown", stage.now)]


def test_each_message_says_by_which_connection_and_when() -> None:
    stage = RtspStage()
    ear = stage.listen()
    a = stage.begin()
    stage.passes(3)
    stage.client.says(announce(2, ID))
    ways: list[tuple[object, float]] = [(one.way, one.at) for one in ear.heard]
    client = stage.client
    assert ways == [
        (client, 1000.0),
        (a, 1000.0),
        (a, 1000.0),
        (client, 1000.0),
        (client, 1003.0),
        (a, 1003.0),
    ]


def test_edits_show_as_what_each_side_saw() -> None:
    stage = RtspStage(backend={"request_uri": "rewrite", "insert_cseq": True})
    ear = stage.listen()
    stage.begin_any()
    a = stage.at(A)
    stage.client.says(announce(2, ID))
    a.says(announce(7, ID).replace(b"CSeq: 7\r\n", b""))
    told = ear.told()
    assert told[0] == ("from-client", setup(1))
    assert told[1] == ("to-backend", setup(1).replace(b"192.0.2.1:1554", A.encode() + b":1554"))
    assert told[4] == ("from-client", announce(2, ID))
    assert told[5] == ("to-backend", announce(2, ID).replace(b"192.0.2.1:1554", A.encode() + b":1554"))
    assert told[6] == ("from-backend", announce(7, ID).replace(b"CSeq: 7\r\n", b""))
    assert b"CSeq: 1\r\n" in told[7][1]


def test_tries_that_failed_are_heard_too() -> None:
    stage = RtspStage()
    ear = stage.listen()
    stage.client.says(setup(1))
    a = stage.at(A)
    a.connects()
    a.says(answer(503, 1))
    b = stage.at(B)
    b.goes()
    assert ear.lines() == [
        "from-client SETUP rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-backend SETUP rtsp://192.0.2.1:1554/media/speechrecognizer",
        "from-backend RTSP/1.0 503",
        "to-backend SETUP rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-client RTSP/1.0 503",
    ]
    assert [str(session.end) for session, _ in ear.ends] == ["backend/setup"]


def test_a_session_that_comes_too_late_is_heard_being_undone() -> None:
    stage = RtspStage(timeouts=Timeouts(setup=1.0))
    ear = stage.listen()
    stage.client.says(setup(1))
    a = stage.at(A)
    a.connects()
    stage.passes(1.5)
    ear.told()
    a.says(set_up(1, ID))
    assert ear.lines() == [
        "from-backend RTSP/1.0 200",
        "to-backend TEARDOWN rtsp://192.0.2.1:1554/media/speechrecognizer",
    ]


def test_what_the_proxy_refuses() -> None:
    stage = RtspStage()
    stage.draining = True
    ear = stage.listen()
    stage.client.says(setup(1))
    stage.draining = False
    assert ear.lines() == [
        "from-client SETUP rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-client RTSP/1.0 503",
    ]
    full = RtspStage(limits=Limits(sessions_per_connection=1))
    ear = full.listen()
    full.begin()
    ear.told()
    full.client.says(setup(2))
    assert ear.lines()[1] == "to-client RTSP/1.0 503"


def test_what_the_proxy_answers_inside_a_session() -> None:
    stage = RtspStage(listener={"interleaved": False})
    ear = stage.listen()
    stage.begin()
    ear.told()
    stage.client.says(request(b"OPTIONS", 2, ID))
    more = b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
    stage.client.says(request(b"SETUP", 3, ID, more, resource=b"speechsynthesizer"))
    assert ear.lines() == [
        "from-client OPTIONS rtsp://192.0.2.1:1554/media/speechrecognizer",
        "to-client RTSP/1.0 200",
        "from-client SETUP rtsp://192.0.2.1:1554/media/speechsynthesizer",
        "to-client RTSP/1.0 461",
    ]


def test_a_further_resource_shows_what_its_backend_said() -> None:
    stage = RtspStage()
    ear = stage.listen()
    a = stage.begin()
    ear.told()
    asked = request(b"SETUP", 2, ID, b"Transport: RTP/AVP;unicast", resource=b"speechsynthesizer")
    stage.client.says(asked)
    said = answer(200, 2, ID, b"Transport: RTP/AVP;unicast;server_port=5002")
    a.says(said)
    told = ear.told()
    assert [who for who, _ in told] == ["from-client", "to-backend", "from-backend", "to-client"]
    assert (told[0][1], told[2][1]) == (asked, said)
    assert told[1][1] == a.heard()
    assert told[3][1] == stage.client.heard() != said


def test_answers_that_come_too_late() -> None:
    stage = RtspStage(timeouts=Timeouts(request=5.0))
    ear = stage.listen()
    a = stage.begin()
    stage.client.says(announce(2, ID))
    ear.told()
    stage.passes(6)
    a.says(answer(200, 2))
    assert ear.lines() == ["to-client RTSP/1.0 504", "from-backend RTSP/1.0 200"]


def test_a_caller_that_goes_leaves_answers_and_a_teardown() -> None:
    stage = RtspStage()
    ear = stage.listen()
    a = stage.begin()
    a.says(announce(7, ID))
    ear.told()
    stage.client.goes()
    assert ear.lines() == [
        "to-backend RTSP/1.0 454",
        "to-backend TEARDOWN rtsp://192.0.2.1:1554/media/speechrecognizer",
    ]
    assert [str(session.end) for session, _ in ear.ends] == ["client/active"]


def test_a_setup_is_answered_when_the_proxy_stops() -> None:
    stage = RtspStage()
    ear = stage.listen()
    stage.client.says(setup(1))
    stage.client.owner.stop(OPERATOR, stage.now)  # type: ignore[attr-defined]
    assert ear.lines()[-1] == "to-client RTSP/1.0 503"


def test_nothing_is_heard_of_requests_outside_sessions() -> None:
    stage = RtspStage()
    ear = stage.listen()
    stage.client.says(message(b"DESCRIBE rtsp://192.0.2.1/ RTSP/1.0", b"CSeq: 1"))
    a = stage.at(A)
    a.connects()
    a.says(answer(200, 1))
    assert ear.told() == []
    assert Address(A, 1554) == stage.context.pool.backends["a"].address("rtsp")
