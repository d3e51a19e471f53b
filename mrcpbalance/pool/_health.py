"""What traffic tells of a backend in one protocol: up, down for a while, then on probation.

`fall` failures in a row take it down for `interval` seconds. Then it is on probation: one session at a time may
try it. An answer brings it up, a failure takes it down again for twice as long, up to `LONGEST` intervals.
"""

import enum
import math
from collections.abc import Mapping
from typing import Final

from mrcpbalance.config import HealthConfig

LONGEST: Final = 16  # intervals a backend stays down at most: a repaired one is found within 80 s by default


class Condition(enum.Enum):
    """How a backend stands in one protocol."""

    UP = enum.auto()
    DOWN = enum.auto()
    PROBATION = enum.auto()  # nobody tries it at the moment
    TRIAL = enum.auto()  # on probation, and one session tries it


class Step(enum.Enum):
    """What can happen to it."""

    FAILED = enum.auto()  # fewer than `fall` failures in a row so far
    FELL = enum.auto()  # `fall` failures in a row, or more
    ANSWERED = enum.auto()
    WAITED = enum.auto()  # its time down is over
    TRIED = enum.auto()  # a session took a seat
    LEFT = enum.auto()  # the session that tried it went away before it was answered


TRANSITIONS: Final[Mapping[Condition, Mapping[Step, Condition]]] = {
    Condition.UP: {
        Step.FAILED: Condition.UP,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.UP,
        Step.TRIED: Condition.UP,
    },
    Condition.DOWN: {
        Step.FAILED: Condition.DOWN,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.PROBATION,  # it lives, but it still has to prove itself
        Step.WAITED: Condition.PROBATION,
        Step.TRIED: Condition.DOWN,  # there was nothing better
    },
    Condition.PROBATION: {
        Step.FAILED: Condition.DOWN,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.UP,
        Step.TRIED: Condition.TRIAL,
    },
    Condition.TRIAL: {
        Step.FAILED: Condition.DOWN,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.UP,
        Step.TRIED: Condition.TRIAL,  # there was nothing better
        Step.LEFT: Condition.PROBATION,
    },
}


class Health:
    """Passive health of one backend in one protocol."""

    __slots__ = ("_config", "_in_a_row", "_until", "_wait", "condition", "failed_at", "failures", "trier")

    def __init__(self, config: HealthConfig) -> None:
        self._config: Final = config
        self._in_a_row = 0
        self._until = math.inf  # when its time down is over
        self._wait = config.interval  # how long it is down next time
        self.condition = Condition.UP
        self.failed_at = -math.inf
        self.failures = 0  # all of them, for the statistics
        self.trier: object = None  # who takes the trial

    def at(self, now: float) -> Condition:
        """Tell how it stands at this time."""
        if now >= self._until:
            self._step(Step.WAITED, now)
        return self.condition

    def failed(self, now: float) -> None:
        """Count a failure: refused, lost, silent, or a status that says try another."""
        self.at(now)
        self.failures += 1
        self.failed_at = now
        self._in_a_row += 1
        self._step(Step.FELL if self._in_a_row >= self._config.fall else Step.FAILED, now)

    def answered(self, now: float) -> None:
        """Take note of an answer."""
        self.at(now)
        self._in_a_row = 0
        self._step(Step.ANSWERED, now)

    def tried(self, by: object, now: float) -> None:
        """Take note that a session will try it."""
        before = self.at(now)
        self._step(Step.TRIED, now)
        if self.condition is not before:
            self.trier = by

    def left(self, by: object, now: float = -math.inf) -> None:
        """Take note that a session went away; matters only if the trial was its."""
        if self.trier is by:
            self._step(Step.LEFT, now)

    def recall(self) -> None:
        """Cut the time down short."""
        if self._until < math.inf:
            self._until = -math.inf

    def _step(self, step: Step, now: float) -> None:
        before, self.condition = self.condition, TRANSITIONS[self.condition][step]
        if self.condition is before:
            return
        self.trier = None
        self._until = math.inf
        if self.condition is Condition.DOWN:
            self._until = now + self._wait
            self._wait = min(2 * self._wait, LONGEST * self._config.interval)
        elif self.condition is Condition.UP:
            self._wait = self._config.interval
