"""One direction of a TCP connection: segments in any order in, octets in order out, each of them once (RFC 9293)."""

import heapq
from typing import Final, NamedTuple

import attrs

_HALF: Final = 1 << 31
_WRAP: Final = 1 << 32
_FAR: Final = 1 << 30  # the largest window (RFC 7323); what lies further away belongs to something else
_MOST_EARLY: Final = 4096  # segments


class Piece(NamedTuple):
    """Octets that follow each other; `lost` were not captured before them."""

    data: bytes
    time: int
    packet: int
    lost: int = 0


@attrs.define
class Tally:
    """What happened to segments."""

    again: int = 0  # segments with nothing new
    early: int = 0  # segments that came before their turn
    lost: int = 0  # octets that were never captured
    far: int = 0


class Flow:
    """Puts the segments of one direction in order.

    Positions count octets from the first one seen. What comes early waits; `give_up` goes on without what is missing.
    """

    __slots__ = ("_early", "_end", "_held", "_limit", "acked", "base", "hole_since", "position", "tally")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._early: list[tuple[int, int, bytes, int]] = []  # position, packet, octets, time
        self._held = 0
        self._end: int | None = None  # where a FIN stands
        self.base: int | None = None  # the sequence number of position 0
        self.position = 0
        self.acked = 0  # position up to which the peer has acknowledged
        self.hole_since: int | None = None  # when octets that are missing here were acknowledged
        self.tally = Tally()

    @property
    def waiting(self) -> bool:
        """Octets are held back because others before them are missing."""
        return bool(self._early)

    @property
    def ended(self) -> bool:
        """Everything up to the FIN was given out."""
        return self._end is not None and self.position >= self._end

    @property
    def lacking(self) -> int:
        """How many octets at the end were acknowledged, or come before the FIN, and were not captured.

        A FIN is acknowledged like an octet; one more than was seen may be a FIN that was not captured.
        """
        if self._end is not None:
            return max(self._end - self.position, 0)
        missing = self.acked - self.position
        return missing if missing > 1 else 0

    def begin(self, sequence: int) -> None:
        """Set where the stream begins, unless that is known."""
        if self.base is None:
            self.base = sequence

    def place(self, sequence: int) -> int:
        """Give the position of a sequence number; they wrap."""
        assert self.base is not None
        return self.position + (sequence - self.base - self.position + _HALF) % _WRAP - _HALF

    def finish(self, sequence: int) -> bool:
        """Note where the stream ends; tell whether that is news."""
        if self._end is not None:
            return False
        position = self.place(sequence)
        self._end = position if -_FAR < position - self.position < _FAR else self.position
        return True

    def acknowledge(self, sequence: int, time: int) -> None:
        """Take the peer's word for what it has received."""
        if self.base is not None:
            position = self.place(sequence)
            if self.acked < position < self.position + _FAR:
                self.acked = position
                self._watch(time)

    def take(self, sequence: int, payload: bytes, missing: int, time: int, packet: int) -> list[Piece]:
        """Take a segment with octets; give what is in order now. `missing` octets at its end were not captured."""
        self.begin(sequence)
        at = self.place(sequence)
        ahead = at - self.position
        if not payload:
            return []
        if not ahead and not self._early:
            self.position += len(payload)
            return [Piece(payload, time, packet)]
        if not -_FAR < ahead < _FAR:
            self.tally.far += 1
            return []
        if at + len(payload) <= self.position:
            self.tally.again += not missing
            return []
        self.tally.early += ahead > 0
        heapq.heappush(self._early, (at, packet, payload, time))
        self._held += len(payload)
        out = self._ready()
        self._watch(time)
        while self._held > self._limit or len(self._early) > _MOST_EARLY:
            out += self.give_up()
        return out

    def give_up(self) -> list[Piece]:
        """Go on behind what is missing first; give what is in order then."""
        if not self._early:
            return []
        lost = self._early[0][0] - self.position
        self.position += lost
        self.tally.lost += lost
        first, *rest = self._ready()
        self._watch(first.time)
        return [first._replace(lost=lost), *rest]

    def drain(self) -> list[Piece]:
        """Give everything that is held back."""
        out: list[Piece] = []
        while self._early:
            out += self.give_up()
        return out

    def _ready(self) -> list[Piece]:
        early, out = self._early, []
        while early and early[0][0] <= self.position:
            at, packet, data, time = heapq.heappop(early)
            self._held -= len(data)
            fresh = data[self.position - at :]
            if fresh:
                self.position += len(fresh)
                out.append(Piece(fresh, time, packet))
            else:
                self.tally.again += 1
        if out:
            self.hole_since = None
        return out

    def _watch(self, time: int) -> None:
        if self._early and self.hole_since is None and self.acked >= self._early[0][0]:
            self.hole_since = time
