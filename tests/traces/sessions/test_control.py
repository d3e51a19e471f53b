"""MRCPv2 messages without SIP: each channel of a connection is a session."""

import pytest

from mrcpbalance.traces import End, Endpoint, Protocol
from mrcpwire import mrcpv2
from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import Scene, Tcp, only

ONE, TWO = b"1@speechrecog", b"2@speechsynth"


def ask(talk: Tcp, method: bytes, number: int, channel: bytes = ONE, status: int = 200) -> None:
    talk.up(mrcpv2.request(method, number, channel))
    talk.down(mrcpv2.response(number, status, b"COMPLETE", channel))


def test_two_channels(scene: Scene, talk: Tcp) -> None:
    for number, channel in enumerate((ONE, TWO, ONE), start=1):
        ask(talk, b"STOP", number, channel)
    talk.close()
    one, two = scene.read().sessions
    assert (one.protocol, one.id, one.resources) == (Protocol.MRCP, "1@speechrecog", ("speechrecog",))
    assert (one.caller, one.server) == (Endpoint(*CALLER), Endpoint(*SERVER))
    assert (one.outcome.end, one.set_up, one.counts) == (End.COMPLETED, 1_000_000, {"mrcp": 4})
    assert (two.id, two.outcome.end, two.message_count) == ("2@speechsynth", End.COMPLETED, 2)


def test_literal_setup_and_teardown(scene: Scene, talk: Tcp) -> None:
    ask(talk, b"SETUP", 1)
    ask(talk, b"TEARDOWN", 2)
    assert only(scene.read()).outcome.end is End.COMPLETED


def test_refused(scene: Scene, talk: Tcp) -> None:
    ask(talk, b"SETUP", 1, status=405)
    session = only(scene.read())
    assert (str(session.outcome), session.set_up) == ("refused: 405", 1_000_000)


ENDS = {
    "by the server": ("server", False, "cut: the server closed the connection"),
    "by a reset": ("client", True, "cut: the caller reset the connection"),
    "nobody": (None, False, "unfinished"),
}


@pytest.mark.parametrize(("by", "reset", "outcome"), ENDS.values(), ids=ENDS)
def test_cut(scene: Scene, talk: Tcp, by: str | None, reset: bool, outcome: str) -> None:
    ask(talk, b"STOP", 1)
    scene.wait(1)
    if by is not None:
        talk.reset(by=by) if reset else talk.close(first=by)
    assert str(only(scene.read()).outcome) == outcome


def test_open_requests_are_lost(scene: Scene, talk: Tcp) -> None:
    talk.up(mrcpv2.request(b"RECOGNIZE", 1, ONE))
    talk.close()
    session = only(scene.read())
    assert str(session.outcome) == "cut: the caller closed the connection"
    assert [(finding.code, finding.rule) for finding in session.findings] == [("lost-answer", "M-30")]


def test_responses_nobody_asked_for(scene: Scene, talk: Tcp) -> None:
    talk.down(mrcpv2.response(1, 200, b"COMPLETE", ONE))
    assert only(scene.read()).counts == {"mrcp": 1}


@pytest.mark.parametrize("first", ["request", "event"])
def test_a_connection_that_began_before_the_capture(scene: Scene, first: str) -> None:
    """Who asks is the caller, whatever the ports say."""
    talk = scene.tcp(("192.0.2.10", 900), ("198.51.100.2", 50_000), handshake=False)
    if first == "request":
        ask(talk, b"STOP", 7)
    talk.down(mrcpv2.event(b"SPEAK-COMPLETE", 6, b"COMPLETE", TWO))
    session = scene.read().sessions[-1]
    assert (session.caller, session.set_up) == (Endpoint("192.0.2.10", 900), None)


def test_unusual_heads(scene: Scene, talk: Tcp) -> None:
    """Two blanks in the start-line, counted as they should be (F-02)."""
    stop = mrcpv2.request(b"STOP", 1, ONE)
    size = len(stop) + 1
    talk.up(stop.replace(b"MRCP/2.0 %d " % len(stop), b"MRCP/2.0 %d  " % size))
    talk.down(mrcpv2.response(1, 200, b"COMPLETE", ONE))
    session = only(scene.read())
    assert [(finding.code, finding.rule) for finding in session.findings] == [
        ("mrcpv2.not-canonical", "M-14")
    ]
    assert session.messages[0].sdp is None


def test_a_channel_that_was_torn_down_may_be_used_again(scene: Scene, talk: Tcp) -> None:
    ask(talk, b"SETUP", 1)
    ask(talk, b"TEARDOWN", 2)
    scene.wait(100)
    ask(talk, b"SETUP", 3)
    assert [one.outcome.end for one in scene.read().sessions] == [End.COMPLETED, End.UNFINISHED]
