"""The blocks of a pcapng file: one section, one Ethernet interface, times in microseconds."""

import struct
from typing import Final

COMMENT: Final = 1  # the option that any block may have
_HARDWARE, _APPLICATION = 2, 4  # options of a section
_NAME, _RESOLUTION = 2, 9  # options of an interface
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ETHERNET: Final = 1
_MICROSECONDS: Final = 1_000_000


def section(application: str) -> bytes:
    """Begin a file; it names the program that wrote it."""
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(_SECTION, head + _options((_APPLICATION, application.encode())))


def interface(name: str) -> bytes:
    """Describe where the packets that follow were taken."""
    head = struct.pack("<HHI", _ETHERNET, 0, 0)
    return _block(_INTERFACE, head + _options((_NAME, name.encode()), (_RESOLUTION, b"\x06")))


def packet(time: float, frame: bytes, comment: str = "") -> bytes:
    """Write one packet; `time` is seconds since 1970."""
    ticks = round(time * _MICROSECONDS)
    head = struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    options = _options((COMMENT, comment.encode())) if comment else b""
    return _block(_PACKET, head + _padded(frame) + options)


def _options(*options: tuple[int, bytes]) -> bytes:
    written = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return written + b"\0\0\0\0"


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _block(kind: int, content: bytes) -> bytes:
    size = struct.pack("<I", len(content) + 12)
    return struct.pack("<I", kind) + size + content + size
