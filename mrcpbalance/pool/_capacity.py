"""How many sessions a backend holds, in all and of each resource, the most it ever held, and how many it may."""

import math
from collections.abc import Mapping
from typing import Final

import attrs

from ._want import Obstacle

MOST_PEAKS: Final = 64  # resources whose peaks are kept: callers make names up


@attrs.frozen
class Peak:
    """The most there were at a time, and when that was first so."""

    count: int = 0
    at: float = -math.inf


class Capacity:
    """The counts of one backend; also counted in `whole`, those of its pool."""

    __slots__ = ("_caps", "_limit", "_room", "_room_until", "_whole", "peak", "peaks", "sessions", "taken")

    def __init__(self, limits: int | Mapping[str, int] | None, whole: "Capacity | None" = None) -> None:
        self.become(limits)
        self._whole: Final = whole
        self.peak = Peak()
        self.peaks: Final[dict[str, Peak]] = {}  # by resource
        self._room: float = math.inf  # learnt from a refusal, for a while
        self._room_until = -math.inf
        self.sessions = 0
        self.taken: Final[dict[str, int]] = {}

    def become(self, limits: int | Mapping[str, int] | None) -> None:
        """Take other limits; what is over them stays until it goes."""
        self._limit: float = limits if isinstance(limits, int) else math.inf
        self._caps = dict(limits) if isinstance(limits, Mapping) else {}

    def obstacle(self, resource: str | None, also: tuple[str, ...] = ()) -> Obstacle | None:
        """Tell what is full for one more session with these resources, if anything."""
        if self.sessions >= self._limit:
            return Obstacle.FULL
        if not self._has_room(resource) or (also and not self._has_room_for_all((resource, *also))):
            return Obstacle.FULL_FOR_RESOURCE
        return None

    def refused(self, until: float) -> None:
        """Take it that there is no room for as many sessions as there are now, until then."""
        self._room, self._room_until = max(self.sessions - 1, 0), until

    def has_refused(self, now: float) -> bool:
        """Tell whether one more session would be refused again."""
        return self.sessions >= self._room and now < self._room_until

    @property
    def room_until(self) -> float:
        """When what was learnt from a refusal is forgotten."""
        return self._room_until

    def enter(self, now: float) -> None:
        """Count one more session."""
        self.sessions += 1
        if self.sessions > self.peak.count:
            self.peak = Peak(self.sessions, now)
        if self._whole is not None:
            self._whole.enter(now)

    def leave(self) -> None:
        """Count one session less."""
        self.sessions -= 1
        if self._whole is not None:
            self._whole.leave()

    def add(self, resource: str, now: float) -> bool:
        """Count one more of a resource, unless there is no room."""
        if not self._has_room(resource):
            return False
        count = self.taken[resource] = self.taken.get(resource, 0) + 1
        if (peak := self.peaks.get(resource)) is None or count > peak.count:
            self._note_peak(resource, Peak(count, now))
        if self._whole is not None:
            self._whole.add(resource, now)
        return True

    def _note_peak(self, resource: str, peak: Peak) -> None:
        if resource in self.peaks or len(self.peaks) < MOST_PEAKS:
            self.peaks[resource] = peak

    def drop(self, resource: str) -> None:
        """Count one less of a resource."""
        left = self.taken.pop(resource, 0) - 1
        if left > 0:  # names that nobody holds are not kept: callers make them up
            self.taken[resource] = left
        if self._whole is not None:
            self._whole.drop(resource)

    def _has_room_for_all(self, resources: tuple[str | None, ...]) -> bool:
        return all(
            self.taken.get(resource, 0) + resources.count(resource) <= cap
            for resource, cap in self._caps.items()
        )

    def _has_room(self, resource: str | None) -> bool:
        return (
            resource is None
            or resource not in self._caps
            or self.taken.get(resource, 0) < self._caps[resource]
        )
