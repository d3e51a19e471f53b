"""How a request finds its transaction, and a response its way back (RFC 3261 sections 17.2.3 and 18.2, RFC 3581)."""

import binascii
from typing import Final

import attrs

from mrcpwire._sip_headers import split_values
from mrcpwire._sip_messages import Request
from mrcpwire._sip_transaction_flow import Flow
from mrcpwire._sip_values import Via

Key = tuple[object, ...]

_COOKIE: Final = b"z9hg4bk"
_PORT: Final = 5060


def has_cookie(via: Via) -> bool:
    """Tell whether the branch alone names the transaction; one client writes the cookie in lower case (F-23)."""
    branch = via.branch
    return branch is not None and len(branch) > len(_COOKIE) and branch[: len(_COOKIE)].lower() == _COOKIE


def request_key(request: Request, method: bytes) -> Key:
    """Give what names the transaction of a request; for ACK and CANCEL the method is that of the INVITE they mean.

    Without the cookie, the To-tag is left out: the ACK has one that its INVITE had not.
    """
    via = request.vias[0]
    if has_cookie(via):
        return via.branch, via.host.lower(), via.port, method
    return request.uri, request.from_.tag, request.call_id, request.cseq[0], via.to_bytes(), method


def merge_key(request: Request) -> Key:
    """Give what two requests have in common that are one, come over different ways (RFC 3261 section 8.2.2.2)."""
    return request.call_id, request.from_.tag, request.cseq


def seen_on(request: Request, flow: Flow) -> Request:
    """Note in its top Via where a request came from (C.3); what the peer itself noted there is not believed."""
    via = request.vias[0]
    host, port = flow.remote
    received = host.encode()
    noted = via
    if b"rport" in via.params:  # RFC 3581 section 4
        noted = via.with_param(b"received", received).with_param(b"rport", b"%d" % port)
    elif via.host != received or b"received" in via.params:
        noted = via.with_param(b"received", received)
    if noted is via:
        return request
    line = request.headers.get_all(b"via")[0]
    others = split_values(line)[1:]
    value = b", ".join([noted.to_bytes(), *others])
    return request.with_headers(request.headers.replaced(b"Via", value))


def reply_flow(request: Request, flow: Flow) -> Flow:
    """Give the way back of a response: to where its request came from, on the port it named unless it has rport.

    A `maddr` is not followed: no peer sends our responses to somebody else (G-6).
    """
    via = request.vias[0]
    if flow.reliable or b"rport" in via.params:
        return flow
    port = via.port or _PORT
    return flow if flow.remote[1] == port else attrs.evolve(flow, remote=(flow.remote[0], port))


def stateless_tag(request: Request) -> bytes:
    """Make a To-tag that a repeat of the same request gets too (RFC 3261 section 8.2.7)."""
    return b"%08x" % binascii.crc32(b"\n".join([request.call_id, request.vias[0].to_bytes()]))
