"""Sessions of MRCPv1: how they are told apart, how they went, what was wrong."""

import pytest

from mrcpbalance.traces import Cause, End, Endpoint, Limits, Protocol
from mrcpwire import mrcpv1
from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import Scene, Tcp, announce, answer, codes, only, recognize, setup, teardown


def begin(talk: Tcp, session: bytes = b"id-1", resource: bytes = b"speechrecognizer", cseq: int = 1) -> None:
    talk.up(setup(cseq, resource))
    talk.down(answer(cseq, session))


def finish(talk: Tcp, session: bytes = b"id-1", resource: bytes = b"speechrecognizer", cseq: int = 9) -> None:
    talk.up(teardown(cseq, session, resource))
    talk.down(answer(cseq, session))


def ask(talk: Tcp, cseq: int, number: int, state: bytes = b"IN-PROGRESS", status: int = 200) -> None:
    talk.up(announce(cseq, b"id-1", recognize(number)))
    talk.down(answer(cseq, b"id-1", body=mrcpv1.response(number, status, state)))


def complete(talk: Tcp, cseq: int, number: int, cause: bytes = b"000 success") -> None:
    event = mrcpv1.event(b"RECOGNITION-COMPLETE", number, b"COMPLETE", [(b"Completion-Cause", cause)])
    talk.down(announce(cseq, b"id-1", event))
    talk.up(answer(cseq, b"id-1"))


def test_completed(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    ask(talk, 2, 1)
    scene.wait(2)
    complete(talk, 2, 1, b"001 no-match")
    finish(talk)
    talk.close()
    session = only(scene.read())
    assert session.protocol is Protocol.MRCPV1
    assert (session.number, session.id, session.keys) == (1, "id-1", ("id-1",))
    assert (session.caller, session.server) == (Endpoint(*CALLER), Endpoint(*SERVER))
    assert session.resources == ("speechrecog",)
    assert (session.outcome.end, str(session.outcome)) == (End.COMPLETED, "completed")
    assert session.set_up == 1_000_000
    assert session.duration == 2_000_000_000 + 7 * 1_000_000
    assert (session.counts, session.message_count) == ({"rtsp": 8, "mrcp": 3}, 8)
    assert session.methods == {
        "SETUP": 1,
        "ANNOUNCE": 1,
        "RECOGNIZE": 1,
        "RECOGNITION-COMPLETE": 1,
        "TEARDOWN": 1,
    }
    assert session.causes == (Cause("RECOGNITION-COMPLETE", "001 no-match"),)
    assert session.findings == ()
    answers = [session.messages.index(one.answers) if one.answers else None for one in session.messages]
    assert answers == [None, 0, None, 2, 2, 4, None, 6]
    assert [message.to_server for message in session.messages] == [
        True,
        False,
        True,
        False,
        False,
        True,
        True,
        False,
    ]


def test_refused(scene: Scene, talk: Tcp) -> None:
    talk.up(setup(1))
    talk.down(answer(1, b"id-1", b"404 Not Found"))
    talk.up(setup(2))
    talk.down(answer(2, b"", b"503 Service Unavailable"))
    begin(talk, cseq=3)
    talk.close()
    outcomes = [(str(one.outcome), one.outcome.status, one.id) for one in scene.read().sessions]
    assert outcomes == [
        ("refused: 404 Not Found", 404, "id-1"),
        ("refused: 503 Service Unavailable", 503, ""),
        ("cut: the caller closed the connection", None, "id-1"),
    ]


NEVER_SET_UP = {
    "no answer": (10.0, None, "failed: no answer", "lost-answer"),
    "closed": (0.1, "server", "failed: the server closed the connection before an answer", "lost-answer"),
    "given up": (0.1, "client", "failed: the caller closed the connection before an answer", "lost-answer"),
    "the capture ends": (0.1, None, "unfinished", None),
}


@pytest.mark.parametrize(("wait", "closed", "outcome", "code"), NEVER_SET_UP.values(), ids=NEVER_SET_UP)
def test_never_set_up(
    scene: Scene, talk: Tcp, wait: float, closed: str | None, outcome: str, code: str | None
) -> None:
    talk.up(setup(1))
    scene.wait(wait)
    if closed is not None:
        talk.close(first=closed)
    else:
        talk.segment(True)
    session = only(scene.read())
    assert str(session.outcome) == outcome
    assert session.set_up is None
    assert [finding.code for finding in session.findings] == ([code] if code else [])


CUTS = {
    "by its server": ("server", False, "cut: the server closed the connection", [("cut-request", "")]),
    "by a reset": ("server", True, "cut: the server reset the connection", [("cut-request", "")]),
    "by its caller": (
        "client",
        False,
        "cut: the caller closed the connection",
        [("missing-teardown", "R-25"), ("cut-request", "")],
    ),
}


@pytest.mark.parametrize(("by", "reset", "outcome", "found"), CUTS.values(), ids=CUTS)
def test_cut(
    scene: Scene, talk: Tcp, by: str, reset: bool, outcome: str, found: list[tuple[str, str]]
) -> None:
    begin(talk)
    ask(talk, 2, 1)
    scene.wait(3)
    if reset:
        talk.reset(by=by)
    else:
        talk.close(first=by)
    session = only(scene.read())
    assert str(session.outcome) == outcome
    assert sorted(codes(session)) == sorted(found)
    assert session.duration > 3_000_000_000  # until the connection ended
    assert session.outcome.end.is_failure


def test_unfinished(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    ask(talk, 2, 1)
    session = only(scene.read())
    assert (session.outcome.end, session.findings) == (End.UNFINISHED, ())


def test_a_last_teardown_needs_no_answer(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(teardown(2, b"id-1"))
    talk.close()
    session = only(scene.read())
    assert session.outcome.end is End.COMPLETED
    assert codes(session) == [("lost-answer", "R-22")]


def test_two_resources(scene: Scene, talk: Tcp) -> None:
    """The session ends with the TEARDOWN of its last resource (R-25)."""
    begin(talk)
    talk.up(setup(2, b"speechsynthesizer/", b"id-1"))
    talk.down(answer(2, b"id-1"))
    finish(talk, cseq=3)
    scene.wait(100)
    finish(talk, resource=b"speechsynthesizer", cseq=4)
    session = only(scene.read())
    assert session.resources == ("speechrecog", "speechsynth")
    assert session.outcome.end is End.COMPLETED
    assert session.duration > 100_000_000_000


def test_one_resource_left_behind(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(setup(2, b"speechsynthesizer", b"id-1"))
    talk.down(answer(2, b"id-1"))
    finish(talk, cseq=3)
    talk.close()
    session = only(scene.read())
    assert str(session.outcome) == "cut: the caller closed the connection"
    assert session.findings[0].text == "the caller went without a TEARDOWN of speechsynth"


def test_teardown_of_everything(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    finish(talk, resource=b"")
    assert only(scene.read()).outcome.end is End.COMPLETED


def test_many_sessions_on_one_connection(scene: Scene, talk: Tcp) -> None:
    for number in range(5):
        begin(talk, b"id-%d" % number, cseq=2 * number + 1)
    for number in range(5):
        finish(talk, b"id-%d" % number, cseq=20 + number)
    sessions = scene.read().sessions
    assert [(one.id, one.outcome.end) for one in sessions] == [
        (f"id-{number}", End.COMPLETED) for number in range(5)
    ]


def test_one_id_on_two_connections_is_two_sessions(scene: Scene) -> None:
    """As a proxy's both sides show it (E-02)."""
    for port in (4001, 4002):
        talk = scene.tcp((CALLER[0], port), SERVER)
        begin(talk)
        finish(talk)
    assert [one.caller.port for one in scene.read().sessions] == [4001, 4002]


def test_requests_outside_sessions_are_counted(scene: Scene, talk: Tcp) -> None:
    talk.up(setup(1).replace(b"SETUP", b"DESCRIBE"))
    talk.down(answer(1))
    trace = scene.read()
    assert (trace.sessions, trace.outside) == ((), {"RTSP DESCRIBE": 1})


def test_a_session_that_began_before_the_capture(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    ask(talk, 5, 3)
    complete(talk, 5, 3)
    finish(talk)
    session = only(scene.read())
    assert (session.id, session.set_up, session.outcome.end) == ("id-1", None, End.COMPLETED)
    assert session.resources == ("speechrecog",)


def test_an_event_alone_tells_of_a_session(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    complete(talk, 5, 3)
    session = only(scene.read())
    assert (session.id, session.outcome.end, session.caller.port) == ("id-1", End.UNFINISHED, CALLER[1])


def test_a_session_nobody_set_up_is_a_finding(scene: Scene, talk: Tcp) -> None:
    talk.up(announce(1, b"nobody", recognize(1)))
    talk.down(answer(1, b"", b"454 Session Not Found"))
    trace = scene.read()
    assert trace.sessions == ()
    assert [(finding.code, finding.rule) for finding in trace.findings] == [("unknown-session", "R-25")]


def test_lost_answers(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(announce(2, b"id-1", recognize(1)))
    scene.wait(5)
    finish(talk)
    session = only(scene.read())
    assert [finding.text for finding in session.findings] == ["RECOGNIZE 1 has no answer"]
    assert codes(session) == [("lost-answer", "R-24")]


def test_an_answer_without_the_mrcp_message(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(announce(2, b"id-1", recognize(1)))
    talk.down(answer(2, b"id-1"))
    scene.wait(5)
    finish(talk)
    assert codes(only(scene.read())) == [("lost-answer", "R-12")]


def test_failures_are_told(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    ask(talk, 2, 1, b"COMPLETE", 407)
    finish(talk)
    session = only(scene.read())
    assert [finding.text for finding in session.findings] == ["RECOGNIZE 1 is answered 407"]


def test_failures_of_rtsp_are_told(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(announce(2, b"id-1", recognize(1)))
    talk.down(answer(2, b"id-1", b"500 Internal Server Error"))
    scene.wait(5)
    finish(talk)
    session = only(scene.read())
    assert [finding.text for finding in session.findings] == [
        "RECOGNIZE 1 is answered 500 Internal Server Error"
    ]


def test_events_without_cseq(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    event = mrcpv1.event(b"START-OF-SPEECH", 1, b"IN-PROGRESS")
    talk.down(announce(2, b"id-1", event).replace(b"CSeq: 2\r\n", b""))
    finish(talk)
    assert codes(only(scene.read())) == [("event-without-cseq", "R-08")]


def test_requests_without_cseq(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.up(announce(2, b"id-1", recognize(1)).replace(b"CSeq: 2\r\n", b""))
    talk.down(answer(2, b"id-1", b"400 Bad Request").replace(b"CSeq: 2\r\n", b""))
    finish(talk)
    assert ("rtsp.no-cseq", "R-07") in codes(only(scene.read()))


def test_answers_nobody_asked_for(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.down(answer(77, b"id-1"), answer(78))
    talk.up(answer(79, b"id-1"), answer(80))
    talk.down(answer(1, b"other", b"100 Continue"))
    finish(talk)
    assert only(scene.read()).counts["rtsp"] == 6


def test_a_provisional_answer(scene: Scene, talk: Tcp) -> None:
    talk.up(setup(1))
    talk.down(answer(1, b"", b"100 Continue"), answer(1, b"id-1"))
    finish(talk)
    assert only(scene.read()).outcome.end is End.COMPLETED


def test_server_requests_without_session(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.down(setup(1).replace(b"SETUP", b"OPTIONS"))
    assert scene.read().outside == {"RTSP OPTIONS of a server": 1}


def test_interleaved_media_is_counted(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    talk.down(b"$\0\0\4abcd" * 3)
    finish(talk)
    trace = scene.read()
    assert (trace.rtp, only(trace).outcome.end) == (3, End.COMPLETED)


def test_finished_sessions_are_let_go(scene: Scene, talk: Tcp) -> None:
    """A late message of one that was judged belongs to nobody's session any more."""
    begin(talk)
    finish(talk)
    scene.wait(100)
    begin(talk, b"id-2", cseq=20)
    finish(talk, b"id-2", cseq=21)
    talk.down(announce(30, b"id-1", mrcpv1.event(b"RECOGNITION-COMPLETE", 1, b"COMPLETE")))
    assert [one.id for one in scene.read().sessions] == ["id-1", "id-2", "id-1"]


def test_an_id_that_is_used_again(scene: Scene, talk: Tcp) -> None:
    for cseq in (1, 20):
        begin(talk, cseq=cseq)
        finish(talk, cseq=cseq + 1)
    assert [(one.id, one.counts["rtsp"]) for one in scene.read().sessions] == [("id-1", 4), ("id-1", 4)]


def test_kinds_of_requests_are_bounded(scene: Scene, talk: Tcp) -> None:
    for number in range(150):
        talk.up(setup(number).replace(b"SETUP", b"X-%d" % number))
    outside = scene.read().outside
    assert (len(outside), outside["others"]) == (101, 50)


def test_sessions_that_are_followed_are_bounded(scene: Scene, talk: Tcp) -> None:
    for number in range(5):
        begin(talk, b"id-%d" % number, cseq=number + 1)
    trace = scene.read(limits=Limits(exchanges=3))
    assert len(trace.sessions) == 5
    assert [finding.code for finding in trace.findings] == ["too-many-sessions"]


def test_messages_of_a_session_are_bounded(scene: Scene, talk: Tcp) -> None:
    begin(talk)
    for number in range(2, 10):
        ask(talk, number, number, b"COMPLETE")
    session = only(scene.read(limits=Limits(messages=4)))
    assert (len(session.messages), session.counts["rtsp"]) == (4, 18)
    assert codes(session) == [("not-kept", "")]


def test_messages_that_are_kept_are_bounded(scene: Scene) -> None:
    for port in range(3):
        talk = scene.tcp((CALLER[0], 4000 + port), SERVER)
        begin(talk)
        finish(talk)
    size = sum(len(message.raw) + 1000 for message in scene.read().sessions[0].messages)
    sessions = scene.read(limits=Limits(kept=2 * size + 1500)).sessions
    assert [len(one.messages) for one in sessions] == [4, 4, 1]
    assert [one.counts["rtsp"] for one in sessions] == [4, 4, 4]
    assert [codes(one) for one in sessions] == [[], [], [("not-kept", "")]]
    scene.wait(100)
    begin(scene.tcp((CALLER[0], 5000), SERVER))  # by now the others were judged, and left their room
    sessions = scene.read(keep=lambda _: False, limits=Limits(kept=3 * size)).sessions
    assert all(codes(one) == [] for one in sessions)
    assert all(not one.messages for one in scene.read(keep=lambda _: False).sessions)


@pytest.mark.parametrize("first", ["event", "answer", "request", "response"])
def test_who_is_the_server_is_told_by_what_it_says(scene: Scene, first: str) -> None:
    """The capture begins later, and the ports say nothing."""
    talk = scene.tcp(("192.0.2.10", 900), ("198.51.100.2", 50_000), handshake=False)
    if first == "event":
        complete(talk, 2, 1)
    elif first == "answer":
        talk.down(answer(2, b"id-1", body=mrcpv1.response(1, 200, b"IN-PROGRESS")))
    elif first == "response":
        talk.up(answer(2, b"id-1"))
        ask(talk, 3, 1)
    ask(talk, 4, 2)
    assert only(scene.read()).caller.port == 900


def test_requests_nobody_answers_are_bounded(scene: Scene, talk: Tcp) -> None:
    talk.up(*(setup(number).replace(b"SETUP", b"DESCRIBE") for number in range(20)))
    assert scene.read().outside == {"RTSP DESCRIBE": 20}
