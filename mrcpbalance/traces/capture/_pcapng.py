"""Capture files of the next generation (draft-ietf-opsawg-pcapng), as Wireshark writes them."""

import struct
from collections.abc import Iterator
from typing import Final

import attrs

from mrcpbalance.traces._findings import Finding, Findings
from mrcpbalance.traces._limits import SECOND, Limits

from ._pcap import Frame
from ._window import Window

MAGIC: Final = b"\x0a\x0d\x0d\x0a"  # the type of a section header, the same read from either side

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
# What may follow damage: packets, names, statistics, secrets, custom blocks.
_KNOWN: Final = frozenset(
    [_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, 4, 5, _ENHANCED, 10, 0xBAD, 0x40000BAD]
)
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_LEAST: Final = 12  # octets of a block: its type and twice its length
_SCAN: Final = 1 << 20
_RESOLUTION, _OFFSET = 9, 14  # options of an interface
_RESOLUTION_SIZE, _OFFSET_SIZE = 1, 8
_BINARY: Final = 0x80
_PACKET_HEAD: Final = 20


@attrs.frozen
class _Interface:
    link: int
    snap: int
    ticks: int = 1_000_000  # a second has
    offset: int = 0  # seconds

    def time(self, high: int, low: int) -> int:
        return self.offset * SECOND + (high << 32 | low) * SECOND // self.ticks


class NextReader:
    """Reads the packets of one file, all of its sections and interfaces."""

    def __init__(self, window: Window, findings: Findings, limits: Limits) -> None:
        self._window = window
        self._findings = findings
        self._limits = limits
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._number = 0
        self._time = 0  # of the last packet that had one
        self._two = struct.Struct("<II")

    def __iter__(self) -> Iterator[Frame]:
        """Give the packets in order; damage is noted and, where the next block can be found, skipped."""
        window = self._window
        while window.need(_LEAST):
            kind, size = self._block_at(window.at)
            sound = _LEAST <= size <= self._limits.block
            if not sound or not window.need(size) or not self._closes(size):
                if self._resume():
                    continue
                if sound and window.left < size and self._order:
                    yield from self._cut(kind)
                else:
                    self._note("damaged", "what follows makes no sense; it was left out")
                return
            start = window.at + 8
            window.at += size
            frame = self._read(kind, window.data[start : window.at - 4], cut=False)
            if frame is not None:
                yield frame
        if window.left:
            self._note("truncated", "the file ends within the head of a block")

    def _block_at(self, at: int) -> tuple[int, int]:
        """Give a block's type and its octets, padded; a section header sets the order of octets."""
        data = self._window.data
        if data[at : at + 4] == MAGIC:
            order = _ORDERS.get(data[at + 8 : at + 12])
            if order is None:
                return _SECTION, 0
            if order != self._order:
                self._order = order
                self._two = struct.Struct(order + "II")
        kind, size = self._two.unpack_from(data, at)
        return kind, (size + 3) & ~3

    def _closes(self, size: int) -> bool:
        """Tell whether the length behind a block is the one before it, or at least another block follows."""
        window = self._window
        end = window.at + size
        if window.data[end - 4 : end] == window.data[window.at + 4 : window.at + 8]:
            return True
        if not window.need(size + _LEAST):
            return window.left == size
        end = window.at + size
        kind, following = self._block_at(end)
        return kind in _KNOWN and _LEAST <= following <= self._limits.block

    def _resume(self) -> bool:
        """Find the next block behind what makes no sense; none may be there."""
        window = self._window
        window.need(_SCAN)
        for at in range(window.at + 4, window.at + min(window.left, _SCAN) - _LEAST + 1, 4):
            if self._is_block(at):
                self._note("damaged", f"{at - window.at} octets make no sense")
                window.at = at
                return True
        return False

    def _is_block(self, at: int) -> bool:
        data = self._window.data
        kind, size = self._two.unpack_from(data, at)
        if kind == _SECTION:
            order = _ORDERS.get(data[at + 8 : at + 12])
            if order is None:
                return False
            size = struct.unpack_from(order + "I", data, at + 4)[0]
        if kind not in _KNOWN or size % 4 or not _LEAST <= size <= len(data) - at:
            return False
        return data[at + size - 4 : at + size] == data[at + 4 : at + 8]

    def _cut(self, kind: int) -> Iterator[Frame]:
        """Give what there is of a last packet that the end of the file cuts."""
        window = self._window
        self._note("truncated", f"the file ends within the block behind packet {self._number}")
        frame = self._read(kind, window.data[window.at + 8 :], cut=True)
        if frame is not None:
            yield frame

    def _read(self, kind: int, body: bytes, *, cut: bool) -> Frame | None:
        """Read what a block holds; a packet that makes no sense is noted."""
        try:
            match kind:
                case 0x0A0D0D0A:
                    self._interfaces = []
                case 1:
                    self._interface(body)
                case 6:
                    number, high, low, kept, length = struct.unpack_from(self._order + "IIIII", body)
                    return self._packet(body, number, high, low, kept, length, cut=cut)
                case 2:
                    number, _, high, low, kept, length = struct.unpack_from(self._order + "HHIIII", body)
                    return self._packet(body, number, high, low, kept, length, cut=cut)
                case 3:
                    return self._simple(body, cut=cut)
                case _:
                    pass  # names, statistics, secrets, and whatever else is no packet
        except (struct.error, LookupError):
            if not cut:
                self._number += kind != _INTERFACE
                self._note("damaged", "a block makes no sense; it was left out")
        return None

    def _packet(
        self, body: bytes, interface: int, high: int, low: int, kept: int, length: int, *, cut: bool
    ) -> Frame:
        found = self._interfaces[interface]
        data = body[_PACKET_HEAD : _PACKET_HEAD + kept]
        if len(data) < kept and not cut:
            raise LookupError
        self._number += 1
        self._time = found.time(high, low)
        return Frame(self._number, self._time, found.link, data, max(length, kept) - len(data))

    def _simple(self, body: bytes, *, cut: bool) -> Frame:
        """Read a packet without time: it gets that of the one before it."""
        found = self._interfaces[0]
        (length,) = struct.unpack_from(self._order + "I", body)
        kept = min(length, found.snap) if found.snap else length
        data = body[4 : 4 + kept]
        if len(data) < kept and not cut:
            raise LookupError
        self._number += 1
        return Frame(self._number, self._time, found.link, data, length - len(data))

    def _interface(self, body: bytes) -> None:
        link, _, snap = struct.unpack_from(self._order + "HHI", body)
        ticks, offset = 1_000_000, 0
        for code, value in self._options(body, 8):
            if code == _RESOLUTION and len(value) == _RESOLUTION_SIZE:
                ticks = 2 ** (value[0] & ~_BINARY) if value[0] & _BINARY else 10 ** value[0]
            elif code == _OFFSET and len(value) == _OFFSET_SIZE:
                (offset,) = struct.unpack(self._order + "q", value)
        if len(self._interfaces) < self._limits.interfaces:
            self._interfaces.append(_Interface(link, snap, ticks, offset))

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        while at + 4 <= len(body):
            code, size = struct.unpack_from(self._order + "HH", body, at)
            if code == 0:
                return
            yield code, body[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)

    def _note(self, code: str, text: str) -> None:
        self._findings.add(Finding(code=code, text=text, packet=self._number or None))
