"""Packets and capture files made by hand: what the reader of captures is tried on."""

import ipaddress
import struct
from collections.abc import Iterable

import attrs

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
ETHERNET, NULL, RAW, COOKED, COOKED2, LOOP = 1, 0, 101, 113, 276, 108

Peer = tuple[str, int]
CALLER: Peer = ("192.0.2.10", 40_000)
SERVER: Peer = ("198.51.100.2", 1554)


@attrs.frozen
class Packet:
    """A frame, when it was captured (nanoseconds), and how many octets it had on the wire."""

    data: bytes
    time: int = START
    length: int | None = None

    @property
    def original(self) -> int:
        return len(self.data) if self.length is None else self.length


def udp(source: Peer, target: Peer, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def tcp(
    source: Peer,
    target: Peer,
    sequence: int,
    payload: bytes = b"",
    *,
    flags: int = ACK,
    ack: int = 0,
    options: bytes = b"",
) -> bytes:
    offset = (20 + len(options)) // 4 << 4
    head = struct.pack(
        "!HHIIBBHHH", source[1], target[1], sequence % 2**32, ack % 2**32, offset, flags, 1024, 0, 0
    )
    return head + options + payload


def ip(
    source: Peer, target: Peer, protocol: int, content: bytes, *, ident: int = 0, fragment: int = 0
) -> bytes:
    """Write an IP packet, of the version the addresses have; `fragment` is the field with flags and offset."""
    one, other = (ipaddress.ip_address(peer[0]) for peer in (source, target))
    if one.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), ident, fragment, 64, protocol, 0)
        return head + one.packed + other.packed + content
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, 64) + one.packed + other.packed + content


def fragments(
    source: Peer, target: Peer, protocol: int, content: bytes, size: int, ident: int = 7
) -> list[bytes]:
    """Cut what IP carries into pieces of `size` octets, a multiple of eight."""
    pieces = []
    version = ipaddress.ip_address(source[0]).version
    for at in range(0, len(content), size):
        piece, more = content[at : at + size], at + size < len(content)
        if version == 4:
            field = at // 8 | (0x2000 if more else 0)
            pieces.append(ip(source, target, protocol, piece, ident=ident, fragment=field))
        else:
            head = struct.pack("!BBHI", protocol, 0, at | more, ident)
            pieces.append(ip(source, target, 44, head + piece))
    return pieces


def frame(packet: bytes, link: int = ETHERNET, *, tags: Iterable[int] = (), order: str = "<") -> bytes:
    """Put an IP packet into a frame of a link layer; `tags` are VLAN protocols."""
    version = packet[0] >> 4
    kind = struct.pack("!H", 0x0800 if version == 4 else 0x86DD)
    tagged = b"".join(struct.pack("!HH", tag, 7) for tag in tags) + kind
    match link:
        case 1:
            return (bytes(12) + tagged + packet).ljust(60, b"\0")
        case 0:
            return struct.pack(order + "I", 2 if version == 4 else 30) + packet
        case 108:
            return struct.pack(">I", 2 if version == 4 else 24) + packet
        case 113:
            return bytes(14) + tagged + packet
        case 276:
            return tagged[:2] + bytes(18) + tagged[2:] + packet
        case _:
            return packet


def pcap(
    packets: Iterable[Packet],
    *,
    link: int = ETHERNET,
    order: str = "<",
    unit: int = 1000,
    snap: int = 262_144,
) -> bytes:
    """Write a classic file; `unit` is 1000 for microseconds, 1 for nanoseconds."""
    magic = 0xA1B2C3D4 if unit == 1000 else 0xA1B23C4D
    out = bytearray(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link))
    for packet in packets:
        data = packet.data[:snap]
        seconds, rest = divmod(packet.time, SECOND)
        out += struct.pack(order + "IIII", seconds, rest // unit, len(data), packet.original) + data
    return bytes(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Write a block of the next generation's format."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = ETHERNET, options: Iterable[tuple[int, bytes]] = (), order: str = "<", snap: int = 0
) -> bytes:
    body = struct.pack(order + "HHI", link, 0, snap)
    for code, value in options:
        body += struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
    return block(1, body + bytes(4) * bool(options), order)


def enhanced(packet: Packet, number: int = 0, ticks: int = 10**6, order: str = "<") -> bytes:
    """Write an enhanced packet block; an interface has so many ticks a second."""
    time = packet.time * ticks // SECOND
    head = struct.pack(
        order + "IIIII", number, time >> 32, time & 0xFFFFFFFF, len(packet.data), packet.original
    )
    return block(6, head + packet.data, order)


def pcapng(packets: Iterable[Packet], *, link: int = ETHERNET, order: str = "<") -> bytes:
    """Write a file of one section and one interface."""
    return (
        section(order)
        + interface(link, order=order)
        + b"".join(enhanced(one, order=order) for one in packets)
    )
