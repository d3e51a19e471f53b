"""Reading SIP messages: the start-line, the length, and whether the headers make sense."""

import re
from typing import Final

from mrcpwire._lines import TOKEN
from mrcpwire._sip_faults import SipError, fault
from mrcpwire._sip_headers import BLANK_LINE, SipHeaders
from mrcpwire._sip_messages import Limits, Request, Response
from mrcpwire._sip_uri import URI, is_uri
from mrcpwire._sip_write import answer_to

# RFC 3261 section 7: single spaces, none at the end; case counts for methods only.
_REQUEST_LINE: Final = re.compile(rb"(%b) (%b) (?i:SIP)/2\.0" % (TOKEN, URI))
# The reason may be empty, and the space before it missing.
_STATUS_LINE: Final = re.compile(rb"(?i:SIP)/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n\0]*+))?")
_OTHER_VERSION: Final = re.compile(rb"(?:%b [^ ]+ )?(?i:SIP)/(?!2\.0\b)[0-9]+\.[0-9]+(?: .*)?" % TOKEN)
_NUMBER: Final = re.compile(rb"[0-9]{1,19}")  # what fits into 63 bits (G-2)
_LISTS: Final = (b"via", b"contact", b"route", b"record-route")
_OPTIONAL: Final = {
    b"max-forwards": "max_forwards",
    b"content-type": "content_type",
    b"contact": "contact",
    b"route": "route",
    b"record-route": "record_route",
}
_DEFAULT: Final = Limits()

Start = re.Match[bytes]


def parse_datagram(data: bytes, limits: Limits = _DEFAULT) -> Request | Response:
    """Read the message of a datagram; raises `SipError`.

    What follows the body is dropped (RFC 3261 section 18.3). Without Content-Length the body goes to the end.
    """
    data = data.lstrip(b"\r\n")
    try:
        return _read_datagram(data, limits)
    except SipError as error:
        error.answer = answer_to(data, error, limits)
        raise


def read_start(line: bytes, limits: Limits) -> Start:
    """Match a start-line; raises `SipError`."""
    if len(line) > limits.start_line:
        raise fault("start-line-too-long", "G-9", line, status=414)
    start = _REQUEST_LINE.fullmatch(line) or _STATUS_LINE.fullmatch(line)
    if start is None:
        if _OTHER_VERSION.fullmatch(line):
            raise fault("version", "C.6", line, status=505)
        raise fault("bad-start-line", "C.2", line)
    if start.re is _REQUEST_LINE and not is_uri(start[2]):
        raise fault("bad-uri", "C.6", line)
    return start


def read_length(headers: SipHeaders) -> int | None:
    """Read the Content-Length; raises `SipError`."""
    values = set(headers.get_all(b"content-length"))
    if not values:
        return None
    value = values.pop()
    if values:
        raise fault("two-lengths", "C.2", value)
    if not _NUMBER.fullmatch(value):
        raise fault("bad-length", "C.2", value)
    return int(value)


def read_message(start: Start, headers: SipHeaders, body: bytes, limits: Limits) -> Request | Response:
    """Put a message together; raises `SipError` for what it can't be handled without."""
    if start.re is _REQUEST_LINE:
        request = Request(method=start[1], uri=start[2], headers=headers, body=body)
        _check(request, limits)
        if request.cseq[1] != request.method:
            raise fault("cseq-mismatch", "C.6", b"%b: %b" % (request.method, request.cseq[1]), fatal=False)
        return request
    response = Response(status=int(start[1]), reason=start[2] or b"", headers=headers, body=body)
    _check(response, limits)
    return response


def _read_datagram(data: bytes, limits: Limits) -> Request | Response:
    line, newline, _ = data.partition(b"\n")
    start = read_start(line.removesuffix(b"\r"), limits)
    if len(data) > limits.message:
        raise fault("too-large", "G-9", data, status=513)
    blank = BLANK_LINE.search(data, len(line))
    if not newline or blank is None:
        raise fault("truncated", "C.2", data)
    section = data[len(line) + 1 : blank.start() + 1]
    headers = SipHeaders.parse(section, most_lines=limits.header_lines)
    body = data[blank.end() :]
    length = read_length(headers)
    if length is not None:
        if length > len(body):
            raise fault("truncated", "C.2", data)
        body = body[:length]
    return read_message(start, headers, body, limits)


def _check(message: Request | Response, limits: Limits) -> None:
    """Read every header that has a property, so that none of them raises later."""
    headers, names = message.headers, message.headers.names()
    for name in _LISTS:
        if name in names and len(headers.values(name)) > limits.vias:
            raise fault(f"too-many-{name.decode()}", "G-9", headers.get(name) or b"", fatal=False)
    _ = message.vias, message.from_, message.to, message.call_id, message.cseq
    for name, attribute in _OPTIONAL.items():
        if name in names:
            getattr(message, attribute)
