"""Link layers: where the IP packet begins in a frame (numbers of tcpdump.org/linktypes.html)."""

from collections.abc import Callable, Mapping
from typing import Final

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
_TAGS: Final = frozenset([0x8100, 0x88A8, 0x9100])  # IEEE 802.1Q, 802.1ad, and what came before it
_MOST_TAGS: Final = 4
_FAMILIES: Final = {2: IPV4, 24: IPV6, 28: IPV6, 30: IPV6, 10: IPV6}  # AF_INET, and AF_INET6 on five systems
_LOOP_HEAD: Final = 4
_SMALL: Final = 0xFFFF

# Where IP begins and which one it is; 0 for anything else.
Place = tuple[int, int]
_NOTHING: Final[Place] = (0, 0)


def _ethernet(data: bytes) -> Place:
    return _tagged(data, 12)


def _cooked(data: bytes) -> Place:
    """Linux "any", version 1: the protocol stands at the end of 16 octets."""
    return _tagged(data, 14)


def _cooked2(data: bytes) -> Place:
    """Linux "any", version 2: the protocol stands at the beginning of 20 octets."""
    kind = int.from_bytes(data[:2], "big")
    return _tagged(data, 22) if kind in _TAGS and len(data) > 22 else (20, kind)  # noqa: PLR2004


def _tagged(data: bytes, at: int) -> Place:
    """Read the protocol at this place, behind any VLAN tags."""
    kind = int.from_bytes(data[at : at + 2], "big")
    for _ in range(_MOST_TAGS):
        if kind not in _TAGS:
            break
        at += 4
        kind = int.from_bytes(data[at : at + 2], "big")
    return at + 2, kind


def _null(data: bytes) -> Place:
    """BSD loopback: the address family, in the order of octets of the machine that captured."""
    family = int.from_bytes(data[:_LOOP_HEAD], "little")
    if family > _SMALL:
        family = int.from_bytes(data[:_LOOP_HEAD], "big")
    return _LOOP_HEAD, _FAMILIES.get(family, 0)


def _raw(data: bytes) -> Place:
    version = data[0] >> 4 if data else 0
    return 0, {4: IPV4, 6: IPV6}.get(version, 0)


LINKS: Final[Mapping[int, Callable[[bytes], Place]]] = {
    0: _null,
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    108: _null,  # OpenBSD, where the family is in network order
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked2,
}
