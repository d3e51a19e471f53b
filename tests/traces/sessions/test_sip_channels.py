"""The channels of calls: what answers say of them, and the connections they are used on."""

import pytest

from mrcpbalance.traces import End
from mrcpwire import mrcpv2
from tests.traces.scene import (
    CHANNEL,
    CONTROL,
    MRCP_SERVER,
    OFFER,
    Call,
    Scene,
    codes,
    complete,
    control,
    only,
    recognise,
    sdp_answer,
)


def test_one_id_many_channels(scene: Scene, call: Call) -> None:
    """A second resource comes by re-INVITE, and goes with port 0 (A.9)."""
    call.invite()
    talk = control(scene)
    recognise(talk)
    complete(talk)
    more = OFFER + b"m=application 9 TCP/MRCPv2 1\r\na=resource:speechsynth\r\n"
    granted = sdp_answer() + b"m=application 1544 TCP/MRCPv2 1\r\na=channel:45@speechsynth\r\n"
    call.up(call.request(b"INVITE", 2, more))
    call.down(call.response(b"200 OK", b"INVITE", 2, granted))
    call.up(call.request(b"ACK", 2))
    talk.up(mrcpv2.request(b"STOP", 2, b"45@speechsynth"))
    talk.down(mrcpv2.response(2, 200, b"COMPLETE", b"45@speechsynth"))
    none = OFFER.replace(b"application 9", b"application 0")
    call.up(call.request(b"INVITE", 3, none))
    call.down(call.response(b"200 OK", b"INVITE", 3, sdp_answer(b"", 0)))
    call.up(call.request(b"ACK", 3))
    talk.close(first="server")
    scene.wait(3)
    call.bye(4)
    session = only(scene.read())
    assert session.resources == ("speechrecog", "speechsynth")
    assert session.keys == ("call-1", "45@speechrecog", "45@speechsynth")
    assert (session.outcome.end, session.findings) == (End.COMPLETED, ())


ANSWERS = {
    "refused with port 0": (sdp_answer(b"", 0), [("resource-refused", "D-03")]),
    "no channel": (sdp_answer(b""), [("no-channel", "D-06")]),
    "too short": (b"v=0\r\nc=IN IP4 198.51.100.2\r\n", [("short-answer", "D-06")]),
    "no address": (
        sdp_answer().replace(b"c=IN IP4 198.51.100.2\r\n", b""),
        [("no-address", "D-06")],
    ),
    "an address that is nobody's": (sdp_answer(host=b"0.0.0.0"), [("bad-address", "F-15")]),
}


@pytest.mark.parametrize(("answer", "found"), ANSWERS.values(), ids=ANSWERS)
def test_bad_answers(scene: Scene, call: Call, answer: bytes, found: list[tuple[str, str]]) -> None:
    call.invite(answer=answer)
    call.bye()
    assert codes(only(scene.read())) == found


def test_control_connections_that_fail(scene: Scene, call: Call) -> None:
    call.invite()
    talk = scene.tcp(CONTROL, MRCP_SERVER, handshake=False)
    talk.segment(True, b"", 2)
    talk.reset(by="server")
    scene.wait(3)
    call.bye()
    session = only(scene.read())
    assert ("control-refused", "M-21") in codes(session)
    assert session.findings[0].text == "the control connection to 198.51.100.2:1544 was refused"


def test_control_connections_nobody_answers(scene: Scene, call: Call) -> None:
    call.invite()
    scene.tcp(CONTROL, MRCP_SERVER, handshake=False).segment(True, b"", 2)
    other = Call(scene, b"call-2", server=("198.51.100.3", 5060))
    other.invite(answer=sdp_answer(host=b"198.51.100.3"))
    scene.wait(3)
    call.bye()
    other.bye()
    one, two = scene.read().sessions
    assert [finding.text for finding in one.findings] == [
        "the control connection to 198.51.100.2:1544 was never accepted"
    ]
    assert codes(two) == [("no-control", "M-21")]


def test_an_idle_control_connection(scene: Scene, call: Call) -> None:
    call.invite()
    talk = control(scene)
    scene.wait(4)
    talk.close(first="server")
    call.bye()
    session = only(scene.read())
    assert str(session.outcome) == "cut: the server closed the connection"
    assert len(session.connections) == 1


def test_a_connection_shared_by_calls(scene: Scene) -> None:
    calls = [Call(scene, b"call-%d" % number) for number in range(3)]
    channels = [b"%d@speechrecog" % number for number in range(3)]
    talk = None
    for one, channel in zip(calls, channels, strict=True):
        one.invite(answer=sdp_answer(channel))
        talk = talk or control(scene)
        recognise(talk, 1, channel)
        complete(talk, 1, channel)
    for one in calls:
        one.bye()
    sessions = scene.read().sessions
    assert [(one.id, one.counts["mrcp"], one.outcome.end) for one in sessions] == [
        (f"call-{number}", 3, End.COMPLETED) for number in range(3)
    ]


def test_equal_channels_of_two_servers(scene: Scene) -> None:
    """Servers that count from 1 collide (E-01): the address decides."""
    one, two = Call(scene, b"one"), Call(scene, b"two", server=("198.51.100.3", 5060))
    one.invite()
    two.invite(answer=sdp_answer(host=b"198.51.100.3"))
    recognise(control(scene))
    talk = scene.tcp((CONTROL[0], 50_009), ("198.51.100.3", 1544))
    recognise(talk)
    complete(talk)
    assert [(session.id, session.counts["mrcp"]) for session in scene.read().sessions] == [
        ("one", 2),
        ("two", 3),
    ]


def test_a_channel_behind_another_address(scene: Scene, call: Call) -> None:
    """The answer's address may be translated on the way."""
    call.invite(answer=sdp_answer(host=b"203.0.113.7"))
    recognise(control(scene))
    assert only(scene.read()).counts["mrcp"] == 2


def test_a_channel_used_again(scene: Scene) -> None:
    """A restarted server begins anew (E.2): the latest session has it."""
    for number in range(2):
        one = Call(scene, b"call-%d" % number)
        one.invite()
        talk = control(scene, 50_000 + number)
        recognise(talk)
        complete(talk)
        one.bye()
        talk.close()
    assert [session.counts["mrcp"] for session in scene.read().sessions] == [3, 3]


def test_a_channel_on_two_connections(scene: Scene, call: Call) -> None:
    call.invite()
    for port in (50_001, 50_002):
        talk = control(scene, port)
        recognise(talk, port)
        complete(talk, port)
    call.bye()
    talk.up(mrcpv2.request(b"STOP", 60_000, CHANNEL))
    session = only(scene.read())
    assert codes(session) == [("channel-moved", "M-24"), ("after-bye", "M-33")]
