"""Which headers of a SIP message go on to the other side, and which are ours to write (S-02, S-04)."""

from typing import Final

from mrcpwire import sip

# Hop by hop, or written anew for the other dialog.
_OURS: Final = (
    b"Via",
    b"Route",
    b"Record-Route",
    b"From",
    b"To",
    b"Call-ID",
    b"CSeq",
    b"Contact",
    b"Max-Forwards",
    b"Content-Length",
    b"Content-Type",
    b"Proxy-Require",
    b"RAck",
    b"RSeq",
)
HANDLED: Final = (b"INVITE", b"ACK", b"CANCEL", b"BYE", b"OPTIONS", b"INFO", b"MESSAGE", b"UPDATE")
ALLOW: Final = b", ".join(HANDLED)
_UNDERSTOOD: Final = frozenset((b"timer",))  # extensions that a request may require of us (S-01)

type_headers = list[tuple[bytes, bytes]]


def passed_on(message: sip.Request | sip.Response) -> type_headers:
    """Give the headers that the other side gets as they are; what it may think of us is put right."""
    headers = message.headers.without(*_OURS)
    allowed = [method for method in headers.values(b"Allow") if method in HANDLED]
    supported = [option for option in headers.values(b"Supported") if option.lower() != b"100rel"]
    for name, values in ((b"Allow", allowed), (b"Supported", supported)):
        if name in headers:
            headers = headers.with_(name, b", ".join(values)) if values else headers.without(name)
    return list(headers)


def unsupported(request: sip.Request) -> bytes:
    """Give the extensions a request requires that we don't understand, as an Unsupported header wants them."""
    required = [*request.headers.values(b"Require"), *request.headers.values(b"Proxy-Require")]
    return b", ".join(option for option in required if option.lower() not in _UNDERSTOOD)
