"""Reading SIP messages."""

import re
from typing import Final

from mrcpwire._lines import TOKEN
from mrcpwire._sip_faults import fault
from mrcpwire._sip_headers import SipHeaders
from mrcpwire._sip_messages import Limits, Request, Response

_REQUEST_LINE: Final = re.compile(rb"(%b) ([A-Za-z][A-Za-z0-9+.-]*+:[!#-;=?-~]++) (?i:SIP)/2\.0" % TOKEN)
_STATUS_LINE: Final = re.compile(rb"(?i:SIP)/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n\0]*+))?")
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_DEFAULT: Final = Limits()


def parse_datagram(data: bytes, limits: Limits = _DEFAULT) -> Request | Response:
    """Read the one message of a datagram; raises `SipError`."""
    data = data.lstrip(b"\r\n")
    blank = _BLANK_LINE.search(data)
    if blank is None:
        raise fault("truncated", "C.2", data)
    line, _, section = data[: blank.start() + 1].partition(b"\n")
    line = line.removesuffix(b"\r")
    request = _REQUEST_LINE.fullmatch(line)
    response = _STATUS_LINE.fullmatch(line)
    headers = SipHeaders.parse(section, header_lines=limits.header_lines)
    body = data[blank.end() :]
    length = headers.get(b"content-length")
    if length is not None:
        if not length.isdigit() or int(length) > len(body):
            raise fault("bad-length", "C.2", length)
        body = body[: int(length)]
    message: Request | Response
    if request:
        message = Request(method=request[1], uri=request[2], headers=headers, body=body)
    elif response:
        message = Response(status=int(response[1]), reason=response[2] or b"", headers=headers, body=body)
    else:
        raise fault("bad-start-line", "C.2", line)
    _check(message)
    return message


def _check(message: Request | Response) -> None:
    message.vias, message.from_, message.to, message.call_id, message.cseq  # noqa: B018
