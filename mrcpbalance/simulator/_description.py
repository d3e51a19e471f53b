"""Session descriptions as simulated MRCPv2 peers write and compare them (RFC 4566)."""

from collections.abc import Iterable

from mrcpwire.sdp import Sdp


def write(origin: str, version: int, host: str, media: Iterable[bytes]) -> bytes:
    """Write a description with these lines below its session part."""
    address = b"IN %b %b" % (b"IP6" if ":" in host else b"IP4", host.encode("ascii"))
    head = (
        b"v=0",
        b"o=%b 0 %d %b" % (origin.encode("ascii"), version, address),
        b"s=-",
        b"c=" + address,
        b"t=0 0",
    )
    return b"".join(line + b"\r\n" for line in (*head, *media))


def audio_of(body: bytes) -> bytes:
    """Give the octets of a description's audio parts, which nobody between two peers has any business with."""
    parts = [media for media in Sdp.parse(body).media if media.kind == b"audio"]
    return b"".join(line for media in parts for line in media.lines)
