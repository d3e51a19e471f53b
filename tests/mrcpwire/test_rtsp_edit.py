"""Edits of RTSP messages: what they change, and that nothing else does."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.rtsp import (
    Receiver,
    Request,
    Response,
    with_body,
    with_header,
    with_reason,
    with_session,
    with_uri,
)
from tests.strategies import RtspExample, rtsp_messages, rtsp_sessions

Edit = Callable[[Request | Response], Request | Response]


def read(raw: bytes) -> Request | Response:
    receiver = Receiver()
    receiver.receive_data(raw)
    message = receiver.next_event()
    assert isinstance(message, Request | Response)
    assert message.raw == raw
    return message


def facts(message: Request | Response) -> tuple[object, ...]:
    shared = message.raw, message.body_at, message.body, message.cseq, message.session, message.fault
    if isinstance(message, Request):
        return message.method, message.uri, *shared
    return message.status, message.reason, *shared


S = b"SETUP  rtsp://h/a RTSP/1.0\n"
C = b"cseq:7 \r\n"
EDITS: dict[str, tuple[bytes, Edit, bytes]] = {
    "E-02 session": (
        S + C + b"Session: ab;timeout=60\r\n\r\n",
        lambda message: with_session(message, b"cdef"),
        S + C + b"Session: cdef;timeout=60\r\n\r\n",
    ),
    "E-02 blanks and folds stay": (
        S + C + b"SESSION:\r\n\tab \r\n ; timeout=60\n\n",
        lambda message: with_session(message, b"cdef"),
        S + C + b"SESSION:\r\n\tcdef \r\n ; timeout=60\n\n",
    ),
    "E-02 every one of equal ones": (
        S + b"Session: ab\r\nsession:ab;timeout=60\r\n\r\n",
        lambda message: with_session(message, b"cdef"),
        S + b"Session: cdef\r\nsession:cdef;timeout=60\r\n\r\n",
    ),
    "E-02 not in the body": (
        S + C + b"Session: ab\r\nContent-Length: 13\r\n\r\nSession: ab\r\n",
        lambda message: with_session(message, b"cdef"),
        S + C + b"Session: cdef\r\nContent-Length: 13\r\n\r\nSession: ab\r\n",
    ),
    "E-02 not in other headers": (
        S + C + b"X-Session: ab\r\nSessions: ab\r\nSession: ab\r\n\r\n",
        lambda message: with_session(message, b"cdef"),
        S + C + b"X-Session: ab\r\nSessions: ab\r\nSession: cdef\r\n\r\n",
    ),
    "F-19 no session": (S + C + b"\r\n", lambda message: with_session(message, b"cdef"), S + C + b"\r\n"),
    "header replaced": (
        S + C + b"transport:  a;\r\n b \nTransport: c\r\nContent-Length: 1\r\n\r\nx",
        lambda message: with_header(message, b"Transport", b"d"),
        S + C + b"transport:  d\nTransport: c\r\nContent-Length: 1\r\n\r\nx",
    ),
    "header added after CSeq": (
        S + b"A: b\r\n" + C + b"C: d\r\n\r\n",
        lambda message: with_header(message, b"E", b"f"),
        S + b"A: b\r\n" + C + b"E: f\r\nC: d\r\n\r\n",
    ),
    "R-08 CSeq added": (
        S + b"A: b\r\n\n",
        lambda message: with_header(message, b"CSeq", b"5"),
        S + b"A: b\r\nCSeq: 5\r\n\n",
    ),
    "first header added": (
        S + b"\r\n",
        lambda message: with_header(message, b"CSeq", b"5"),
        S + b"CSeq: 5\r\n\r\n",
    ),
    "fault mended": (
        S + C + b"Session: a b\r\n\r\n",
        lambda message: with_header(message, b"Session", b"ab"),
        S + C + b"Session: ab\r\n\r\n",
    ),
    "body replaced": (
        S + b"content-length:3\r\n" + C + b"Content-Length: 3\r\n\r\nabc",
        lambda message: with_body(message, b"0123456789"),
        S + b"content-length:10\r\n" + C + b"Content-Length: 10\r\n\r\n0123456789",
    ),
    "body added": (
        S + C + b"\r\n",
        lambda message: with_body(message, b"abc"),
        S + C + b"Content-Length: 3\r\n\r\nabc",
    ),
    "body taken away": (
        S + C + b"Content-Length: 3\r\n\r\nabc",
        lambda message: with_body(message, b""),
        S + C + b"Content-Length: 0\r\n\r\n",
    ),
    "no body as before": (S + C + b"\r\n", lambda message: with_body(message, b""), S + C + b"\r\n"),
    "R-10 uri": (
        S + C + b"\r\n",
        lambda message: (
            with_uri(message, b"rtsp://[2001:db8::1]/b/") if isinstance(message, Request) else message
        ),
        b"SETUP  rtsp://[2001:db8::1]/b/ RTSP/1.0\n" + C + b"\r\n",
    ),
    "R-10 uri mended": (
        b"SETUP a RTSP/1.0\r\n" + C + b"\r\n",
        lambda message: with_uri(message, b"*") if isinstance(message, Request) else message,
        b"SETUP * RTSP/1.0\r\n" + C + b"\r\n",
    ),
    "R-03 reason": (
        b"RTSP/1.0 454\r\n" + C + b"\r\n",
        lambda message: with_reason(message) if isinstance(message, Response) else message,
        b"RTSP/1.0 454 Session Not Found\r\n" + C + b"\r\n",
    ),
    "R-03 reason instead of SP": (
        b"RTSP/1.0  200  \n" + C + b"Content-Length: 1\r\n\r\nx",
        lambda message: with_reason(message) if isinstance(message, Response) else message,
        b"RTSP/1.0  200 OK\n" + C + b"Content-Length: 1\r\n\r\nx",
    ),
    "R-03 unknown status": (
        b"RTSP/1.0 499\r\n" + C + b"\r\n",
        lambda message: with_reason(message) if isinstance(message, Response) else message,
        b"RTSP/1.0 499 Client Error\r\n" + C + b"\r\n",
    ),
    "R-03 reason there": (
        b"RTSP/1.0 200 Fine\r\n" + C + b"\r\n",
        lambda message: with_reason(message) if isinstance(message, Response) else message,
        b"RTSP/1.0 200 Fine\r\n" + C + b"\r\n",
    ),
}


@pytest.mark.parametrize(("raw", "edit", "wanted"), EDITS.values(), ids=EDITS)
def test_edit(raw: bytes, edit: Edit, wanted: bytes) -> None:
    message = read(raw)
    before = facts(message)
    edited = edit(message)
    assert edited.raw == wanted
    assert type(edited) is type(message)
    assert facts(edited) == facts(read(wanted))
    assert edited.headers == read(wanted).headers
    assert facts(message) == before


def test_nothing_to_do_costs_nothing() -> None:
    message = read(b"RTSP/1.0 200 Fine\r\n\r\n")
    assert isinstance(message, Response)
    assert with_reason(message) is message
    assert with_session(message, b"ab") is message


SETUP = read(S + C + b"Session: ab\r\n\r\n")
EMPTY = read(b"RTSP/1.0 204 No Content\r\n\r\n")
REFUSED: dict[str, Callable[[], object]] = {
    "session with a parameter": lambda: with_session(SETUP, b"ab;timeout=60"),
    "session with a line": lambda: with_session(SETUP, b"ab\r\nX: y"),
    "empty session": lambda: with_session(SETUP, b""),
    "long session": lambda: with_session(SETUP, b"x" * 257),
    "value with a line": lambda: with_header(SETUP, b"A", b"b\r\nX: y"),
    "value with NUL": lambda: with_header(SETUP, b"Session", b"\0"),
    "name that isn't one": lambda: with_header(SETUP, b"A b", b"c"),
    "length without body": lambda: with_header(SETUP, b"content-length", b"5"),
    "body where there is none": lambda: with_body(EMPTY, b"x"),
    "URI with SP": lambda: with_uri(SETUP, b"rtsp://h/a b") if isinstance(SETUP, Request) else None,
    "URI with a line": lambda: with_uri(SETUP, b"rtsp://h/\r\n") if isinstance(SETUP, Request) else None,
    "URI that isn't RTSP's": lambda: with_uri(SETUP, b"sip:a@h") if isinstance(SETUP, Request) else None,
}


@pytest.mark.parametrize("edit", REFUSED.values(), ids=REFUSED)
def test_refused(edit: Callable[[], object]) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        edit()


@given(rtsp_messages(), rtsp_sessions, st.binary(max_size=30))
def test_edits_give_sound_messages(example: RtspExample, session: bytes, body: bytes) -> None:
    message = read(example.raw)
    edited = with_session(message, session)
    assert facts(edited) == facts(read(edited.raw))
    assert edited.session == (session if example.session is not None else None)
    if example.session is not None:
        assert with_session(edited, example.session) == message
    if example.body:
        assert with_body(with_body(message, body), example.body).body == example.body
        assert with_body(message, body).body == body
    added = with_header(message, b"X-Added", b"y")
    assert facts(added) == facts(read(added.raw))
    assert added.headers.without(b"X-Added") == message.headers
