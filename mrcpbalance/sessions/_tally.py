"""Plain counters for the hot path."""

from collections import Counter

import attrs

_OTHER = "other"


@attrs.define(eq=False)
class Tally:
    """What a core counts as it goes; read by the statistics. Codes beyond `codes` different ones count as `other`."""

    codes: int = 256
    anomalies: dict[str, int] = attrs.field(factory=dict)
    rules: dict[str, str] = attrs.field(factory=dict)  # which rule a code says was broken, where one is named
    dropped: int = 0  # messages nobody waits for
    refused: Counter[str] = attrs.field(factory=Counter)  # sessions that found no backend, by pool
    # Tries of a set-up that failed, by pool and backend.
    retried: Counter[tuple[str, str]] = attrs.field(factory=Counter)

    def count(self, code: str, rule: str = "") -> None:
        """Count an anomaly by its stable code; `rule` is the rule that was broken."""
        if code not in self.anomalies:
            if len(self.anomalies) >= self.codes:
                code, rule = _OTHER, ""
            if rule:
                self.rules[code] = rule
        self.anomalies[code] = self.anomalies.get(code, 0) + 1
