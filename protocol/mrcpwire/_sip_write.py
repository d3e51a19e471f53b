"""SIP responses of our own: to requests that were understood, and to those that weren't."""

import binascii
import re
from collections.abc import Iterable
from typing import Final

from mrcpwire._lines import TOKEN
from mrcpwire._sip_faults import SipError
from mrcpwire._sip_headers import BLANK_LINE, SipHeaders, has_nul, scan, with_crlf
from mrcpwire._sip_messages import Limits, Request, Response
from mrcpwire._sip_reasons import reason_phrase
from mrcpwire._sip_values import NameAddr, Via, check_tag

# RFC 3261 section 8.2.6.2.
_COPIED: Final = (b"via", b"from", b"to", b"call-id", b"cseq")
# What was meant as a request: a method, then anything, a version at the end.
_REQUEST: Final = re.compile(rb"(%b)[ \t][^\r\n]*(?i:SIP)/[0-9]+\.[0-9]+[ \t]*\r?\n" % TOKEN)


def response_to(
    request: Request,
    status: int,
    reason: bytes | None = None,
    *,
    to_tag: bytes | None = None,
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: bytes = b"",
    content_type: bytes | None = None,
) -> Response:
    """Make a response that goes back the way its request came; a To without tag gets `to_tag`.

    Without `reason` it is the usual one. Contact, Record-Route and whatever else belong into `headers`.
    """
    section = request.headers.only(*_COPIED)
    if to_tag is not None and request.to.tag is None:
        section = _tagged(section, to_tag)
    added = [*headers, *([] if content_type is None else [(b"Content-Type", content_type)])]
    return Response(
        status=status,
        reason=reason_phrase(status) if reason is None else reason,
        headers=section.extended(added),
        body=body,
    )


def answer_to(data: bytes, error: SipError, limits: Limits) -> Response | None:
    """Make the answer to a request with a fault out of what can be read of it.

    None where an answer is forbidden (ACK, responses) or would help nobody (no status, no Via to go by). What it
    repeats it repeats as it came. The tag follows from the request, so that an answer to a repeated request is the
    same again (RFC 3261 section 8.2.7).
    """
    start = _REQUEST.match(data)
    if start is None or start[1] == b"ACK" or error.status_hint is None:
        return None
    blank = BLANK_LINE.search(data, start.end() - 1)
    end = blank.start() + 1 if blank else len(data)
    section = SipHeaders(scan(with_crlf(data[start.end() : end]))).only(*_COPIED)
    vias = section.values(b"via")
    if not vias or len(vias) > limits.vias or not _is_hop(vias[0]) or has_nul(section.to_bytes()):
        return None
    for name in _COPIED[1:]:
        section = section.once(name)
    if _lacks_tag(section.get(b"to")):
        section = _tagged(section, b"%08x" % binascii.crc32(section.to_bytes()))
    reason = b"%b (%b)" % (reason_phrase(error.status_hint), error.code.removeprefix("sip.").encode())
    return Response(status=error.status_hint, reason=reason, headers=section)


def _tagged(section: SipHeaders, tag: bytes) -> SipHeaders:
    """Append a tag to a To, whose octets stay otherwise; it may or may not have angle brackets."""
    return section.replaced(b"To", b"%b;tag=%b" % (section.get(b"to") or b"", check_tag(tag)))


def _is_hop(via: bytes) -> bool:
    """Tell whether it can be read which hop this is, whatever its parameters are."""
    try:
        Via.parse(via.partition(b";")[0].rstrip())
    except SipError:
        return False
    return True


def _lacks_tag(to: bytes | None) -> bool:
    try:
        return to is not None and NameAddr.parse(to).tag is None
    except SipError:
        return False
