"""Streams cut into messages, and the next one found behind damage."""

import pytest

from mrcpbalance.traces.sessions._cutter import Cutter
from mrcpwire import RemoteProtocolError, Wire, mrcpv2, rtsp, sip
from tests.traces.scene import Call, Scene, answer, setup

MRCP = mrcpv2.request(b"STOP", 7, b"45@speechsynth")
REGISTER = Call(Scene()).request(b"OPTIONS")
STREAMS = {
    "rtsp": (Wire.RTSP, setup(1), rtsp.Request),
    "rtsp, responses": (Wire.RTSP, answer(1, b"id"), rtsp.Response),
    "mrcpv2": (Wire.MRCPV2, MRCP, mrcpv2.Message),
    "sip": (Wire.SIP, REGISTER, sip.Request),
}


@pytest.mark.parametrize(("wire", "message", "kind"), STREAMS.values(), ids=STREAMS)
def test_messages(wire: Wire, message: bytes, kind: type) -> None:
    cutter = Cutter(wire, seeking=False)
    assert [type(event) for event in cutter.feed(message * 2 + message[:9])] == [kind, kind]
    assert cutter.pending
    assert [type(event) for event in cutter.feed(message[9:])] == [kind]
    assert not cutter.pending


@pytest.mark.parametrize(("wire", "message", "kind"), STREAMS.values(), ids=STREAMS)
def test_seeking(wire: Wire, message: bytes, kind: type) -> None:
    """What is before the first beginning of a message is the end of one that nobody saw."""
    cutter = Cutter(wire, seeking=True)
    assert cutter.feed(b"the end of a body\r\nX: y\r\n\r\n") == []
    assert [type(event) for event in cutter.feed(b"more of it" + message + message[:20])] == [kind]
    assert cutter.lose()
    assert not cutter.lose()
    assert [type(event) for event in cutter.feed(message[20:] + message)] == [kind]


@pytest.mark.parametrize(("wire", "message", "kind"), STREAMS.values(), ids=STREAMS)
def test_faults(wire: Wire, message: bytes, kind: type) -> None:
    cutter = Cutter(wire, seeking=False)
    events = cutter.feed(message + b"\0\1\2 nonsense\r\n\r\n")
    assert [type(events[0]), isinstance(events[1], RemoteProtocolError)] == [kind, True]
    assert [type(event) for event in cutter.feed(b"still" + message)] == [kind]


def test_wrong_lengths_are_no_fault() -> None:
    cutter = Cutter(Wire.MRCPV2, seeking=False)
    wrong = MRCP.replace(b"MRCP/2.0 ", b"MRCP/2.0 1", 1)
    [event, after] = cutter.feed(wrong + MRCP)
    assert isinstance(event, mrcpv2.Message)
    assert event.anomaly == "mrcpv2.length-mismatch"
    assert isinstance(after, mrcpv2.Message)


@pytest.mark.parametrize("wire", [Wire.RTSP, Wire.SIP, Wire.MRCPV2])
def test_seeking_is_linear(wire: Wire) -> None:
    for trap in (
        b"A" * 200_000,
        b"SETUP rtsp:" * 20_000,
        b"MRCP/2.0 " + b" " * 200_000,
        b"INVITE sip:" * 20_000,
    ):
        assert Cutter(wire, seeking=True).feed(trap) == []
