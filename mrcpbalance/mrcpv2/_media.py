"""What changes in the session descriptions of a call (table D), and what an answer says of its control channels."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpwire.sdp import Media, Sdp

NEW: Final = b"new"
EXISTING: Final = b"existing"


class BrokenAnswerError(Exception):
    """An answer that no control channel can be made of: its backend is treated as failed (D-06)."""


@attrs.frozen
class Line:
    """A control line of a backend's answer."""

    index: int
    address: Address  # where the backend takes the connection
    channel: bytes  # the whole channel-id
    connection: bytes  # new or existing


@functools.lru_cache(16)  # each description is looked at several times in a row
def _read(body: bytes) -> Sdp:
    return Sdp.parse(body)


def control_lines(body: bytes) -> list[int]:
    """Give the places of the control lines that are not refused."""
    return [index for index, media in enumerate(_read(body).media) if media.is_control]


def resources(body: bytes) -> dict[int, str]:
    """Give the resource that each control line asks for, by its place."""
    media = _read(body).media
    return {
        index: (one.attribute(b"resource") or b"").decode("latin-1").lower()
        for index, one in enumerate(media)
        if one.is_control
    }


def channels(body: bytes) -> dict[int, bytes]:
    """Give the channel-id of each control line that names one, by its place."""
    media = _read(body).media
    found = {index: one.attribute(b"channel") or b"" for index, one in enumerate(media) if one.is_control}
    return {index: channel for index, channel in found.items() if b"@" in channel}


def granted(body: bytes) -> list[str]:
    """Give the resources whose channels a backend's description names."""
    return [channel.rpartition(b"@")[2].decode("latin-1").lower() for channel in channels(body).values()]


def connections(body: bytes) -> dict[int, bytes]:
    """Give what each control line says of connections, by its place; a line that says nothing wants a new one."""
    media = _read(body).media
    return {
        index: (one.attribute(b"connection") or NEW).lower()
        for index, one in enumerate(media)
        if one.is_control
    }


def to_backend(body: bytes, own: str, connection: Mapping[int, bytes]) -> bytes:
    """Rewrite a description on its way to the backend (table D)."""

    def edited(index: int, media: Media) -> Media:
        media = media.with_connection(own)
        wanted = connection.get(index, NEW)
        if media.attribute(b"connection") is None and wanted == NEW:
            return media
        return media.with_attribute(b"connection", wanted)

    return _edited(body, edited)


def to_caller(
    body: bytes, own: Address, aliases: Mapping[int, bytes], connection: Mapping[int, bytes]
) -> bytes:
    """Rewrite a description on its way to the caller (table D)."""

    def edited(index: int, media: Media) -> Media:
        media = media.with_port(own.port).with_connection(own.host)
        if index in aliases:
            media = media.with_attribute(b"channel", aliases[index])
        if media.attribute(b"connection") is not None:
            media = media.with_attribute(b"connection", connection.get(index, NEW))
        return media

    return _edited(body, edited)


def _edited(body: bytes, edit: Callable[[int, Media], Media]) -> bytes:
    sdp = _read(body)
    for index, media in enumerate(sdp.media):
        if media.is_control:
            sdp = sdp.with_media(index, edit(index, media))
    return sdp.to_bytes()


def read_answer(body: bytes, offer: bytes) -> list[Line]:
    """Read a backend's control lines, matched with the caller's by their place (D-03); raises BrokenAnswerError.

    What the caller refuses is none, though the backend offers it (a delayed offer).
    """
    asked, answered = _read(offer), _read(body)
    if len(answered.media) < len(asked.media):
        raise BrokenAnswerError(f"{len(answered.media)} m-lines for {len(asked.media)}")
    lines = []
    for index, media in enumerate(answered.media):
        if media.kind == b"application" and media.port is None:
            raise BrokenAnswerError(f"m-line {index + 1} without a port")
        theirs = asked.media[index] if index < len(asked.media) else None
        if media.is_control and (theirs is None or theirs.is_control):
            wanted = None if theirs is None else theirs.attribute(b"resource")
            lines.append(_line(answered, index, wanted))
    return lines


def _line(answered: Sdp, index: int, resource: bytes | None) -> Line:
    media = answered.media[index]
    address, channel, port = answered.address(index), media.attribute(b"channel"), media.port
    if not channel or not channel.rpartition(b"@")[0]:
        raise BrokenAnswerError(f"control line {index + 1} without a channel")
    if address is None or port is None:
        raise BrokenAnswerError(f"control line {index + 1} without an address")
    if resource is not None and channel.rpartition(b"@")[2].lower() != resource.lower():  # E-05
        raise BrokenAnswerError(f"channel {channel!r} for resource {resource!r}")
    connection = (media.attribute(b"connection") or NEW).lower()
    return Line(index, Address(address, port), channel, connection)


def offered(host: str, resources: Sequence[str]) -> bytes:
    """Describe what a pool serves, for whoever asks by OPTIONS (A.11)."""
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=mrcpbalance 0 0 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0"]
    lines += ["m=application 0 TCP/MRCPv2 1", *(f"a=resource:{resource}" for resource in resources)]
    lines += ["m=audio 0 RTP/AVP 0 8", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000"]
    return "".join(f"{line}\r\n" for line in lines).encode()
