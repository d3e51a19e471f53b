"""How many calls one address may begin in a second (G-6)."""

from typing import Final

import attrs

SOURCES: Final = 10_000  # addresses counted at most; beyond that counting begins anew


@attrs.define(eq=False)
class Pace:
    """Counts new calls by address, second by second."""

    most: int
    _second: float = 0.0
    _counts: dict[str, int] = attrs.field(factory=dict)

    def allows(self, source: str, now: float) -> bool:
        """Count a call; tell whether it may begin."""
        if now - self._second >= 1.0 or len(self._counts) >= SOURCES:
            self._second = now
            self._counts.clear()
        count = self._counts.get(source, 0) + 1
        self._counts[source] = count
        return count <= self.most
