"""MRCPv1 messages (RFC 4463 section 5), which travel in the bodies of RTSP ANNOUNCE.

Reading is a peek for statistics and never an error: to a proxy these bodies are opaque (R-12).
"""

import enum
import re
from collections.abc import Iterable
from typing import Final

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import Headers
from mrcpwire._lines import TOKEN, check_token

STATES: Final = (b"COMPLETE", b"IN-PROGRESS", b"PENDING")
_STATE: Final = rb"COMPLETE|IN-PROGRESS|PENDING"
_UINT32: Final = (1 << 32) - 1

_FIRST_LINE: Final = re.compile(
    rb"(?:MRCP/1\.0 +(?P<answered>[0-9]{1,10}) +(?P<status>[0-9]{3}) +(?P<reached>%b)"
    rb"|(?P<name>%b) +(?P<id>[0-9]{1,10})(?: +(?P<state>%b))? +MRCP/1\.0) *(?:\r?\n|\Z)"
    % (_STATE, TOKEN, _STATE)
).match
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_CAUSE: Final = re.compile(rb"^completion-cause:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Kind(enum.Enum):
    """What an MRCP message is."""

    REQUEST = "request"
    RESPONSE = "response"
    EVENT = "event"


@attrs.define  # not frozen: one is made for every message that passes
class FirstLine:
    """What the first line of a message says; `name` is the method or event, empty in a response."""

    kind: Kind
    name: bytes
    request_id: int
    status: int | None = None
    state: bytes | None = None


def first_line(body: bytes) -> FirstLine | None:
    """Read the first line; None when it isn't one of MRCPv1."""
    match = _FIRST_LINE(body)
    if match is None:
        return None
    answered, status, reached, name, request_id, state = match.groups()
    if name is None:
        return FirstLine(Kind.RESPONSE, b"", int(answered), int(status), reached)
    if state is None:
        return FirstLine(Kind.REQUEST, name, int(request_id))
    return FirstLine(Kind.EVENT, name, int(request_id), None, state)


def completion_cause(body: bytes) -> bytes | None:
    """Look up the Completion-Cause among the headers: "000 success", trimmed."""
    if b"ompletion-" not in body and b"OMPLETION-" not in body:
        return None
    blank = _BLANK_LINE.search(body)
    cause = _CAUSE.search(body, 0, blank.start() + 1 if blank else len(body))
    return cause[1].strip(b" \t") or None if cause else None


def request(
    name: bytes, request_id: int, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
) -> bytes:
    """Write a request."""
    return _write(b"%b %d MRCP/1.0" % (check_token(name), _check_id(request_id)), headers, body)


def response(
    request_id: int, status: int, state: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
) -> bytes:
    """Write a response."""
    if not 100 <= status <= 999:  # noqa: PLR2004  three digits
        raise LocalProtocolError(f"not a status: {status}")
    return _write(b"MRCP/1.0 %d %d %b" % (_check_id(request_id), status, _check_state(state)), headers, body)


def event(
    name: bytes, request_id: int, state: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
) -> bytes:
    """Write an event."""
    start_line = b"%b %d %b MRCP/1.0" % (check_token(name), _check_id(request_id), _check_state(state))
    return _write(start_line, headers, body)


def _write(start_line: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    section = Headers.of(headers)
    if b"Content-Length" in section:
        raise LocalProtocolError("a Content-Length follows from the body")
    if body:
        section = section.appended(b"Content-Length", b"%d" % len(body))
    return b"%b\r\n%b\r\n%b" % (start_line, section.to_bytes(), body)


def _check_id(request_id: int) -> int:
    if not 0 <= request_id <= _UINT32:
        raise LocalProtocolError(f"not a request-id: {request_id}")
    return request_id


def _check_state(state: bytes) -> bytes:
    if state not in STATES:
        raise LocalProtocolError(f"not a request-state: {state!r}")
    return state
