"""The TCP connections in a capture file, for tests: classic pcap, Ethernet or raw IPv4, octets put back in order."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import attrs

from mrcpbalance.config import Address

CAPTURES: Final = Path(__file__).parent / "captures"

# The file's magic number tells the order of octets and the unit of its time stamps.
_MAGIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
# Octets before the IP header, by link type: BSD loopback, Ethernet, raw IP.
_LINK_HEADER: Final = {0: 4, 1: 14, 101: 0, 228: 0}
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_HALF: Final = 1 << 31
_WRAP: Final = 1 << 32

End = Literal["finished", "reset"]


class Packet(NamedTuple):
    """A TCP segment as it was captured."""

    time: float
    source: Address
    target: Address
    sequence: int
    flags: int
    payload: bytes


@attrs.frozen
class Piece:
    """Octets that became readable in order, in one direction, at once."""

    to_server: bool
    data: bytes
    time: float = attrs.field(eq=False)


@attrs.define
class _Flow:
    """One direction: what comes next, and what came too early."""

    expected: int | None = None
    early: dict[int, bytes] = attrs.field(factory=dict)

    def take(self, sequence: int, payload: bytes) -> bytes:
        """Accept a segment; give the octets that are in order now, each of them once."""
        if self.expected is None:
            self.expected = sequence
        self.early[sequence] = max(payload, self.early.get(sequence, b""), key=len)
        out = bytearray()
        while (start := self._ready()) is not None:
            data = self.early.pop(start)
            fresh = data[_distance(start, self.expected) :]
            self.expected = (self.expected + len(fresh)) % _WRAP
            out += fresh
        return bytes(out)

    def _ready(self) -> int | None:
        assert self.expected is not None
        return next((start for start in self.early if _distance(start, self.expected) >= 0), None)


def _distance(start: int, end: int) -> int:
    """How far `end` lies after `start`; sequence numbers wrap (RFC 9293, 3.4)."""
    return (end - start + _HALF) % _WRAP - _HALF


@attrs.define
class Conversation:
    """One TCP connection: who opened it, to whom, and what each side sent in the order it was captured."""

    client: Address
    server: Address
    pieces: list[Piece] = attrs.field(factory=list)
    client_end: End | None = None
    server_end: End | None = None
    _flows: dict[bool, _Flow] = attrs.field(factory=lambda: {True: _Flow(), False: _Flow()}, repr=False)

    @property
    def to_server(self) -> bytes:
        """Everything the client sent."""
        return b"".join(piece.data for piece in self.pieces if piece.to_server)

    @property
    def to_client(self) -> bytes:
        """Everything the server sent."""
        return b"".join(piece.data for piece in self.pieces if not piece.to_server)

    def add(self, packet: Packet) -> None:
        """Take the next packet of this connection."""
        to_server = packet.source == self.client
        first = packet.sequence + 1 if packet.flags & _SYN else packet.sequence
        if data := self._flows[to_server].take(first % _WRAP, packet.payload):
            self.pieces.append(Piece(to_server, data, packet.time))
        if packet.flags & (_FIN | _RST):
            self._end(to_server, "reset" if packet.flags & _RST else "finished")

    def _end(self, by_client: bool, how: End) -> None:
        if by_client:
            self.client_end = self.client_end or how
        else:
            self.server_end = self.server_end or how


def read_conversations(path: Path, *, port: int | None = None) -> list[Conversation]:
    """List the TCP connections of a capture as they began; with `port`, only those to that server port."""
    found: list[Conversation] = []
    live: dict[frozenset[Address], Conversation] = {}
    for packet in read_packets(path):
        key = frozenset((packet.source, packet.target))
        opening = packet.flags & (_SYN | _ACK) == _SYN
        if key not in live or (opening and live[key].pieces):
            live[key] = _begin(packet)
            found.append(live[key])
        live[key].add(packet)
    return [one for one in found if port in (None, one.server.port)]


def _begin(packet: Packet) -> Conversation:
    """Tell the client from the server by the handshake, else by the lower port being the server's."""
    answered = packet.flags & (_SYN | _ACK) == _SYN | _ACK
    opened = packet.flags & (_SYN | _ACK) == _SYN
    if answered or (not opened and packet.source.port < packet.target.port):
        return Conversation(packet.target, packet.source)
    return Conversation(packet.source, packet.target)


def read_packets(path: Path) -> Iterator[Packet]:
    """Read the TCP segments of a capture in file order; everything else in it is passed over."""
    raw = path.read_bytes()
    order, unit = _MAGIC[raw[:4]]
    (link,) = struct.unpack_from(order + "I", raw, 20)
    at = 24
    while at < len(raw):
        seconds, fraction, kept, _ = struct.unpack_from(order + "IIII", raw, at)
        frame = raw[at + 16 : at + 16 + kept]
        at += 16 + kept
        if packet := _tcp(frame[_LINK_HEADER[link] :], seconds + fraction * unit):
            yield packet


def _tcp(ip: bytes, time: float) -> Packet | None:
    """Read a TCP segment out of an IPv4 packet; its own lengths count, since Ethernet pads short frames."""
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != socket.IPPROTO_TCP:
        return None
    ip_header = (ip[0] & 0x0F) * 4
    (total,) = struct.unpack_from("!H", ip, 2)
    segment = ip[ip_header:total]
    source, target, sequence = struct.unpack_from("!HHI", segment)
    payload = segment[(segment[12] >> 4) * 4 :]
    return Packet(
        time,
        Address(socket.inet_ntoa(ip[12:16]), source),
        Address(socket.inet_ntoa(ip[16:20]), target),
        sequence,
        segment[13],
        payload,
    )
