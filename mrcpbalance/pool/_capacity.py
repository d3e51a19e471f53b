"""How many sessions a backend holds, in all and of each resource, and how many it may."""

import math
from collections.abc import Mapping
from typing import Final

from ._want import Obstacle


class Capacity:
    """The counts of one backend."""

    __slots__ = ("_caps", "_limit", "_room", "_room_until", "sessions", "taken")

    def __init__(self, limits: int | Mapping[str, int] | None) -> None:
        self.become(limits)
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

    def enter(self) -> None:
        """Count one more session."""
        self.sessions += 1

    def leave(self) -> None:
        """Count one session less."""
        self.sessions -= 1

    def add(self, resource: str) -> bool:
        """Count one more of a resource, unless there is no room."""
        if not self._has_room(resource):
            return False
        self.taken[resource] = self.taken.get(resource, 0) + 1
        return True

    def drop(self, resource: str) -> None:
        """Count one less of a resource."""
        left = self.taken.pop(resource, 0) - 1
        if left > 0:  # names that nobody holds are not kept: callers make them up
            self.taken[resource] = left

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
