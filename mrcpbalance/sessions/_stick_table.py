"""A memory of which source address went to which backend."""

import itertools
from collections import OrderedDict
from typing import Final

from mrcpbalance.config import StickTableConfig

_SWEEP: Final = 2  # expired entries looked at with every new one: the table shrinks faster than it grows
_SWEEP_TO_COUNT: Final = 20_000  # the same when they are counted: some milliseconds


class StickTable:
    """Source address to backend name, for a time; the least recently used goes first when it is full.

    An entry whose source is held doesn't expire. Every call costs the same however large the table is. The
    configured size is at least 1.
    """

    __slots__ = ("_entries", "_expire", "_held", "evictions", "name", "size")

    def __init__(self, config: StickTableConfig) -> None:
        self.name: Final = config.name
        self.size = config.size
        self.evictions = 0  # live entries that had to go
        self._expire = config.expire
        # Every use renews the same time to live, so the least recently used is also the first to expire.
        self._entries: Final[OrderedDict[str, tuple[str, float]]] = OrderedDict()
        self._held: Final[dict[str, int]] = {}  # sources with live connections, and how many

    def become(self, config: StickTableConfig) -> None:
        """Take another size and time; what is too much goes."""
        self.size, self._expire = config.size, config.expire
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)
            self.evictions += 1

    def entries(self, now: float) -> int:
        """Count them; where very many expired at once some of those are counted, too."""
        self._sweep(now, _SWEEP_TO_COUNT)
        return len(self._entries)

    def hold(self, source: str) -> None:
        """Keep the entry of a source, which it may get later, from expiring, until it is released as often."""
        self._held[source] = self._held.get(source, 0) + 1

    def release(self, source: str, now: float) -> None:
        """Give up a hold; the entry lives on from now."""
        self.get(source, now)
        self._held[source] -= 1
        if not self._held[source]:
            del self._held[source]

    def get(self, source: str, now: float) -> str | None:
        """Find the backend of a source; a hit lives on from now."""
        entry = self._entries.get(source)
        if entry is None:
            return None
        if entry[1] <= now and source not in self._held:
            del self._entries[source]
            return None
        self._entries[source] = (entry[0], now + self._expire)
        self._entries.move_to_end(source)
        return entry[0]

    def put(self, source: str, backend: str, now: float) -> None:
        """Remember the backend of a source, in place of any other."""
        self._entries.pop(source, None)
        self._sweep(now, _SWEEP)
        if len(self._entries) >= self.size:
            self._entries.popitem(last=False)
            self.evictions += 1
        self._entries[source] = (backend, now + self._expire)

    def _sweep(self, now: float, most: int) -> None:
        for source in itertools.islice(iter(self._oldest, None), most):
            if self._entries[source][1] > now:
                return
            self.get(source, now)

    def _oldest(self) -> str | None:
        return next(iter(self._entries), None)
