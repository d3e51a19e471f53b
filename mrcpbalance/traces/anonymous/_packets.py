"""IP packets around messages: UDP datagrams and TCP segments with right checksums, as a capture would hold them."""

import ipaddress
import struct
from collections.abc import Iterator
from typing import Final

import attrs

from mrcpbalance.traces._endpoint import Endpoint

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_TCP, _UDP = 6, 17
_SEGMENT: Final = 32_768  # octets; IP's own limit is 65 535
_WINDOW: Final = 65_535
_HOPS: Final = 64
_MAPPED: Final = bytes(10) + b"\xff\xff"  # RFC 4291, section 2.5.5.2
_FIRST: Final = 1_000  # sequence number of a SYN


def datagram(source: Endpoint, target: Endpoint, payload: bytes) -> bytes:
    """Make the IP packet of a UDP datagram."""
    head = struct.pack("!HHHH", source.port, target.port, 8 + len(payload), 0)
    return _ip(source, target, _UDP, head, 6, payload)


@attrs.define(eq=False)
class Stream:
    """One TCP connection; every method gives the IP packets for what happened."""

    client: Endpoint
    server: Endpoint
    _next: dict[Endpoint, int] = attrs.field(factory=dict)

    def opened(self) -> Iterator[bytes]:
        """Make the handshake."""
        self._next = {self.client: _FIRST, self.server: _FIRST}
        yield self._segment(self.client, SYN)
        yield self._segment(self.server, SYN | ACK)
        yield self._segment(self.client, ACK)

    def said(self, source: Endpoint, data: bytes) -> Iterator[bytes]:
        """Make the segments of octets one side sent."""
        for at in range(0, len(data), _SEGMENT):
            yield self._segment(source, PSH | ACK, data[at : at + _SEGMENT])

    def ended(self, by: Endpoint, *, reset: bool) -> Iterator[bytes]:
        """Make the end of one side."""
        yield self._segment(by, (RST if reset else FIN) | ACK)

    def _segment(self, source: Endpoint, flags: int, data: bytes = b"") -> bytes:
        target = self.server if source == self.client else self.client
        sent, heard = self._next.get(source, _FIRST), self._next.get(target, _FIRST)
        acknowledged = heard if flags & ACK else 0
        head = struct.pack(
            "!HHIIBBHHH", source.port, target.port, sent, acknowledged, 5 << 4, flags, _WINDOW, 0, 0
        )
        self._next[source] = (sent + len(data) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        return _ip(source, target, _TCP, head, 16, data)


def _ip(source: Endpoint, target: Endpoint, protocol: int, head: bytes, at: int, payload: bytes) -> bytes:
    """Put the IP header before a UDP or TCP header whose checksum stands `at` an octet."""
    here, there = ipaddress.ip_address(source.host), ipaddress.ip_address(target.host)
    length = len(head) + len(payload)
    if isinstance(here, ipaddress.IPv4Address) and isinstance(there, ipaddress.IPv4Address):
        pseudo = here.packed + there.packed + struct.pack("!BBH", 0, protocol, length)
        outer = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, _HOPS, protocol, 0)
        outer += here.packed + there.packed
        outer = outer[:10] + struct.pack("!H", _checksum(outer)) + outer[12:]
    else:
        ends = _wide(here) + _wide(there)
        pseudo = ends + struct.pack("!IHBB", length, 0, 0, protocol)
        outer = struct.pack("!IHBB", 6 << 28, length, protocol, _HOPS) + ends
    total = _checksum(pseudo + head + payload) or 0xFFFF
    return outer + head[:at] + struct.pack("!H", total) + head[at + 2 :] + payload


def _wide(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """Write an address as IPv6 does."""
    return address.packed if isinstance(address, ipaddress.IPv6Address) else _MAPPED + address.packed


def _checksum(data: bytes) -> int:
    """Add up as RFC 1071 has it."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
