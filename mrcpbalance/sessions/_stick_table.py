"""A memory of which source address went to which backend."""

import itertools
from collections import OrderedDict
from typing import Final

from mrcpbalance.config import StickTableConfig

_SWEEP: Final = 2  # expired entries dropped with every new one: the table shrinks faster than it grows


class StickTable:
    """Source address to backend name, for a time; the least recently used goes first when it is full.

    Every call costs the same however large the table is. The configured size is at least 1.
    """

    __slots__ = ("_entries", "_expire", "evictions", "name", "size")

    def __init__(self, config: StickTableConfig) -> None:
        self.name: Final = config.name
        self.size = config.size
        self.evictions = 0  # live entries that had to go
        self._expire = config.expire
        # Every use renews the same time to live, so the least recently used is also the first to expire.
        self._entries: Final[OrderedDict[str, tuple[str, float]]] = OrderedDict()

    def become(self, config: StickTableConfig) -> None:
        """Take another size and time; what is too much goes."""
        self.size, self._expire = config.size, config.expire
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)
            self.evictions += 1

    @property
    def entries(self) -> int:
        """How many there are; some may have expired unnoticed."""
        return len(self._entries)

    def get(self, source: str, now: float) -> str | None:
        """Find the backend of a source; a hit lives on from now."""
        entry = self._entries.get(source)
        if entry is None:
            return None
        if entry[1] <= now:
            del self._entries[source]
            return None
        self._entries[source] = (entry[0], now + self._expire)
        self._entries.move_to_end(source)
        return entry[0]

    def put(self, source: str, backend: str, now: float) -> None:
        """Remember the backend of a source, in place of any other."""
        self._entries.pop(source, None)
        self._sweep(now)
        if len(self._entries) >= self.size:
            self._entries.popitem(last=False)
            self.evictions += 1
        self._entries[source] = (backend, now + self._expire)

    def _sweep(self, now: float) -> None:
        for source in tuple(itertools.islice(self._entries, _SWEEP)):
            if self._entries[source][1] > now:
                return
            del self._entries[source]
