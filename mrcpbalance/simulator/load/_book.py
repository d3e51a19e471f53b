"""What came of the sessions of a load: how many passed, why others failed, how long things took."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs

GROWTH: Final = 1.02  # from one bucket's upper bound to the next: times are told within 2 %
SMALLEST: Final = 1e-5  # seconds
CAUSES: Final = 200  # different ones that are kept apart
OTHER: Final = "other causes"


@attrs.define
class Times:
    """How long something took, many times, in a bounded space."""

    count: int = 0
    most: float = 0.0
    _buckets: Counter[int] = attrs.field(factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.most = max(self.most, seconds)
        self._buckets[max(0, math.ceil(math.log(max(seconds, SMALLEST) / SMALLEST, GROWTH)))] += 1

    def percentile(self, share: float) -> float:
        """Give the time, in seconds, within which this share (0 to 1) was done; 0 when nothing was."""
        left = math.ceil(share * self.count)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return min(SMALLEST * GROWTH**bucket, self.most)
        return 0.0


@attrs.define
class Book:
    """The account of one load."""

    started: int = 0
    passed: int = 0
    failed: int = 0
    live: int = 0
    most_live: int = 0
    held_back: int = 0  # not begun when they were due, as too many were live
    causes: Counter[str] = attrs.field(factory=Counter)
    times: dict[str, Times] = attrs.field(factory=dict)  # by what was done, in the order it first was

    def began(self) -> None:
        """Count a session in."""
        self.started += 1
        self.live += 1
        self.most_live = max(self.most_live, self.live)

    def ended(self, cause: str | None) -> None:
        """Count it out: it passed, or failed because of this."""
        self.live -= 1
        if cause is None:
            self.passed += 1
            return
        self.failed += 1
        self.causes[cause if cause in self.causes or len(self.causes) < CAUSES else OTHER] += 1

    def took(self, what: str, seconds: float) -> None:
        """Note how long something took."""
        if what not in self.times:
            self.times[what] = Times()
        self.times[what].add(seconds)

    @property
    def pass_rate(self) -> float:
        """The share of sessions that passed, of those that ended; 0 when none did."""
        ended = self.passed + self.failed
        return self.passed / ended if ended else 0.0

    def as_json(self, seconds: float) -> dict[str, object]:
        """Give it all, times in milliseconds; `seconds` is how long the load took."""
        return {
            "seconds": round(seconds, 3),
            "started": self.started,
            "passed": self.passed,
            "failed": self.failed,
            "held_back": self.held_back,
            "most_at_a_time": self.most_live,
            "pass_rate": round(self.pass_rate, 6),
            "causes": dict(self.causes.most_common()),
            "times_ms": {
                what: {
                    "count": times.count,
                    **{name: _ms(times.percentile(share)) for name, share in PERCENTILES},
                    "most": _ms(times.most),
                }
                for what, times in self.times.items()
            },
        }

    def lines(self, seconds: float) -> Iterator[str]:
        """Tell it all to people."""
        rate = self.started / seconds if seconds else 0.0
        yield f"Sessions  {self.started:,} in {seconds:.1f} s ({rate:.1f}/s), at most {self.most_live:,} at a time"
        yield f"Passed    {self.passed:,} ({100 * self.pass_rate:.2f} %)"
        yield f"Failed    {self.failed:,}"
        for cause, count in self.causes.most_common():
            yield f"  {count:>7,}  {cause}"
        if self.held_back:
            yield f"Held back {self.held_back:,}: too many were live when they were due (--most)"
        yield ""
        yield f"{'':<32}{'count':>10}" + "".join(
            f"{name:>11}" for name in (*(name for name, _ in PERCENTILES), "most")
        )
        for what, times in self.times.items():
            figures = (*(times.percentile(share) for _, share in PERCENTILES), times.most)
            yield f"{what:<32}{times.count:>10,}" + "".join(f"{_ms(figure):>8,.1f} ms" for figure in figures)


PERCENTILES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
