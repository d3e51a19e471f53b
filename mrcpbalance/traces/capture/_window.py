"""The octets of a stream, looked at before they are used up."""

from typing import Final, Protocol

_CHUNK: Final = 1 << 18


class Source(Protocol):
    """Where octets come from: a file that was opened for reading in binary."""

    def read(self, size: int = ..., /) -> bytes:
        """Give at most so many octets, none only at the end; `OSError` where reading fails."""


class Window:
    """A stretch of the stream; `data[at:]` was not used yet.

    Work is linear in the length of the stream, memory bounded by what is asked for at once.
    """

    __slots__ = ("_ended", "_source", "at", "before", "data")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ended = False
        self.data = b""
        self.at = 0
        self.before = 0  # octets of the stream before `data`

    @property
    def used(self) -> int:
        """How many octets were used up."""
        return self.before + self.at

    @property
    def left(self) -> int:
        """How many octets are at hand."""
        return len(self.data) - self.at

    def need(self, size: int) -> bool:
        """Have so many octets at hand, if the stream still has them."""
        if len(self.data) - self.at >= size:
            return True
        parts = [self.data[self.at :]]
        have = len(parts[0])
        while have < size and not self._ended:
            part = self._source.read(max(_CHUNK, size - have))
            self._ended = not part
            parts.append(part)
            have += len(part)
        self.before += self.at
        self.at = 0
        self.data = b"".join(parts)
        return have >= size
