"""Classic capture files, as tcpdump has written them from the start."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from mrcpbalance.traces._findings import Finding, Findings
from mrcpbalance.traces._limits import SECOND, Limits

from ._window import Window


class Frame(NamedTuple):
    """A packet as it was captured."""

    number: int  # its place in the file, from 1
    time: int  # nanoseconds since 1970
    link: int  # the type of the link layer, a number of tcpdump.org
    data: bytes
    missing: int  # octets at its end that were not captured


# The magic number tells the order of octets, nanoseconds per unit of a time stamp, and the octets of a record's head.
_FORMATS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1_000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1_000, 24),  # a patched libpcap of old
    b"\xa1\xb2\xcd\x34": (">", 1_000, 24),
}
MAGIC: Final = frozenset(_FORMATS)

_HEAD: Final = 24
_LINK: Final = (
    0xFFFF  # the upper half tells of check sequences at the end of frames, which IP's own lengths cut off
)
_SCAN: Final = 1 << 20  # octets that are searched for the next packet behind damage
_WEEK: Final = 7 * 86_400


class ClassicReader:
    """Reads the packets of one file."""

    def __init__(self, window: Window, findings: Findings, limits: Limits) -> None:
        order, self._unit, self._record = _FORMATS[window.data[:4]]
        self._window = window
        self._findings = findings
        self._limits = limits
        self._struct = struct.Struct(order + "IIII")
        self._link_struct = struct.Struct(order + "I")
        self._last = 0  # seconds of the last packet that was in order
        self._number = 0

    def __iter__(self) -> Iterator[Frame]:
        """Give the packets in order; damage is noted and, where the next packet can be found, skipped."""
        window, record, unit, most = self._window, self._record, self._unit, self._limits.packet
        unpack, fractions = self._struct.unpack_from, SECOND // self._unit
        if not window.need(_HEAD):
            self._note("truncated", "the file ends within its own header")
            return
        link = self._link_struct.unpack_from(window.data, 20)[0] & _LINK
        window.at = _HEAD
        while window.need(record):
            seconds, fraction, kept, length = unpack(window.data, window.at)
            if kept > most or fraction >= fractions or not window.need(record + kept):
                if self._resume():
                    continue
                yield from self._rest(link)
                return
            start = window.at + record
            window.at = end = start + kept
            self._number += 1
            self._last = seconds
            time = seconds * SECOND + fraction * unit
            yield Frame(self._number, time, link, window.data[start:end], max(length - kept, 0))
        if window.left:
            self._note("truncated", "the file ends within the head of a packet")

    def _resume(self) -> bool:
        """Find the next packet behind what makes no sense; none may be there."""
        window = self._window
        window.need(_SCAN)
        for at in range(window.at + 1, window.at + min(window.left, _SCAN) - self._record):
            if self._is_record(at, 2):
                self._note("damaged", f"{at - window.at} octets behind packet {self._number} make no sense")
                window.at = at
                return True
        return False

    def _is_record(self, at: int, deep: int) -> bool:
        """Tell whether a packet can begin here, and another behind it."""
        data, record = self._window.data, self._record
        if at == len(data):
            return True
        if at + record > len(data):
            return False
        seconds, fraction, kept, length = self._struct.unpack_from(data, at)
        if fraction >= SECOND // self._unit or not 0 < kept <= length <= self._limits.packet:
            return False
        if self._last and abs(seconds - self._last) > _WEEK:
            return False
        return deep == 1 or self._is_record(at + record + kept, deep - 1)

    def _rest(self, link: int) -> Iterator[Frame]:
        """Give what there is of a last packet that the end of the file cuts."""
        window = self._window
        seconds, fraction, kept, length = self._struct.unpack_from(window.data, window.at)
        have = window.left - self._record
        if kept > self._limits.packet or fraction >= SECOND // self._unit or have > kept:
            self._note("damaged", f"what follows packet {self._number} makes no sense; it was left out")
            return
        self._number += 1
        self._note("truncated", f"the file ends within packet {self._number}")
        data = window.data[window.at + self._record :]
        time = seconds * SECOND + fraction * self._unit
        yield Frame(self._number, time, link, data, max(length, kept) - have)

    def _note(self, code: str, text: str) -> None:
        self._findings.add(Finding(code=code, text=text, packet=self._number or None))
