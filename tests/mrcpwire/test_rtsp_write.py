from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, RemoteProtocolError
from mrcpwire.rtsp import Receiver, Request, Response, reason_phrase, reply, request
from tests.strategies import rtsp_sessions


def read(raw: bytes) -> Request | Response:
    receiver = Receiver()
    receiver.receive_data(raw)
    message = receiver.next_event()
    assert isinstance(message, Request | Response)
    assert message.raw == raw
    return message


def test_reply() -> None:
    assert reply(454, cseq=b"5") == b"RTSP/1.0 454 Session Not Found\r\nCSeq: 5\r\n\r\n"
    assert reply(400, cseq=None) == b"RTSP/1.0 400 Bad Request\r\n\r\n"
    assert reply(
        200, cseq=b"05", session=b"ab", headers=[(b"Content-Type", b"application/sdp")], body=b"v=0\r\n"
    ) == (
        b"RTSP/1.0 200 OK\r\nCSeq: 05\r\nSession: ab\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    )


def test_request() -> None:
    assert request(b"OPTIONS", b"*", cseq=b"1") == b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    assert request(
        b"ANNOUNCE", b"rtsp://h/a", cseq=b"2", session=b"ab", headers=((b"A", b"b"),), body=b"xyz"
    ) == (b"ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nSession: ab\r\nA: b\r\nContent-Length: 3\r\n\r\nxyz")


REFUSED: dict[str, Callable[[], bytes]] = {
    "status of two digits": lambda: reply(99, cseq=b"1"),
    "status of four digits": lambda: reply(1000, cseq=b"1"),
    "body where there is none": lambda: reply(204, cseq=b"1", body=b"x"),
    "CSeq with a line": lambda: reply(200, cseq=b"1\r\nA: b"),
    "CSeq that isn't a number": lambda: request(b"SETUP", b"*", cseq=b"a"),
    "session with a line": lambda: reply(200, cseq=b"1", session=b"a\nb"),
    "session with a parameter": lambda: reply(200, cseq=b"1", session=b"a;timeout=60"),
    "value with a line": lambda: reply(200, cseq=b"1", headers=[(b"A", b"b\r\nC: d")]),
    "name that isn't one": lambda: reply(200, cseq=b"1", headers=[(b"A:", b"b")]),
    "length": lambda: reply(200, cseq=b"1", headers=[(b"CONTENT-length", b"5")]),
    "method": lambda: request(b"SET UP", b"*", cseq=b"1"),
    "URI": lambda: request(b"SETUP", b"rtsp://h/a RTSP/1.0\r\n", cseq=b"1"),
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED)
def test_refused(write: Callable[[], bytes]) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        write()


@given(st.integers(90, 1010), st.none() | rtsp_sessions, st.binary(max_size=9), st.binary(max_size=9))
def test_what_is_written_parses_back(status: int, session: bytes | None, value: bytes, body: bytes) -> None:
    try:
        raw = reply(status, cseq=b"7", session=session, headers=[(b"A", value)], body=body)
    except LocalProtocolError:
        return
    try:
        message = read(raw)
    except RemoteProtocolError as error:  # pragma: no cover
        pytest.fail(f"we write what we don't read: {error}")
    assert isinstance(message, Response)
    assert (message.status, message.cseq, message.session) == (status, b"7", session)
    assert (message.body, message.fault) == (body, None)
    assert message.headers.get(b"A") == value.strip(b" \t")


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (200, b"OK"),
        (454, b"Session Not Found"),
        (505, b"RTSP Version Not Supported"),
        (551, b"Option Not Supported"),
        (199, b"Continue"),
        (299, b"OK"),
        (399, b"Redirection"),
        (499, b"Client Error"),
        (599, b"Server Error"),
        (999, b"Unknown"),
    ],
)
def test_reason_phrases(status: int, phrase: bytes) -> None:
    assert reason_phrase(status) == phrase
