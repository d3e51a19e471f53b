"""What sessions add up to: by end cause, and how long set-up and life took."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import attrs

from mrcpbalance.sessions import Histogram, Session

SETUP_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SESSION_BOUNDS: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)

Labels = tuple[str, str, str]  # pool, backend, protocol


def _unheard(session: Session, now: float) -> None:
    """Tell nobody."""


@attrs.define(eq=False)
class Statistics:
    """The sums of all sessions since the start. `on_answer` and `on_end` hear of each that starts and ends."""

    ends: dict[tuple[str, str, str, str], int] = attrs.field(factory=dict)  # labels and `who/phase`
    fallbacks: Counter[tuple[str, str]] = attrs.field(factory=Counter)  # meant for, taken by
    lives: dict[Labels, Histogram] = attrs.field(factory=dict)
    setups: dict[Labels, Histogram] = attrs.field(factory=dict)
    failovers: Counter[Labels] = attrs.field(factory=Counter)  # that started, but on no backend asked before
    on_answer: Callable[[Session, float], None] = _unheard
    on_end: Callable[[Session, float], None] = _unheard

    def answered(self, session: Session, now: float) -> None:
        """Count a session whose set-up has succeeded: now, as sessions may live for hours."""
        labels = (session.pool, session.backend, session.protocol)
        if session.attempts > 1:
            self.failovers[labels] += 1
        _of(self.setups, labels, SETUP_BOUNDS).observe(now - session.opened_at)
        self.on_answer(session, now)

    def ended(self, session: Session, now: float) -> None:
        """Count a session that has ended."""
        labels = (session.pool, session.backend, session.protocol)
        key = (*labels, str(session.end))
        self.ends[key] = self.ends.get(key, 0) + 1
        if session.answered_at is not None:
            if session.pool != session.first_pool:
                self.fallbacks[session.first_pool, session.pool] += 1
            _of(self.lives, labels, SESSION_BOUNDS).observe(now - session.opened_at)
        self.on_end(session, now)


def _of(histograms: dict[Labels, Histogram], labels: Labels, bounds: tuple[float, ...]) -> Histogram:
    histogram = histograms.get(labels)
    if histogram is None:
        histogram = histograms[labels] = Histogram(bounds)
    return histogram
