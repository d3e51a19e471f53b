"""Captured messages as another peer has to write them: its addresses, and the ids it was told."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

import attrs

from mrcpwire import rtsp
from mrcpwire.sdp import Sdp

_M = TypeVar("_M", bound=rtsp.Request | rtsp.Response)
_AUTHORITY: Final = re.compile(rb"^([A-Za-z]+://)[^/]*")
_CONNECTION: Final = re.compile(rb"^c=IN +IP[46] +([!-.0-~]+)", re.MULTILINE)
_PLACE: Final = re.compile(rb"((?:source|destination)=)([^;,\s]+)")


@attrs.frozen
class Hosts:
    """Who was where in the capture, and is where now; other hosts, such as that of a third party's media, stay."""

    _now: Mapping[str, str]

    def of(self, host: str) -> str:
        """Give the host that stands for a captured one."""
        return self._now.get(host, host)


def rtsp_request(parsed: rtsp.Request, authority: bytes, session: bytes | None, hosts: Hosts) -> bytes:
    """Write a caller's request for another server."""
    uri = _AUTHORITY.sub(lambda found: found[1] + authority, parsed.uri)
    return _placed(rtsp.with_uri(parsed, uri), session, hosts).raw


def rtsp_event(parsed: rtsp.Request, session: bytes | None) -> bytes:
    """Write a server's request in another session."""
    return (rtsp.with_session(parsed, session) if session is not None else parsed).raw


def rtsp_response(parsed: rtsp.Response, cseq: bytes | None, session: bytes | None, hosts: Hosts) -> bytes:
    """Write a response to another request."""
    if cseq is not None:
        parsed = rtsp.with_header(parsed, b"CSeq", cseq)
    return _placed(parsed, session, hosts).raw


def session_description(
    body: bytes,
    hosts: Hosts,
    *,
    control: tuple[str, int] | None = None,
    names: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """Write a session description for the peer that sends it now.

    `control` is where its control connections are taken, which an answer tells; `names` are the channels by those of
    the capture.
    """
    sdp = Sdp.parse(_CONNECTION.sub(lambda found: _connection(found, hosts), body))
    for index, line in enumerate(sdp.media):
        if not line.is_control:
            continue
        media = line
        if control is not None:
            media = media.with_port(control[1])
            if sdp.address(index) != control[0]:
                media = media.with_connection(control[0])
        name = media.attribute(b"channel")
        if name is not None and names is not None:
            media = media.with_attribute(b"channel", names.get(name, name))
        sdp = sdp.with_media(index, media)
    return sdp.to_bytes()


def channels(captured: bytes, live: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pair the channels of two answers, by their media lines."""
    for one, other in zip(Sdp.parse(captured).media, Sdp.parse(live).media, strict=False):
        names = one.attribute(b"channel"), other.attribute(b"channel")
        if names[0] and names[1]:
            yield names[0], names[1]


@attrs.frozen
class Control:
    """Where an answer wants a control connection, and whether one that is there may serve."""

    host: str
    port: int
    shared: bool


def control_of(answer: bytes) -> Control | None:
    """Read where the control connection of an answer goes; None where it has none."""
    sdp = Sdp.parse(answer)
    for index, media in enumerate(sdp.media):
        host, port = sdp.address(index), media.port
        if media.is_control and media.attribute(b"channel") and host and port:
            return Control(host, port, media.attribute(b"connection") == b"existing")
    return None


def asks_for(offer: bytes) -> tuple[tuple[bytes, int | None, bytes], ...]:
    """Tell offers apart, wherever they come from: media, ports, and the resources of control lines."""
    media = Sdp.parse(offer).media
    return tuple((one.kind, one.port, one.attribute(b"resource") or b"") for one in media)


def _placed(message: _M, session: bytes | None, hosts: Hosts) -> _M:
    if session is not None:
        message = rtsp.with_session(message, session)
    transport = message.headers.get(b"Transport")
    if transport is not None:
        placed = _PLACE.sub(
            lambda found: found[1] + hosts.of(found[2].decode("latin-1")).encode("latin-1"), transport
        )
        message = rtsp.with_header(message, b"Transport", placed)
    if message.body.startswith(b"v="):
        message = rtsp.with_body(message, session_description(message.body, hosts))
    return message


def _connection(found: re.Match[bytes], hosts: Hosts) -> bytes:
    host = hosts.of(found[1].decode("latin-1"))
    return b"c=IN %b %b" % (b"IP6" if ":" in host else b"IP4", host.encode("latin-1"))
