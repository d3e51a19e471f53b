"""The blocks of a pcapng file: octets that are to be written one after the other."""

import struct
from typing import Final

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6
_RAW_IP: Final = 101  # LINKTYPE_RAW: packets begin with IP, of either version
_COMMENT: Final = 1
_RESOLUTION: Final = 9
_ORDER: Final = 0x1A2B3C4D
_APPLICATION: Final = 4
_LONGEST_COMMENT: Final = 65_000


def beginning(comment: str = "") -> bytes:
    """Begin a file of IP packets with times in nanoseconds."""
    section = struct.pack("<IHHq", _ORDER, 1, 0, -1)
    section += _option(_APPLICATION, b"mrcpbalance") + _comment(comment) + _option(0, b"")
    interface = struct.pack("<HHI", _RAW_IP, 0, 0) + _option(_RESOLUTION, b"\x09") + _option(0, b"")
    return _block(_SECTION, section) + _block(_INTERFACE, interface)


def packet(time: int, data: bytes, comment: str = "") -> bytes:
    """Write a packet; `time` is nanoseconds since 1970."""
    head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
    options = _comment(comment) + _option(0, b"") if comment else b""
    return _block(_PACKET, head + _padded(data) + options)


def _comment(text: str) -> bytes:
    return _option(_COMMENT, text.encode()[:_LONGEST_COMMENT]) if text else b""


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
