"""A memory of which source address went to which backend."""

from collections import OrderedDict
from typing import Final

from mrcpbalance.config import StickTableConfig

_SWEEP: Final = 2  # expired entries dropped with every new one: the table shrinks faster than it grows


class StickTable:
    """Source address to backend name, for a time; the least recently used goes first when it is full."""

    __slots__ = ("_entries", "_expire", "evictions", "name", "size")

    def __init__(self, config: StickTableConfig) -> None:
        self.name: Final = config.name
        self.size: Final = config.size
        self.evictions = 0  # live entries that had to go
        self._expire: Final = config.expire
        # Every use renews the same time to live, so the least recently used is also the first to expire.
        self._entries: Final[OrderedDict[str, tuple[str, float]]] = OrderedDict()

    @property
    def entries(self) -> int:
        """How many there are; some may have expired unnoticed."""
        return len(self._entries)

    def get(self, source: str, now: float) -> str | None:
        """Find the backend of a source; a hit lives on from now."""
        entry = self._entries.get(source)
        if entry is None or entry[1] <= now:
            return None
        self._entries[source] = (entry[0], now + self._expire)
        self._entries.move_to_end(source)
        return entry[0]

    def put(self, source: str, backend: str, now: float) -> None:
        """Remember the backend of a source."""
        self._entries[source] = (backend, now + self._expire)
        self._entries.move_to_end(source)
        for _ in range(_SWEEP):
            if not self._drop_oldest_if_expired(now):
                break
        if len(self._entries) > self.size:
            self._entries.popitem(last=False)
            self.evictions += 1

    def _drop_oldest_if_expired(self, now: float) -> bool:
        oldest = next(iter(self._entries))
        expired = self._entries[oldest][1] <= now
        if expired:
            del self._entries[oldest]
        return expired
