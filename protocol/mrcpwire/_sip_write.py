"""SIP responses of our own."""

from collections.abc import Iterable
from typing import Final

from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_reasons import reason_phrase

# RFC 3261 section 8.2.6.2.
_COPIED: Final = (b"via", b"from", b"to", b"call-id", b"cseq")


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
    """Make a response that goes back the way its request came; the To gets our tag where it has none."""
    section = request.headers.only(*_COPIED)
    if to_tag is not None and request.to.tag is None:
        section = section.with_(b"To", (section.get(b"to") or b"") + b";tag=" + to_tag)
    section = section.extended(headers)
    if content_type is not None:
        section = section.append(b"Content-Type", content_type)
    return Response(
        status=status, reason=reason_phrase(status) if reason is None else reason, headers=section, body=body
    )
