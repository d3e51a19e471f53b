"""Plain counters for the hot path."""

import attrs

_OTHER = "other"


@attrs.define(eq=False)
class Tally:
    """What a core counts as it goes; read by the statistics. Codes beyond `codes` different ones count as `other`."""

    codes: int = 256
    anomalies: dict[str, int] = attrs.field(factory=dict)
    dropped: int = 0  # messages nobody waits for
    refused: int = 0  # sessions that found no backend
    retried: int = 0  # set-ups that went on to another backend

    def count(self, code: str) -> None:
        """Count an anomaly by its stable code."""
        if code not in self.anomalies and len(self.anomalies) >= self.codes:
            code = _OTHER
        self.anomalies[code] = self.anomalies.get(code, 0) + 1
