from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, mrcpv1
from mrcpwire.mrcpv1 import STATES, FirstLine, Kind
from mrcpwire.rtsp import Receiver, Request, Response
from tests.pcap import CAPTURES, read_conversations

FIRST_LINES = {
    "request": (b"RECOGNIZE 12 MRCP/1.0\r\n\r\n", FirstLine(Kind.REQUEST, b"RECOGNIZE", 12)),
    "response": (
        b"MRCP/1.0 12 200 IN-PROGRESS\r\n\r\n",
        FirstLine(Kind.RESPONSE, b"", 12, 200, b"IN-PROGRESS"),
    ),
    "event": (
        b"SPEAK-COMPLETE 12 COMPLETE MRCP/1.0\r\nCompletion-Cause: 000 normal\r\n\r\n",
        FirstLine(Kind.EVENT, b"SPEAK-COMPLETE", 12, None, b"COMPLETE"),
    ),
    "pending": (b"MRCP/1.0 0 200 PENDING", FirstLine(Kind.RESPONSE, b"", 0, 200, b"PENDING")),
    "LF": (b"STOP 1 MRCP/1.0\n", FirstLine(Kind.REQUEST, b"STOP", 1)),
    "runs of SP": (b"STOP  1   MRCP/1.0 \r\n", FirstLine(Kind.REQUEST, b"STOP", 1)),
    "F-20 large id": (b"STOP 2147483647 MRCP/1.0\r\n", FirstLine(Kind.REQUEST, b"STOP", 2147483647)),
    "unknown method": (b"X.new 1 MRCP/1.0\r\n", FirstLine(Kind.REQUEST, b"X.new", 1)),
}


@pytest.mark.parametrize(("body", "line"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_first_line(body: bytes, line: FirstLine) -> None:
    assert mrcpv1.first_line(body) == line


NO_FIRST_LINES = {
    "empty": b"",
    "sdp": b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\n",
    "mrcpv2": b"MRCP/2.0 118 SPEAK 7\r\n",
    "no id": b"STOP MRCP/1.0\r\n",
    "id of 11 digits": b"STOP 10000000000 MRCP/1.0\r\n",
    "unknown state": b"MRCP/1.0 12 200 DONE\r\n",
    "state in lower case": b"MRCP/1.0 12 200 complete\r\n",
    "more behind": b"STOP 1 MRCP/1.0 x\r\n",
    "leading line": b"\r\nSTOP 1 MRCP/1.0\r\n",
    "bare CR": b"STOP 1 MRCP/1.0\rA: b\r\n",
}


@pytest.mark.parametrize("body", NO_FIRST_LINES.values(), ids=NO_FIRST_LINES)
def test_no_first_line(body: bytes) -> None:
    assert mrcpv1.first_line(body) is None


E = b"SPEAK-COMPLETE 1 COMPLETE MRCP/1.0\r\n"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (E + b"Completion-Cause: 000 normal\r\n\r\n", b"000 normal"),
        (E + b"A: b\r\nCOMPLETION-CAUSE:001 no-match \r\n\r\n", b"001 no-match"),
        (E + b"A: b\ncompletion-cause:\t2\n\n", b"2"),
        (E + b"completion-cause: 002 no-input-timeout", b"002 no-input-timeout"),
        (E + b"Completion-Cause:\r\n\r\n", None),
        (E + b"X-Completion-Cause: 000\r\n\r\n", None),
        (E + b"Content-Length: 25\r\n\r\nCompletion-Cause: 000 x\r\n", None),
        (E + b"\r\n", None),
        (b"", None),
    ],
)
def test_completion_cause(body: bytes, cause: bytes | None) -> None:
    assert mrcpv1.completion_cause(body) == cause


@given(st.binary(max_size=60))
def test_a_peek_is_never_an_error(body: bytes) -> None:
    mrcpv1.first_line(body)
    mrcpv1.completion_cause(b"Completion-" + body)


HEADERS = ((b"Content-Type", b"text/uri-list"),)


def test_written() -> None:
    assert mrcpv1.request(b"RECOGNIZE", 12, HEADERS, b"session:menu-1") == (
        b"RECOGNIZE 12 MRCP/1.0\r\nContent-Type: text/uri-list\r\nContent-Length: 14\r\n\r\nsession:menu-1"
    )
    assert mrcpv1.response(12, 200, b"IN-PROGRESS") == b"MRCP/1.0 12 200 IN-PROGRESS\r\n\r\n"
    assert (
        mrcpv1.event(b"START-OF-SPEECH", 12, b"IN-PROGRESS")
        == b"START-OF-SPEECH 12 IN-PROGRESS MRCP/1.0\r\n\r\n"
    )


@given(st.integers(0, (1 << 32) - 1), st.integers(100, 999), st.sampled_from(STATES), st.binary(max_size=9))
def test_what_is_written_parses_back(request_id: int, status: int, state: bytes, body: bytes) -> None:
    asked = mrcpv1.request(b"SPEAK", request_id, HEADERS, body)
    answered = mrcpv1.response(request_id, status, state, HEADERS, body)
    told = mrcpv1.event(b"SPEAK-COMPLETE", request_id, state, HEADERS, body)
    assert mrcpv1.first_line(asked) == FirstLine(Kind.REQUEST, b"SPEAK", request_id)
    assert mrcpv1.first_line(answered) == FirstLine(Kind.RESPONSE, b"", request_id, status, state)
    assert mrcpv1.first_line(told) == FirstLine(Kind.EVENT, b"SPEAK-COMPLETE", request_id, None, state)
    for written in (asked, answered, told):
        assert written.endswith(b"\r\n\r\n" + body)


REFUSED: dict[str, Callable[[], bytes]] = {
    "method": lambda: mrcpv1.request(b"A B", 1),
    "event": lambda: mrcpv1.event(b"", 1, b"COMPLETE"),
    "negative id": lambda: mrcpv1.request(b"STOP", -1),
    "large id": lambda: mrcpv1.response(1 << 32, 200, b"COMPLETE"),
    "state": lambda: mrcpv1.event(b"STOP", 1, b"complete"),
    "status": lambda: mrcpv1.response(1, 99, b"COMPLETE"),
    "value with a line": lambda: mrcpv1.request(b"STOP", 1, [(b"A", b"b\nc")]),
    "length": lambda: mrcpv1.request(b"STOP", 1, [(b"content-length", b"5")]),
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED)
def test_refused(write: Callable[[], bytes]) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        write()


def test_recorded_bodies_have_first_lines() -> None:
    kinds = set()
    for path in CAPTURES.glob("mrcpv1-*.pcap"):
        for conversation in read_conversations(path, port=1554):
            receiver = Receiver()
            receiver.receive_data(conversation.to_client)
            for message in iter(receiver.next_event, None):
                assert isinstance(message, Request | Response)
                if message.headers.get(b"Content-Type") == b"application/mrcp":
                    line = mrcpv1.first_line(message.body)
                    assert line is not None
                    kinds.add((type(message), line.kind))
    assert kinds == {(Request, Kind.EVENT), (Response, Kind.RESPONSE)}
