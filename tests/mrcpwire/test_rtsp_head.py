"""The two ways to read a head: where the quick one has an answer, the thorough one has the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import RemoteProtocolError
from mrcpwire._rtsp_head import find_cseq, read_head, read_plain
from mrcpwire.rtsp import Limits, Receiver, Request, Response
from tests.strategies import RtspExample, mutated, rtsp_messages

LIMITS = Limits()


def fields(message: Request | Response) -> tuple[object, ...]:
    shared = message.raw, message.body_at, message.cseq, message.session, message.fault
    if isinstance(message, Request):
        return Request, message.method, message.uri, message.proxy_require, *shared
    return Response, message.status, message.reason, *shared


def thoroughly(raw: bytes) -> Request | Response | None:
    """Read the first message the thorough way, which is taken when octets come one by one."""
    receiver = Receiver()
    for i in range(len(raw)):
        receiver.receive_data(raw[i : i + 1])
        if i == len(raw) - 1:
            continue
        assert receiver.next_event() is None
    message = receiver.next_event()
    assert isinstance(message, Request | Response)
    return message


@given(rtsp_messages(plain=True), st.binary(max_size=9), st.binary(max_size=9))
def test_usual_messages_are_read_the_quick_way(example: RtspExample, before: bytes, after: bytes) -> None:
    message = read_plain(before + example.raw + after, len(before), LIMITS)
    assert message is not None
    assert (message.raw, message.body) == (example.raw, example.body)
    assert (message.cseq, message.session, message.fault) == (example.cseq, example.session, None)
    slow, length = read_head(example.raw[: message.body_at], LIMITS)
    assert length == len(example.body)
    slow.raw = example.raw
    assert fields(slow) == fields(message)


@given(rtsp_messages(plain=True).flatmap(lambda example: mutated(example.raw)))
def test_both_ways_agree_on_anything(raw: bytes) -> None:
    quick = read_plain(raw, 0, LIMITS)
    if quick is not None:
        assert fields(quick) == fields(thoroughly(quick.raw) or quick)


@given(rtsp_messages(plain=True))
def test_the_only_message_is_not_copied(example: RtspExample) -> None:
    message = read_plain(example.raw, 0, LIMITS)
    assert message is not None
    assert message.raw is example.raw


USUAL = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"
UNUSUAL = {
    "not whole": USUAL[:-1],
    "head not whole": USUAL[:50],
    "LF": USUAL.replace(b"\r\n", b"\n"),
    "fold": USUAL.replace(b"CSeq: 1", b"CSeq:\r\n 1"),
    "no CSeq": USUAL.replace(b"CSeq: 1", b"X: 1"),
    "two CSeqs": USUAL.replace(b"CSeq: 1\r\n", b"CSeq: 1\r\nCSeq: 1\r\n"),
    "two Sessions": USUAL.replace(b"CSeq: 1\r\n", b"CSeq: 1\r\nSession: a\r\nSession: a\r\n"),
    "two lengths": USUAL.replace(b"CSeq: 1\r\n", b"CSeq: 1\r\ncontent-length: 3\r\n"),
    "filler": b"\r\n" + USUAL,
    "Proxy-Require": USUAL.replace(b"CSeq: 1\r\n", b"CSeq: 1\r\nproxy-require: gold\r\n"),
    "longer than any limit allows": USUAL.replace(b"CSeq", b"A: " + b"b" * 1024 + b"\r\nCSeq"),
}


@pytest.mark.parametrize("raw", UNUSUAL.values(), ids=UNUSUAL)
def test_the_quick_way_gives_up(raw: bytes) -> None:
    assert read_plain(USUAL, 0, LIMITS) is not None
    assert read_plain(raw, 0, LIMITS) is None


SMALL = {
    "start_line": Limits(start_line=24),
    "header_line": Limits(header_line=17),
    "header_lines": Limits(header_lines=1),
    "header_section": Limits(header_section=27),
    "message": Limits(message=len(USUAL) - 1),
}


@pytest.mark.parametrize("limits", SMALL.values(), ids=SMALL)
def test_the_quick_way_keeps_limits(limits: Limits) -> None:
    assert read_plain(USUAL, 0, limits) is None
    receiver = Receiver(limits)
    receiver.receive_data(USUAL)
    with pytest.raises(RemoteProtocolError):
        receiver.next_event()


@pytest.mark.parametrize(
    ("head", "cseq"),
    [
        (b"x\r\nCSeq: 5\r\n", b"5"),
        (b"x\ncseq:\t05 \n", b"05"),
        (b"x\r\nCSeq: 5\r\nCSEQ:5\r\n", b"5"),
        (b"x\r\nCSeq: 5\r\nCSeq: 6\r\n", None),
        (b"x\r\nCSeq: 5", None),  # more digits may follow
        (b"x\r\nXCSeq: 5\r\n", None),
        (b"x\r\nCSeq: 5 6\r\n", None),
    ],
)
def test_cseq_of_a_faulty_head(head: bytes, cseq: bytes | None) -> None:
    assert find_cseq(head) == cseq
