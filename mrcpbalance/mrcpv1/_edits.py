"""The few octets that change on their way: session ids (E-02), URIs (R-28), media addresses (R-20), reasons (R-03)."""

import re
from typing import Final

from mrcpbalance.pool import Backend
from mrcpwire import rtsp, sdp, transport

from ._session import RtspSession, last_segment

_AUTHORITY: Final = re.compile(rb"(?i)(rtspu?://(?:[^@/]*@)?)(?:\[[^\]/]*\]|[^:/]*)(?::[0-9]*)?")
_TIMEOUT: Final = re.compile(rb"(?i);\s*timeout\s*=\s*([0-9]{1,9})")


def request(session: RtspSession, backend: Backend, request: rtsp.Request) -> bytes:
    """Give a request inside a session as its backend knows it."""
    if session.aliased:
        request = rtsp.with_session(request, session.backend_id)
    return at_backend(request, backend).raw


def at_backend(request: rtsp.Request, backend: Backend) -> rtsp.Request:
    """Put the backend's own address into the URI, where the backend is configured to want that (R-28)."""
    address = backend.config.rtsp
    if backend.config.request_uri == "keep" or address is None:
        return request
    uri = _AUTHORITY.sub(lambda found: found[1] + str(address).encode(), request.uri, count=1)
    return rtsp.with_uri(request, uri)


def answer(session: RtspSession, response: rtsp.Response) -> bytes:
    """Give an answer inside a session as its caller knows it; there is always a reason phrase (R-03)."""
    if session.aliased and response.session is not None:
        response = rtsp.with_session(response, session.client_id)
    if not response.reason:
        response = rtsp.with_reason(response)
    return response.raw


def event(session: RtspSession, backend: Backend, request: rtsp.Request) -> rtsp.Request:
    """Give a backend's request as the session's caller knows it."""
    if session.aliased:
        request = rtsp.with_session(request, session.client_id)
    if backend.config.request_uri == "rewrite":
        request = rtsp.with_uri(request, _callers_uri(session, request.uri))
    if request.cseq is None and backend.config.insert_cseq:
        request = rtsp.with_header(request, b"CSeq", b"1")
    return request


def _callers_uri(session: RtspSession, uri: bytes) -> bytes:
    """Give the URI of the SETUP that an event's URI stands for."""
    segment = last_segment(uri)
    return next((known for known in session.uris if last_segment(known) == segment), session.uris[0])


def server_timeout(response: rtsp.Response) -> int | None:
    """Give the seconds that a SETUP's answer names as the session's timeout (R-26)."""
    found = _TIMEOUT.search(response.headers.get(b"Session") or b"")
    return int(found[1]) or None if found else None


def media_to_backend(request: rtsp.Request, client: str) -> rtsp.Request:
    """Tell the backend where the audio goes, when the caller left it to the connection's address (R-20)."""
    asked = request.headers.get(b"Transport")
    if asked is None or sdp.has_media_address(request.body):
        return request
    told = transport.with_parameter(asked, b"destination", client.encode())
    return request if told == asked else rtsp.with_header(request, b"Transport", told)


def media_to_caller(response: rtsp.Response, backend: str) -> rtsp.Response:
    """Tell the caller where the audio comes from, when the backend left it to the connection's address (R-20)."""
    body = response.body
    if body:
        filled = sdp.with_media_address(body, backend)
        if filled != body:
            response = rtsp.with_body(response, filled)
    answered = response.headers.get(b"Transport")
    if answered is None or sdp.has_media_address(response.body):
        return response
    told = transport.with_parameter(answered, b"source", backend.encode())
    return response if told == answered else rtsp.with_header(response, b"Transport", told)
