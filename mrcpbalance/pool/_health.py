"""What traffic and probes tell of a backend in one protocol: up, down for a while, then on probation.

`fall` failures in a row in traffic take it down for `interval` seconds. Then it is on probation: one session at a time
may try it. An answer brings it up, a failure takes it down again for twice as long, up to `LONGEST` intervals.

`fall` probes in a row that fail take it down too, until `rise` in a row succeed; these also end a probation. While
probes fail nobody is sent to try it. Only answers in traffic shorten the time it will be down next: what answers probes
and fails sessions is tried more and more seldom.
"""

import enum
import math
from collections.abc import Callable, Mapping
from typing import Final

from mrcpbalance.config import HealthConfig

from ._want import Obstacle, State

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
    ROSE = enum.auto()  # `rise` probes in a row succeeded
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
        Step.ROSE: Condition.UP,
        Step.WAITED: Condition.PROBATION,
        Step.TRIED: Condition.DOWN,  # there was nothing better
    },
    Condition.PROBATION: {
        Step.FAILED: Condition.DOWN,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.UP,
        Step.ROSE: Condition.UP,
        Step.TRIED: Condition.TRIAL,
    },
    Condition.TRIAL: {
        Step.FAILED: Condition.DOWN,
        Step.FELL: Condition.DOWN,
        Step.ANSWERED: Condition.UP,
        Step.ROSE: Condition.UP,
        Step.TRIED: Condition.TRIAL,  # there was nothing better
        Step.LEFT: Condition.PROBATION,
    },
}


SEEN: Final[Mapping[Condition, State]] = {
    Condition.UP: State.UP,
    Condition.DOWN: State.DOWN,
    Condition.PROBATION: State.PROBATION,
    Condition.TRIAL: State.PROBATION,
}

_UNFIT: Final = {Condition.DOWN: Obstacle.DOWN, Condition.TRIAL: Obstacle.PROBATION}


class Health:
    """Health of one backend in one protocol."""

    __slots__ = (
        "_bad_probes",
        "_condition",
        "_config",
        "_good_probes",
        "_in_a_row",
        "_obstacle",
        "_on_change",
        "_trier",
        "_until",
        "_wait",
        "failed_at",
        "failures",
        "reason",
        "up_since",
    )

    def __init__(self, config: HealthConfig, on_change: Callable[[State], None]) -> None:
        self._config = config
        self._on_change: Final = on_change
        self._condition = Condition.UP
        self._obstacle: Obstacle | None = None  # follows from the condition; kept for speed
        self._in_a_row = 0
        self._bad_probes = 0  # in a row
        self._good_probes = 0  # in a row, since it went down
        self._until = math.inf  # when its time down is over; never, where probes took it down
        self._wait = config.interval  # how long it is down next time
        self._trier: object = None  # who takes the trial
        self.failed_at = -math.inf  # the last time
        self.failures = 0  # all of them, for the statistics
        self.up_since = -math.inf  # when it came up again
        self.reason = ""  # why it failed the last time

    def at(self, now: float) -> Condition:
        """Tell how it stands at this time."""
        if now >= self._until and not self._bad_probes:
            self._step(Step.WAITED)
        return self._condition

    def obstacle(self, now: float) -> Obstacle | None:
        """Tell why no session should come, if so."""
        if now >= self._until and not self._bad_probes:
            self._step(Step.WAITED)
        return self._obstacle

    def failed(self, now: float, reason: str = "failures in traffic") -> None:
        """Count a failure in traffic."""
        self.at(now)
        self._count(reason, now)
        self._in_a_row += 1
        fell = self._in_a_row >= self._config.fall
        self._step(Step.FELL if fell else Step.FAILED, until=now + self._wait)

    def probed(self, reason: str | None, now: float) -> None:
        """Take note of what a probe found: nothing wrong, or why it failed."""
        if reason is not None:
            self._count(reason, now)
            self._good_probes = 0
            self._bad_probes += 1
            if self._bad_probes >= self._config.fall:
                self._step(Step.FELL)
            return
        self._bad_probes = 0
        self._good_probes += 1
        sentenced = self.at(now) is Condition.DOWN and self._until < math.inf
        if self._good_probes >= self._config.rise and self._condition is not Condition.UP and not sentenced:
            self._in_a_row = 0
            self._rise(Step.ROSE, now)

    def answered(self, now: float) -> None:
        """Take note of an answer."""
        self.at(now)
        self._in_a_row = 0
        self._rise(Step.ANSWERED, now)
        if self._condition is Condition.UP:
            self._wait = self._config.interval

    def tried(self, by: object, now: float) -> None:
        """Take note that a session will try it."""
        before = self.at(now)
        self._step(Step.TRIED)
        if self._condition is not before:
            self._trier = by

    def left(self, by: object) -> None:
        """Take note that a session went away, which matters if the trial was its."""
        if self._trier is by:
            self._step(Step.LEFT)

    def become(self, config: HealthConfig) -> None:
        """Go by another configuration from now on."""
        self._config = config

    def recall(self) -> None:
        """Cut its time down short, whatever probes say."""
        if self._condition is Condition.DOWN:
            self._bad_probes = 0
            self._until = -math.inf

    @property
    def until(self) -> float:
        """When its time down is over; infinity when that isn't known."""
        return self._until

    def _rise(self, step: Step, now: float) -> None:
        if self._condition is not Condition.UP and TRANSITIONS[self._condition][step] is Condition.UP:
            self.up_since = now
        self._step(step)

    def _count(self, reason: str, now: float) -> None:
        self.failures += 1
        self.failed_at = now
        self.reason = reason

    def _step(self, step: Step, *, until: float = math.inf) -> None:
        before = self._condition
        after = self._condition = TRANSITIONS[before][step]
        if after is not before:
            self._changed(before, after, until)

    def _changed(self, before: Condition, after: Condition, until: float) -> None:
        self._trier = None
        self._obstacle = _UNFIT.get(after)
        self._until = math.inf
        if after is Condition.DOWN:
            self._good_probes = 0
            self._until = until
            if until < math.inf:
                self._wait = min(2 * self._wait, LONGEST * self._config.interval)
        if SEEN[after] is not SEEN[before]:
            self._on_change(SEEN[after])
