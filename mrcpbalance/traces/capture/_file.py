"""Opening a capture: which kind of file it is, and its packets."""

import zlib
from collections.abc import Iterator
from typing import Final

from mrcpbalance.traces._findings import Finding, Findings
from mrcpbalance.traces._limits import Limits

from . import _pcap, _pcapng
from ._pcap import Frame
from ._window import Source, Window

_GZIP: Final = b"\x1f\x8b"
_ZLIB_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = 4
_CHUNK: Final = 1 << 18
_PACKED: Final = 1024  # octets unpacked at once: damage costs as many


class NotACapture(ValueError):  # noqa: N818  a verdict about the file
    """The file is neither pcap nor pcapng."""


class Capture:
    """A capture that was opened: iterate over it once for its packets.

    `used` tells how many octets of the file were read so far. Raises `NotACapture` at once for anything else, and
    `OSError` wherever the source does.
    """

    def __init__(self, source: Source, findings: Findings, limits: Limits) -> None:
        self._outer = window = Window(source)
        window.need(_MAGIC)
        if window.data.startswith(_GZIP):
            window = Window(_Unzipped(window, findings))
            window.need(_MAGIC)
        magic = window.data[:_MAGIC]
        self._reader: Iterator[Frame]
        if magic in _pcap.MAGIC:
            self._reader = iter(_pcap.ClassicReader(window, findings, limits))
        elif magic == _pcapng.MAGIC:
            self._reader = iter(_pcapng.NextReader(window, findings, limits))
        else:
            raise NotACapture("it is empty" if not magic else f"it begins with {magic.hex(' ')}")

    @property
    def used(self) -> int:
        """How many octets of the file were read so far."""
        return self._outer.used

    def __iter__(self) -> Iterator[Frame]:
        return self._reader


class _Unzipped:
    """What a file held before gzip packed it; damage is noted and ends it."""

    def __init__(self, window: Window, findings: Findings) -> None:
        self._window = window
        self._findings = findings
        self._zip = zlib.decompressobj(_ZLIB_GZIP)
        self._packed = b""
        self._inside = False  # a packed file has begun and not ended
        self._ended = False

    def read(self, size: int = _CHUNK, /) -> bytes:
        """Unpack at most so many octets."""
        while not self._ended:
            if not self._packed and not self._more():
                break
            try:
                out = self._zip.decompress(self._packed, size)
            except zlib.error:
                self._ended = True
                self._note("damaged", "the compressed file makes no sense from here on")
                break
            self._packed = self._zip.unconsumed_tail
            self._inside = not self._zip.eof
            if self._zip.eof:  # another packed file may follow
                self._packed = self._zip.unused_data
                self._zip = zlib.decompressobj(_ZLIB_GZIP)
            if out:
                return out
        return b""

    def _more(self) -> bool:
        """Take the next packed octets."""
        window = self._window
        window.need(1)
        self._packed = window.data[window.at : window.at + _PACKED]
        window.at += len(self._packed)
        if not self._packed:
            self._ended = True
            if self._inside:
                self._note("truncated", "the compressed file ends early")
        return not self._ended

    def _note(self, code: str, text: str) -> None:
        self._findings.add(Finding(code=code, text=text))
