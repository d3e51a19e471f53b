"""What a simulated speech server says about audio: session descriptions and Transport headers; no audio is sent."""

from collections.abc import Iterator
from typing import Final

_MIRROR: Final = {b"sendonly": b"recvonly", b"recvonly": b"sendonly", b"inactive": b"inactive"}
_EVENTS: Final = b"rtpmap:101 telephone-event/8000"
_FIRST_PORT, _PORTS = 5000, 60_000


def ports() -> Iterator[int]:
    """Deal out RTP ports, the even one of each pair, round and round."""
    while True:
        yield from range(_FIRST_PORT, _FIRST_PORT + _PORTS, 2)


def describe(host: str) -> bytes:
    """Write what DESCRIBE answers: the codecs, with no port."""
    return _text(
        host,
        b"m=audio 0 RTP/AVP 0 8 96 101",
        b"a=rtpmap:0 PCMU/8000",
        b"a=rtpmap:8 PCMA/8000",
        b"a=rtpmap:96 L16/8000",
        b"a=rtpmap:101 telephone-event/8000",
    )


def answer(offer: bytes, host: str, port: int) -> bytes:
    """Answer an offer: one codec, telephone events where offered, the direction mirrored."""
    attributes = [line[2:] for line in offer.split(b"\r\n") if line.startswith(b"a=")]
    direction = next((_MIRROR[one] for one in attributes if one in _MIRROR), b"sendrecv")
    keys = _EVENTS in attributes
    return _text(
        host,
        b"m=audio %d RTP/AVP 0" % port + (b" 101" if keys else b""),
        b"a=rtpmap:0 PCMU/8000",
        *((b"a=" + _EVENTS, b"a=fmtp:101 0-15") if keys else ()),
        b"a=" + direction,
        *(b"a=" + one for one in attributes if one.startswith(b"ptime:")),
    )


def transport(asked: bytes | None, port: int) -> bytes:
    """Accept the first Transport of a SETUP (RFC 2326, 12.39)."""
    first = (asked or b"RTP/AVP;unicast").partition(b",")[0].strip()
    return first + b";server_port=%d-%d" % (port, port + 1)


def _text(host: str, *media: bytes) -> bytes:
    address = host.encode("ascii")
    head = (b"v=0", b"o=UniMRCPServer 0 0 IN IP4 " + address, b"s=-", b"c=IN IP4 " + address, b"t=0 0")
    return b"".join(line + b"\r\n" for line in (*head, *media))
