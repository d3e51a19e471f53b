"""Which conversations are understood, from where on, and what is said about the rest."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcpbalance.traces import Finding, Trace
from mrcpwire import Wire, mrcpv2
from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import MRCP_SERVER, SIP_CALLER, SIP_SERVER, Call, Scene, Tcp, answer, setup, teardown

STOP = mrcpv2.request(b"STOP", 7, b"45@speechsynth")
GRAMMAR = mrcpv2.request(b"DEFINE-GRAMMAR", 8, b"45@speechrecog", body=bytes(range(32, 127)) * 40)


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.code, finding.rule) for finding in findings]


def all_codes(trace: Trace) -> list[tuple[str, str]]:
    return codes(trace.findings) + [pair for session in trace.sessions for pair in codes(session.findings)]


def test_octet_by_octet(scene: Scene, talk: Tcp) -> None:
    for octet in setup(1) + teardown(2, b"id"):
        talk.up(bytes([octet]))
    assert scene.read().messages == {Wire.RTSP: 2}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(20, 1500), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_pieces(sizes: list[int], chance: random.Random) -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    stream = STOP + GRAMMAR + STOP
    while stream:
        size = chance.choice(sizes)
        talk.up(stream[:size])
        stream = stream[size:]
    assert scene.read().messages == {Wire.MRCPV2: 3}


def test_other_protocols_are_passed_over(scene: Scene, talk: Tcp) -> None:
    talk.up(b"GET / HTTP/1.1\r\n\r\n")
    talk.down(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.up(setup(1))  # too late: this is HTTP
    secret = scene.tcp(CALLER, ("198.51.100.2", 1545))
    secret.up(b"\x16\x03\x01\x00\x05hello")
    scene.udp(CALLER, SERVER, b"TEST")
    scene.udp(CALLER, SERVER, b"a datagram of something else")
    trace = scene.read()
    assert (trace.sessions, trace.findings, trace.messages) == ((), (), {})
    assert (trace.connections, trace.encrypted, trace.packets) == (2, 1, 10)


def test_a_stream_that_never_says_what_it_is(scene: Scene, talk: Tcp) -> None:
    for _ in range(200):
        talk.up(b"\r")
    assert scene.read().messages == {}


def test_what_was_sent_before_the_protocol_was_known_counts(scene: Scene, talk: Tcp) -> None:
    talk.up(b"\r\n", b"\r\n", setup(1)[:3])
    talk.up(setup(1)[3:])
    talk.down(answer(1, b"id")[:7], answer(1, b"id")[7:])
    assert scene.read().messages == {Wire.RTSP: 2}


@pytest.mark.parametrize("size", [1, 17, 60])
def test_from_the_middle_of_a_connection(scene: Scene, size: int) -> None:
    """What comes before the first beginning of a message is left out, piece by piece."""
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    rest = GRAMMAR[100:400]
    talk.up(*[rest[at : at + size] for at in range(0, len(rest), size)][:60])
    talk.up(STOP, STOP)
    trace = scene.read()
    assert (trace.messages, trace.findings) == ({Wire.MRCPV2: 2}, ())


def test_the_middle_of_something_else(scene: Scene) -> None:
    talk = scene.tcp(CALLER, SERVER, handshake=False)
    for _ in range(100):
        talk.up(b"\x01 no protocol of ours")
    assert scene.read().messages == {}


def test_lost_octets_cost_a_message(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP)
    talk.up(GRAMMAR[:1000])
    talk.segment(True, GRAMMAR[1000:2000], captured=False)
    talk.up(GRAMMAR[2000:], STOP)
    talk.segment(False)
    trace = scene.read()
    assert trace.messages == {Wire.MRCPV2: 2}
    assert [finding.text for finding in trace.sessions[0].findings] == [
        "1000 octets were not captured; a message is cut",
    ]


def test_octets_lost_between_messages(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP)
    talk.segment(True, STOP, captured=False)
    talk.up(STOP)
    trace = scene.read()
    assert trace.messages == {Wire.MRCPV2: 2}
    assert ("lost-octets", "") in all_codes(trace)
    assert trace.sessions[0].connections[0].lost == len(STOP)


def test_faults_are_named_and_got_over(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP)
    talk.up(b"HELLO\r\n\r\n")
    talk.up(STOP)
    trace = scene.read()
    assert trace.messages == {Wire.MRCPV2: 2}
    assert ("mrcpv2.bad-start-line", "M-02") in codes(trace.sessions[0].findings)


def test_too_many_faults_end_it(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP)
    for _ in range(30):
        talk.up(b"\x02\r\n\r\n")
        talk.up(STOP)
    trace = scene.read()
    assert trace.messages == {Wire.MRCPV2: 21}
    assert any(
        finding.text.endswith("nothing more is read of this connection")
        for finding in trace.sessions[0].findings
    )


def test_a_stream_that_ends_within_a_message(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP, GRAMMAR[:50])
    talk.close()
    assert ("cut-message", "") in all_codes(scene.read())


def test_faults_of_several_sessions_are_the_captures(scene: Scene, talk: Tcp) -> None:
    talk.up(STOP, GRAMMAR, b"\x02\r\n\r\n")
    trace = scene.read()
    assert [finding.text for finding in trace.findings] == [
        "192.0.2.10:40000 to 198.51.100.2:1554: what was sent can't be read: \\x02\\x0d\\x0a\\x0d\\x0a"
    ]


def test_datagrams_that_make_no_sense(scene: Scene) -> None:
    scene.udp(SIP_CALLER, SIP_SERVER, b"OPTIONS sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n")
    trace = scene.read()
    assert trace.messages == {}
    assert [finding.code.partition(".")[0] for finding in trace.findings] == ["sip"]


def test_control_connections_are_known_from_the_answer(scene: Scene) -> None:
    """What comes there is MRCPv2, or a fault."""
    call = Call(scene)
    call.invite()
    talk = scene.tcp(("192.0.2.10", 50_001), MRCP_SERVER)
    talk.up(b"HELLO\r\n\r\n")
    talk.up(STOP)
    trace = scene.read()
    assert trace.messages[Wire.MRCPV2] == 1
    assert ("mrcpv2.bad-start-line", "M-02") in all_codes(trace)


def test_keep_alives_of_sip_are_no_messages(scene: Scene) -> None:
    call = Call(scene, tcp=scene.tcp(SIP_CALLER, SIP_SERVER))
    call.invite()
    call.up(b"\r\n\r\n")
    call.down(b"\r\n")
    call.bye()
    assert scene.read().messages == {Wire.SIP: 5}


def test_order_of_time_not_of_reading(scene: Scene) -> None:
    """A request behind a hole is read after its answer, and still comes before it."""
    talk = scene.tcp(CALLER, SERVER)
    talk.up(STOP)
    talk.segment(True, b"x" * 9, captured=False)
    talk.up(mrcpv2.request(b"STOP", 9, b"45@speechsynth"))
    talk.down(mrcpv2.response(9, 200, b"COMPLETE", b"45@speechsynth"))
    scene.wait(0.1)
    talk.segment(False)
    [session] = scene.read().sessions
    assert [message.mrcp and message.mrcp.request_id for message in session.messages] == [7, 9, 9]
    assert session.messages[2].answers is session.messages[1]
