"""The place a session has on its backend."""

import functools
from typing import TYPE_CHECKING

import attrs

from ._health import Health

if TYPE_CHECKING:
    from ._backend import Backend


@functools.lru_cache(256)
def _alone(resource: str) -> tuple[str, ...]:
    return (resource,)  # one tuple for the thousands of sessions that hold just this resource


@attrs.define(eq=False, weakref_slot=False)
class Seat:
    """One session on one backend: counts against its `max_sessions`, and each resource against its own limit."""

    backend: "Backend"
    _health: Health  # in the session's protocol
    taken_at: float
    resources: tuple[str, ...] = ()  # a resource held twice stands here twice
    _released: bool = False

    def add(self, resource: str, now: float) -> bool:
        """Take one more resource; False when the backend has no room for it, or doesn't serve it."""
        if self._released or not (self.backend.serves(resource) and self.backend.capacity.add(resource, now)):
            return False
        self.resources = (*self.resources, resource) if self.resources else _alone(resource)
        return True

    def drop(self, resource: str) -> None:
        """Give one resource back; nothing happens when the seat doesn't hold it."""
        if resource in self.resources:
            at = self.resources.index(resource)
            self.resources = self.resources[:at] + self.resources[at + 1 :]
            self.backend.capacity.drop(resource)
            self.backend.room_made()

    def release(self) -> None:
        """Give the seat and its resources back; once is enough, more does no harm."""
        if self._released:
            return
        self._released = True
        for resource in self.resources:
            self.backend.capacity.drop(resource)
        self.resources = ()
        self.backend.capacity.leave()
        self._health.left(self)
        self.backend.room_made()
