"""RTSP messages of our own."""

import re
from collections.abc import Sequence

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import Headers
from mrcpwire._lines import check_token
from mrcpwire._rtsp_head import NUMBER, SESSION_ID, URI
from mrcpwire._rtsp_messages import NO_BODY
from mrcpwire._rtsp_reasons import reason_phrase

Fields = Sequence[tuple[bytes, bytes]]


def reply(
    status: int,
    *,
    cseq: bytes | None,
    session: bytes | None = None,
    headers: Fields = (),
    body: bytes = b"",
) -> bytes:
    """Write a response with the standard reason phrase; raises `LocalProtocolError` for what no line may hold (G-4)."""
    if not 100 <= status <= 999:  # noqa: PLR2004  three digits
        raise LocalProtocolError(f"not a status: {status}")
    if body and status in NO_BODY:
        raise LocalProtocolError(f"a response with status {status} has no body")
    return _write(b"RTSP/1.0 %d %b\r\n" % (status, reason_phrase(status)), cseq, session, headers, body)


def request(
    method: bytes,
    uri: bytes,
    *,
    cseq: bytes,
    session: bytes | None = None,
    headers: Fields = (),
    body: bytes = b"",
) -> bytes:
    """Write a request; raises `LocalProtocolError` for what no line may hold (G-4)."""
    _check(URI, uri, "URI for RTSP")
    return _write(b"%b %b RTSP/1.0\r\n" % (check_token(method), uri), cseq, session, headers, body)


def _write(
    start_line: bytes, cseq: bytes | None, session: bytes | None, headers: Fields, body: bytes
) -> bytes:
    fields: list[tuple[bytes, bytes]] = []
    if cseq is not None:
        _check(NUMBER, cseq, "CSeq")
        fields.append((b"CSeq", cseq))
    if session is not None:
        _check(SESSION_ID, session, "session id")
        fields.append((b"Session", session))
    fields += headers
    if any(name.lower() == b"content-length" for name, _ in headers):
        raise LocalProtocolError("a Content-Length follows from the body")
    if body:
        fields.append((b"Content-Length", b"%d" % len(body)))
    return b"%b%b\r\n%b" % (start_line, Headers.of(fields).to_bytes(), body)


def _check(pattern: re.Pattern[bytes], text: bytes, what: str) -> None:
    if not pattern.fullmatch(text):
        raise LocalProtocolError(f"not a {what}: {text[:64]!r}")
