"""Sessions of MRCPv2: calls, how they are set up, and how they end."""

import attrs
import pytest

from mrcpbalance.traces import Cause, End, Endpoint, Protocol
from mrcpwire import mrcpv2
from tests.traces.packets import START
from tests.traces.scene import (
    CHANNEL,
    CONTROL,
    OFFER,
    SIP_CALLER,
    SIP_SERVER,
    Call,
    Scene,
    codes,
    complete,
    control,
    only,
    recognise,
    sdp_answer,
)


def test_completed(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    recognise(talk)
    scene.wait(2)
    complete(talk)
    talk.close()
    call.bye()
    session = only(scene.read())
    assert session.protocol is Protocol.MRCPV2
    assert (session.id, session.keys) == ("call-1", ("call-1", "45@speechrecog"))
    assert (session.caller, session.server) == (Endpoint(*SIP_CALLER), Endpoint(*SIP_SERVER))
    assert (session.resources, session.outcome.end) == (("speechrecog",), End.COMPLETED)
    assert (session.start, session.set_up) == (START, 1_000_000)
    assert (session.counts, session.message_count) == ({"sip": 5, "mrcp": 3}, 8)
    assert session.causes == (Cause("RECOGNITION-COMPLETE", "000 success"),)
    assert session.findings == ()
    assert [(one.client.port, one.server.port) for one in session.connections] == [(CONTROL[1], 1544)]
    assert [one.to_server for one in session.messages] == [True, False, True, True, False, False, True, False]


@pytest.mark.parametrize("listening", ["udp", "tcp"])
def test_sip_over_either_transport(scene: Scene, call: Call, listening: str) -> None:
    if listening == "tcp":
        call.tcp = scene.tcp(SIP_CALLER, SIP_SERVER)
    call.invite()
    call.bye()
    session = only(scene.read())
    assert (session.outcome.end, session.caller.port) == (End.COMPLETED, SIP_CALLER[1])
    assert {message.transport for message in session.messages} == {listening}


def test_refused(scene: Scene, call: Call) -> None:
    call.up(call.request(b"INVITE", 1, OFFER, tagged=False))
    call.down(call.response(b"100 Trying", b"INVITE"))
    call.down(call.response(b"486 Busy Here", b"INVITE"))
    call.up(call.request(b"ACK"))
    session = only(scene.read())
    assert (str(session.outcome), session.outcome.status) == ("refused: 486 Busy Here", 486)
    assert session.set_up == 2_000_000


def test_redirected(scene: Scene, call: Call) -> None:
    call.up(call.request(b"INVITE", 1, OFFER, tagged=False))
    call.down(call.response(b"302 Moved Temporarily", b"INVITE"))
    call.up(call.request(b"ACK"))
    call.server = ("198.51.100.9", 5060)
    call.up(call.request(b"INVITE", 2, OFFER, tagged=False))
    call.down(call.response(b"200 OK", b"INVITE", 2, sdp_answer()))
    call.up(call.request(b"ACK", 2))
    scene.wait(100)  # the refusal is long forgotten
    call.bye(3)
    session = only(scene.read())
    assert (session.outcome.end, session.server.host) == (End.COMPLETED, "198.51.100.9")


def test_given_up(scene: Scene, call: Call) -> None:
    call.up(call.request(b"INVITE", 1, OFFER, tagged=False))
    call.up(call.request(b"CANCEL", 1, tagged=False))
    call.down(call.response(b"200 OK", b"CANCEL"))
    assert str(only(scene.read()).outcome) == "failed: given up by the caller"
    call.down(call.response(b"487 Request Terminated", b"INVITE"))
    assert str(only(scene.read()).outcome) == "refused: 487 Request Terminated"


@pytest.mark.parametrize(("wait", "outcome"), [(30.0, "failed: no answer"), (0.5, "unfinished")])
def test_silence(scene: Scene, call: Call, wait: float, outcome: str) -> None:
    invite = call.request(b"INVITE", 1, OFFER, tagged=False)
    call.up(invite)
    scene.wait(wait)
    call.up(invite)
    session = only(scene.read())
    assert str(session.outcome) == outcome
    assert ("retransmissions", "") in codes(session)
    assert [message.again for message in session.messages] == [False, True]


def test_retransmissions_are_told(scene: Scene, call: Call) -> None:
    call.invite()
    for _ in range(3):
        scene.wait(0.5)
        call.down(call.response(b"200 OK", b"INVITE", 1, sdp_answer()))
    call.bye()
    session = only(scene.read())
    assert [finding.text for finding in session.findings] == ["the 200 to INVITE was sent 3 times more"]


def test_datagrams_captured_twice_count_once(scene: Scene, call: Call) -> None:
    """As on the "any" interface; nobody retransmits within milliseconds."""
    call.invite()
    call.bye()
    scene.packets = [packet for packet in scene.packets for _ in range(2)]
    trace = scene.read()
    assert (only(trace).counts["sip"], only(trace).findings) == (5, ())
    assert [finding.text for finding in trace.findings] == ["5 packets were captured twice and count once"]


def test_never_acknowledged(scene: Scene, call: Call) -> None:
    call.up(call.request(b"INVITE", 1, OFFER, tagged=False))
    call.down(call.response(b"200 OK", b"INVITE", 1, sdp_answer()))
    scene.wait(10)
    call.bye()
    assert codes(only(scene.read())) == [("no-ack", "S-05")]


CUTS = {
    "its server hangs up": (["bye"], "cut: the server hung up", []),
    "its server closes": (["server"], "cut: the server closed the connection", ["missing-bye"]),
    "its server closes, then BYE": (
        ["server", "wait", "up-bye"],
        "cut: the server closed the connection",
        ["late-bye"],
    ),
    "its server closes, BYE at once": (["server", "up-bye"], "cut: the server closed the connection", []),
    "its caller closes": (["client"], "cut: the caller closed the connection", ["missing-bye"]),
    "its caller closes, the server hangs up": (
        ["client", "wait", "bye"],
        "cut: the caller closed the connection",
        ["late-bye"],
    ),
    "its caller closes, and thinks": (["client", "wait", "up-bye"], "completed", ["late-bye"]),
    "BYE, then the server closes": (["up-bye", "server"], "completed", []),
}


@pytest.mark.parametrize(("steps", "outcome", "found"), CUTS.values(), ids=CUTS)
def test_cut(scene: Scene, call: Call, steps: list[str], outcome: str, found: list[str]) -> None:
    call.invite()
    talk = control(scene)
    recognise(talk)
    complete(talk)
    for step in steps:
        if step == "wait":
            scene.wait(3)
        elif step == "bye":
            call.down(call.request(b"BYE", 1, up=False))
            call.up(call.response(b"200 OK", b"BYE", 1, up=True))
        elif step == "up-bye":
            call.bye()
        else:
            talk.close(first=step)
    scene.wait(5)
    scene.udp(SIP_CALLER, SIP_SERVER, b"\r\n\r\n")
    session = only(scene.read())
    assert str(session.outcome) == outcome
    assert [code for code, _ in codes(session)] == found
    assert {rule for _, rule in codes(session)} <= {"M-31"}


def test_unfinished(scene: Scene, call: Call) -> None:
    call.invite()
    recognise(control(scene))
    assert only(scene.read()).outcome.end is End.UNFINISHED


def test_requests_in_progress_are_cut(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    recognise(talk)
    recognise(talk, 2)
    talk.up(mrcpv2.request(b"STOP", 3, CHANNEL))
    talk.down(mrcpv2.response(3, 200, b"COMPLETE", CHANNEL))
    recognise(talk, 4)
    talk.close(first="server")
    call.bye()
    session = only(scene.read())
    assert [finding.text for finding in session.findings] == [
        "RECOGNIZE 4 was in progress when the session was cut"
    ]


def test_lost_answers(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    talk.up(mrcpv2.request(b"RECOGNIZE", 1, CHANNEL))
    talk.segment(True, b"x" * 10, captured=False)
    talk.segment(False)
    talk.close()
    call.up(call.request(b"BYE", 2))
    scene.wait(5)
    scene.udp(SIP_CALLER, SIP_SERVER, b"\r\n\r\n")
    session = only(scene.read())
    assert [
        (finding.text, finding.rule) for finding in session.findings if finding.code == "lost-answer"
    ] == [
        ("RECOGNIZE 1 has no answer (or it was not captured)", "M-30"),
        ("BYE has no final answer", "S-09"),
    ]


def test_failed_and_disordered_requests(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    talk.up(mrcpv2.request(b"RECOGNIZE", 5, CHANNEL), mrcpv2.request(b"STOP", 4, CHANNEL))
    talk.down(mrcpv2.response(5, 407, b"COMPLETE", CHANNEL), mrcpv2.response(4, 410, b"COMPLETE", CHANNEL))
    talk.down(mrcpv2.response(77, 405, b"COMPLETE", CHANNEL))
    call.bye()
    session = only(scene.read())
    assert sorted(finding.text for finding in session.findings) == [
        "77 is answered 405",
        "RECOGNIZE 5 is answered 407",
        "STOP 4 is answered 410",
        "request-id 4 of STOP comes after 5",
    ]


def test_lengths_that_disagree(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    request = mrcpv2.request(b"RECOGNIZE", 1, CHANNEL)
    talk.up(request.replace(b"MRCP/2.0 ", b"MRCP/2.0 1", 1))
    folded = mrcpv2.response(1, 200, b"COMPLETE", CHANNEL).replace(b"\r\n\r\n", b"\r\nX: a\r\n b\r\n\r\n")
    talk.down(folded.replace(b"MRCP/2.0 %d" % (len(folded) - 11), b"MRCP/2.0 %d" % len(folded)))
    call.bye()
    session = only(scene.read())
    assert codes(session)[0] == ("wrong-message-length", "M-16")
    assert session.findings[0].text.endswith(f"would be {len(request)}")
    assert codes(session)[1][1] in ("M-14", "M-16")


def test_both_sides_of_a_proxy_are_two_sessions(scene: Scene) -> None:
    """A proxy may keep the Call-ID and has tags of its own (S-02)."""
    call = Call(scene)
    call.invite()
    scene.packets += [
        attrs.evolve(packet, data=packet.data.replace(b"tag=caller", b"tag=proxyy"), time=packet.time + 10**9)
        for packet in scene.packets
    ]
    assert len(scene.read().sessions) == 2


def test_calls_without_mrcp_are_passed_over(scene: Scene, call: Call) -> None:
    offer = b"v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 0\r\n"
    call.invite(offer, offer)
    call.bye()
    options = Call(scene, b"ping")
    options.up(options.request(b"OPTIONS", 1, tagged=False))
    options.down(options.response(b"200 OK", b"OPTIONS"))
    trace = scene.read()
    assert (trace.sessions, trace.findings) == ((), ())
    assert trace.outside == {"SIP OPTIONS": 1, "SIP calls without MRCP": 1}


LATE = {
    "BYE alone": (["bye"], 0),
    "re-INVITE": (["reinvite", "bye"], 1),
    "the answer": (["answer", "bye"], 1),
}


@pytest.mark.parametrize(("steps", "count"), LATE.values(), ids=LATE)
def test_calls_that_began_before_the_capture(scene: Scene, call: Call, steps: list[str], count: int) -> None:
    for step in steps:
        if step == "bye":
            call.bye(7)
        elif step == "reinvite":
            call.up(call.request(b"INVITE", 5, OFFER))
            call.down(call.response(b"200 OK", b"INVITE", 5, sdp_answer()))
            call.up(call.request(b"ACK", 5))
        else:
            call.down(call.response(b"200 OK", b"INVITE", 1, sdp_answer()))
            call.up(call.request(b"ACK", 1))
    sessions = scene.read().sessions
    assert len(sessions) == count
    for session in sessions:
        assert (session.outcome.end, session.caller, session.set_up) == (
            End.COMPLETED,
            Endpoint(*SIP_CALLER),
            None,
        )


def test_a_session_of_channels_that_began_before_the_capture(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    recognise(talk, 1, b"old@speechrecog")
    complete(talk, 1, b"old@speechrecog")
    sessions = scene.read().sessions
    assert [(one.protocol, one.id) for one in sessions] == [
        (Protocol.MRCPV2, "call-1"),
        (Protocol.MRCP, "old@speechrecog"),
    ]


def test_stray_channels_are_findings(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    recognise(talk)
    talk.up(mrcpv2.request(b"STOP", 2, b"46@speechrecog"))
    talk.up(mrcpv2.request(b"STOP", 3, b"47@speechrecog"))
    talk.down(mrcpv2.response(3, 405, b"COMPLETE", b"47@speechrecog"))
    trace = scene.read()
    assert only(trace).counts["mrcp"] == 2
    assert [(finding.code, finding.rule) for finding in trace.findings] == [("unknown-channel", "M-20")] * 2


def test_descriptions_cut_by_the_capture(scene: Scene, call: Call) -> None:
    """With a snapshot length, what was captured of a message is read."""
    call.invite()
    call.bye()
    scene.packets = [
        attrs.evolve(packet, data=packet.data[:420], length=len(packet.data))
        if b"INVITE" in packet.data
        else packet
        for packet in scene.packets
    ]
    trace = scene.read()
    session = only(trace)
    assert (session.id, session.outcome.end) == ("call-1", End.COMPLETED)
    assert ("cut-description", "") in codes(session)
    assert [finding.code for finding in trace.findings] == ["snapped", "salvaged"]


def test_a_delayed_offer(scene: Scene, call: Call) -> None:
    """The server offers, the ACK answers."""
    call.up(call.request(b"INVITE", 1, b"", tagged=False))
    call.down(call.response(b"200 OK", b"INVITE", 1, sdp_answer()))
    call.up(call.request(b"ACK", 1, OFFER))
    call.bye()
    session = only(scene.read())
    assert (session.outcome.end, session.findings) == (End.COMPLETED, ())


def test_an_answer_from_another_port(scene: Scene, call: Call) -> None:
    call.up(call.request(b"INVITE", 1, OFFER, tagged=False))
    scene.udp(("198.51.100.2", 40_404), SIP_CALLER, call.response(b"200 OK", b"INVITE", 1, sdp_answer()))
    call.up(call.request(b"ACK"))
    call.bye()
    session = only(scene.read())
    assert (session.outcome.end, session.findings) == (End.COMPLETED, ())


@pytest.mark.parametrize("status", [b"481 Call Does Not Exist", b"408 Request Timeout", b"500 Server Error"])
def test_a_bye_that_fails(scene: Scene, call: Call, status: bytes) -> None:
    call.invite()
    call.up(call.request(b"BYE", 2))
    call.down(call.response(status, b"BYE", 2))
    assert only(scene.read()).outcome.end is End.COMPLETED
