"""Edits of RTSP messages: each gives a new message and leaves every octet it doesn't speak of as it was."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import Headers
from mrcpwire._lines import TOKEN
from mrcpwire._rtsp_head import SESSION_ID, URI, read_head, read_plain
from mrcpwire._rtsp_messages import NO_BODY, Limits, Request, Response
from mrcpwire._rtsp_reasons import reason_phrase

_M = TypeVar("_M", bound=Request | Response)

# The id of a Session header, which may stand on a folded line; what is before it is kept.
_SESSION: Final = re.compile(rb"(\n(?i:session):(?:[ \t]|\r?\n[ \t])*)[^;\s]+")
_METHOD: Final = re.compile(rb"(%b +)[!-~\x80-\xff]+" % TOKEN)
_STATUS: Final = re.compile(rb"(RTSP/1\.0 +[0-9]{3}) *(?=\r?\n)")
# A message that is here was within its limits, whatever they were.
_ANY: Final = Limits(header_lines=1 << 62, header_line=1 << 62)


def with_session(message: _M, session_id: bytes) -> _M:
    """Put another id before the parameters of the Session header (E-02); a message without one stays as it is."""
    if not SESSION_ID.fullmatch(session_id):
        raise LocalProtocolError(f"not a session id: {session_id[:64]!r}")
    if message.session is None:
        return message
    head = _SESSION.sub(lambda found: found[1] + session_id, message.raw[: message.body_at])
    return _renewed(message, head, message.body)


def with_header(message: _M, name: bytes, value: bytes) -> _M:
    """Give the first such header another value; where there is none, add it after CSeq, else at the end.

    Content-Length is the business of `with_body`.
    """
    if name.lower() == b"content-length":
        raise LocalProtocolError("a Content-Length follows from the body")
    headers = message.headers
    if name in headers:
        return _with_headers(message, headers.replaced(name, value), message.body)
    names = [found.lower() for found, _ in headers]
    index = names.index(b"cseq") + 1 if b"cseq" in names else len(names)
    return _with_headers(message, headers.inserted(index, name, value), message.body)


def with_body(message: _M, body: bytes) -> _M:
    """Put in another body and the Content-Length that goes with it."""
    if body and isinstance(message, Response) and message.status in NO_BODY:
        raise LocalProtocolError(f"a response with status {message.status} has no body")
    headers, length = message.headers, b"%d" % len(body)
    if b"Content-Length" in headers:
        headers = headers.edited(b"Content-Length", lambda _: length)
    elif body:
        headers = headers.appended(b"Content-Length", length)
    return _with_headers(message, headers, body)


def with_uri(request: Request, uri: bytes) -> Request:
    """Put in another Request-URI (R-10)."""
    if not URI.fullmatch(uri):
        raise LocalProtocolError(f"not a URI for RTSP: {uri[:64]!r}")
    return _with_start_line(request, _METHOD, lambda found: found[1] + uri)


def with_reason(response: Response) -> Response:
    """Add a reason phrase where there is none (R-03): UniMRCP refuses a status line without one."""
    if response.reason:
        return response
    phrase = reason_phrase(response.status)
    return _with_start_line(response, _STATUS, lambda found: b"%b %b" % (found[1], phrase))


def _with_headers(message: _M, headers: Headers, body: bytes) -> _M:
    raw, old = message.raw, message.headers
    section = raw.index(b"\n") + 1
    blank_line = raw[section + len(old.to_bytes()) : message.body_at]
    return _renewed(message, raw[:section] + headers.to_bytes() + blank_line, body)


def _with_start_line(message: _M, pattern: re.Pattern[bytes], edit: Callable[[re.Match[bytes]], bytes]) -> _M:
    head = pattern.sub(edit, message.raw[: message.body_at], count=1)
    return _renewed(message, head, message.body)


def _renewed(message: _M, head: bytes, body: bytes) -> _M:
    """Read the edited head again: what it says may have changed with it."""
    raw = head + body
    renewed = read_plain(raw, 0, _ANY) or read_head(head, _ANY)[0]
    assert isinstance(renewed, type(message))  # the start-line's form never changes
    renewed.raw = raw
    return renewed
