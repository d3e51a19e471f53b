"""IP datagrams that came in pieces (RFC 791, section 3.2; RFC 8200, section 4.5)."""

from typing import Final, NamedTuple

import attrs

from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces._limits import Limits

_LONGEST: Final = 65_535
_MOST_PIECES: Final = 256


class Part(NamedTuple):
    """One piece: of which datagram, where in it, whether others follow it, and its octets."""

    key: bytes
    at: int
    more: bool
    octets: bytes


@attrs.define
class _Datagram:
    """Pieces by their place; the head of the first one isn't kept, nothing of it is needed."""

    number: int
    time: int
    pieces: dict[int, bytes] = attrs.field(factory=dict)
    size: int | None = None

    def whole(self) -> bytes | None:
        """Put the pieces together once none is missing."""
        if self.size is None:
            return None
        out = bytearray()
        for at, piece in sorted(self.pieces.items()):
            if at > len(out):
                return None
            out += piece[len(out) - at :]
        return bytes(out[: self.size]) if len(out) >= self.size else None


class Fragments:
    """Datagrams some pieces of which are there."""

    def __init__(self, findings: Findings, limits: Limits) -> None:
        self._findings = findings
        self._limits = limits
        self._waiting: dict[bytes, _Datagram] = {}

    def take(self, part: Part, time: int, number: int) -> bytes | None:
        """Take a piece; give the datagram's contents when this was the last one missing."""
        self._forget(time)
        found = self._waiting.get(part.key)
        if found is None:
            if len(self._waiting) >= self._limits.fragments:
                self._drop(next(iter(self._waiting)), "too-many-fragments")
            found = self._waiting[part.key] = _Datagram(number, time)
        end = part.at + len(part.octets)
        if end <= _LONGEST and len(found.pieces) < _MOST_PIECES:
            found.pieces.setdefault(part.at, part.octets)
            if not part.more:
                found.size = end
        whole = found.whole()
        if whole is not None:
            del self._waiting[part.key]
        return whole

    def end(self) -> None:
        """Give up what isn't whole by now."""
        for key in list(self._waiting):
            self._drop(key, "lost-fragments")

    def _forget(self, time: int) -> None:
        """Give up the oldest ones when their time has passed."""
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if time - oldest.time <= self._limits.fragment_wait:
                break
            self._drop(key, "lost-fragments")

    def _drop(self, key: bytes, code: str) -> None:
        self._findings.count(code, self._waiting.pop(key).number)
