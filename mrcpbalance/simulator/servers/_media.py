"""What a simulated speech server says about audio: session descriptions and Transport headers; no audio is sent."""

from collections.abc import Iterable, Iterator
from typing import Final

from mrcpbalance.simulator import _description

_MIRROR: Final = {b"sendonly": b"recvonly", b"recvonly": b"sendonly", b"inactive": b"inactive"}
_EVENTS: Final = b"rtpmap:101 telephone-event/8000"
_FIRST_PORT, _PORTS = 5000, 60_000


def ports(besides: int = 0) -> Iterator[int]:
    """Deal out RTP ports, the even one of each pair, round and round; not the one that serves something else."""
    while True:
        yield from (port for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS, 2) if port != besides)


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


def capabilities(host: str, resources: Iterable[str]) -> bytes:
    """Write what OPTIONS answers: resources and codecs, with no port (A.11)."""
    return _text(
        host,
        b"m=application 0 TCP/MRCPv2 1",
        *(b"a=resource:" + resource.encode("ascii") for resource in resources),
        *describe(host).splitlines()[5:],
    )


def answer(offer: bytes, host: str, port: int) -> bytes:
    """Answer an offer: one codec, telephone events where offered, the direction mirrored."""
    return _text(host, *audio([line for line in offer.split(b"\r\n") if line.startswith(b"a=")], port))


def audio(attributes: Iterable[bytes], port: int) -> list[bytes]:
    """Answer audio with these attributes; those that name it or its pace come back as they are."""
    offered = [line[2:] for line in attributes]
    direction = next((_MIRROR[one] for one in offered if one in _MIRROR), b"sendrecv")
    keys = _EVENTS in offered
    return [
        b"m=audio %d RTP/AVP 0" % port + (b" 101" if keys else b""),
        b"a=rtpmap:0 PCMU/8000",
        *((b"a=" + _EVENTS, b"a=fmtp:101 0-15") if keys else ()),
        b"a=" + direction,
        *(b"a=" + one for one in offered if one.startswith((b"ptime:", b"mid:"))),
    ]


def transport(asked: bytes | None, port: int) -> bytes:
    """Accept the first Transport of a SETUP (RFC 2326, 12.39)."""
    first = (asked or b"RTP/AVP;unicast").partition(b",")[0].strip()
    return first + b";server_port=%d-%d" % (port, port + 1)


def _text(host: str, *media: bytes) -> bytes:
    return _description.write("UniMRCPServer", 0, host, media)
