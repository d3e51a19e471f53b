"""Reading the head of an RTSP message: its start-line, and the headers that framing and routing need.

There are two ways through. `read_plain` is one match of a regular expression for the form nearly every message has,
and knows nothing of faults: it gives up. `read_head` takes everything the rules allow and says what is wrong with
the rest. Where `read_plain` has an answer, `read_head` has the same.
"""

import re
from typing import Final

from mrcpwire._errors import RemoteProtocolError
from mrcpwire._headers import Headers, Rules
from mrcpwire._lines import BLANKS, TOKEN
from mrcpwire._rtsp_messages import NO_BODY, Limits, Request, Response

# RFC 2326 section 6.1, with runs of SP between the parts and after them. The URI is any visible octets.
_REQUEST_LINE: Final = re.compile(rb"(%b) +([!-~\x80-\xff]+) +(RTSP/[0-9]+\.[0-9]+) *" % TOKEN)
# RFC 2326 section 7.1; the reason phrase may be empty or missing.
_STATUS_LINE: Final = re.compile(rb"(RTSP/[0-9]+\.[0-9]+) +([1-9][0-9][0-9])(?: +([^\r\n\0]*))?")
_VERSION: Final = b"RTSP/1.0"

_NUMBER: Final = rb"[0-9]{1,19}"  # of a CSeq or a Content-Length: what fits into 63 bits (G-2)
_ID: Final = rb"[!-+\--:<-~\x80-\xff]{1,256}"  # of a session: visible octets except ";" and ","

_PARTS: Final = {b"token": TOKEN, b"number": _NUMBER, b"id": _ID}

NUMBER: Final = re.compile(_NUMBER)
SESSION_ID: Final = re.compile(_ID)
URI: Final = re.compile(rb"\*|rtsp[su]?://[!-~\x80-\xff]+", re.IGNORECASE)
_CSEQ_LINE: Final = re.compile(rb"^cseq:[ \t]*(%b)[ \t]*\r?\n" % _NUMBER, re.IGNORECASE | re.MULTILINE)

# A head without fault in lines ended by CRLF, without folds, blanks run together or anything twice that is read here.
# Alternatives exclude each other and possessive repeats give nothing back: the work is linear. Groups are repeated the
# ordinary way, as Python 3.11 up to 3.11.4 matches possessive repeats of groups wrongly (gh-106052).
_FIRST: Final = (
    rb"""(?:
        RTSP/1\.0\ (?P<status>[1-9][0-9][0-9])\ (?P<reason>[!-~]++(?:\ [!-~]++)*)
      | (?P<method>%(token)b+)\ (?P<uri>\*|rtsp://[!-~\x80-\xff]++)\ RTSP/1\.0
    )\r\n"""
    % _PARTS
)
_PLAIN: Final = re.compile(
    _FIRST
    + rb"""(?:(?:
        (?i:cseq):[\x20\t]*+(?(5)(?!)|(?P<cseq>%(number)b+))[\x20\t]*+
      | (?i:session):[\x20\t]*+(?(6)(?!)|(?P<session>%(id)b+))[\x20\t]*+(?:;[^\r\n\0]*+)?
      | (?i:content-length):[\x20\t]*+(?(7)(?!)|(?P<length>%(number)b+))[\x20\t]*+
      | (?!(?i:cseq|session|content-length|proxy-require):)%(token)b+:[^\r\n\0]*+
    )\r\n)+\r\n"""
    % _PARTS,
    re.VERBOSE,
).match
# The same with the headers that nearly every message has, in the order in which UniMRCP writes them: it takes two thirds
# of the time, as no line is tried against several forms.
_USUAL: Final = re.compile(
    _FIRST
    + rb"""CSeq:\ (?P<cseq>%(number)b+)\r\n
    (?:Session:\ (?P<session>%(id)b+)(?:;[^\r\n\0]*+)?\r\n)?
    (?:Transport:\ [^\r\n\0]*+\r\n)?
    (?:Content-Type:\ [^\r\n\0]*+\r\n)?
    (?:Content-Length:\ (?P<length>%(number)b+)\r\n)?\r\n"""
    % _PARTS,
    re.VERBOSE,
).match


def read_plain(data: bytes, at: int, limits: Limits) -> Request | Response | None:
    """Read the message that begins here if it is whole, faultless and written the usual way; else give None."""
    match = _USUAL(data, at) or _PLAIN(data, at)
    if match is None:
        return None
    status, reason, method, uri, cseq, session, length = match.groups()
    end = total = match.end()
    if cseq is None or end - at > limits.plain:
        return None
    message: Request | Response
    if method is None:
        message = Response()
        message.status = number = int(status)
        message.reason = reason
        if length is not None and number not in NO_BODY:
            total += int(length)
    else:
        message = Request()
        message.method = method
        message.uri = uri
        message.proxy_require = None
        if length is not None:
            total += int(length)
    if total > len(data) or total - at > limits.message:
        return None
    message.raw = data[at:total]  # the same object when there is nothing else
    message.body_at = end - at
    message.cseq = cseq
    message.session = session
    message.fault = None
    return message


def read_head(head: bytes, limits: Limits) -> tuple[Request | Response, int]:
    """Read a head with the blank line that ends it; give the message, still without body, and its body's length.

    Raises `RemoteProtocolError` where framing is in doubt: the connection can't go on.
    """
    try:
        return _read_head(head, limits)
    except RemoteProtocolError as error:
        error.cseq = find_cseq(head)
        raise


def find_cseq(head: bytes) -> bytes | None:
    """Look for the CSeq of a head that has a fault, so that the answer can bear it."""
    found = set(_CSEQ_LINE.findall(head))
    return found.pop() if len(found) == 1 else None


def fault(what: str, rule: str, excerpt: bytes, *, status: int | None = 400) -> RemoteProtocolError:
    """Make the error to raise."""
    return RemoteProtocolError(f"rtsp.{what}", rule, status_hint=status, excerpt=excerpt)


def _read_head(head: bytes, limits: Limits) -> tuple[Request | Response, int]:
    line, _, section = head.partition(b"\n")
    rules = Rules(
        protocol="rtsp",
        octets="R-04",
        lines="R-04",
        status=400,
        header_lines=limits.header_lines,
        header_line=limits.header_line,
    )
    method, text, status = _start_line(line.removesuffix(b"\r"))
    headers = Headers.parse(section.removesuffix(b"\n").removesuffix(b"\r"), rules)
    length = 0 if status in NO_BODY else _content_length(headers)
    session, session_fault = _session(headers)
    cseq, cseq_fault = _cseq(headers)
    message: Request | Response
    if status:
        message = Response()
        message.status, message.reason = status, text
        message.fault = session_fault or cseq_fault
    else:
        message = Request()
        message.method, message.uri = method, text
        message.proxy_require = headers.get(b"Proxy-Require")
        uri_fault = None if URI.fullmatch(text) else "rtsp.bad-uri"
        message.fault = session_fault or uri_fault or cseq_fault
    message.raw, message.body_at = head, len(head)
    message.cseq, message.session = cseq, session
    return message, length


def _start_line(line: bytes) -> tuple[bytes, bytes, int]:
    """Give the method, the URI and 0 of a request; nothing, the reason and the status of a response."""
    if match := _REQUEST_LINE.fullmatch(line):
        start = match[1], match[2], 0
        version = match[3]
    elif match := _STATUS_LINE.fullmatch(line):
        start = b"", (match[3] or b"").rstrip(b" "), int(match[2])
        version = match[1]
    else:
        raise fault("bad-start-line", "R-03", line)
    if version != _VERSION:
        raise fault("version", "R-05", line, status=505)
    return start


def _content_length(headers: Headers) -> int:
    values = set(headers.get_all(b"Content-Length"))
    if len(values) > 1:
        raise fault("two-lengths", "R-06", b", ".join(sorted(values)))
    value = values.pop() if values else b""
    if value and not NUMBER.fullmatch(value):
        raise fault("bad-length", "R-06", value)
    return int(value or b"0")


def _session(headers: Headers) -> tuple[bytes | None, str | None]:
    ids = {value.partition(b";")[0].rstrip(BLANKS) for value in headers.get_all(b"Session")}
    if not ids:
        return None, None
    if len(ids) > 1:
        return None, "rtsp.two-sessions"
    found = ids.pop()
    return (found, None) if SESSION_ID.fullmatch(found) else (None, "rtsp.bad-session")


def _cseq(headers: Headers) -> tuple[bytes | None, str | None]:
    values = set(headers.get_all(b"CSeq"))
    if not values:
        return None, "rtsp.no-cseq"
    found = values.pop()
    return (None, "rtsp.bad-cseq") if values or not NUMBER.fullmatch(found) else (found, None)
