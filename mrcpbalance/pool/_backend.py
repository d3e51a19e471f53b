"""One backend as the pool sees it, and the seat a session has on it."""

import enum
from typing import Final, get_args

import attrs

from mrcpbalance.config import Address, BackendConfig, HealthConfig

from ._capacity import Capacity
from ._health import Condition, Health
from ._want import Obstacle, Protocol, State, Want


class Admin(enum.Enum):
    """What the operator wants of a backend; any may follow any."""

    ENABLED = enum.auto()
    DRAINING = enum.auto()
    DISABLED = enum.auto()


_FORBIDDEN: Final = {Admin.DRAINING: Obstacle.DRAINING, Admin.DISABLED: Obstacle.DISABLED}
_UNFIT: Final = {Condition.DOWN: Obstacle.DOWN, Condition.TRIAL: Obstacle.PROBATION}
_ORDERED: Final = {Admin.DRAINING: State.DRAINING, Admin.DISABLED: State.DISABLED}
_SEEN: Final = {
    Condition.UP: State.UP,
    Condition.DOWN: State.DOWN,
    Condition.PROBATION: State.PROBATION,
    Condition.TRIAL: State.PROBATION,
}
_WORST_FIRST: Final = (State.DOWN, State.PROBATION, State.UP)


class Backend:
    """One speech server of a pool: its addresses, its capacity, its health, the operator's word."""

    __slots__ = ("_healths", "admin", "capacity", "config", "name", "pool", "weight")

    def __init__(self, pool: str, config: BackendConfig, health: HealthConfig) -> None:
        self.name: Final = config.name
        self.pool: Final = pool
        self.config: Final = config
        self.weight: Final = config.weight
        self.admin = Admin.ENABLED
        self.capacity: Final = Capacity(config.max_sessions)
        self._healths: Final[dict[Protocol, Health]] = {
            protocol: Health(health) for protocol in get_args(Protocol) if self.address(protocol) is not None
        }

    def __repr__(self) -> str:
        return f"<Backend {self.pool}/{self.name}>"

    @property
    def sessions(self) -> int:
        """How many seats are taken now."""
        return self.capacity.sessions

    @property
    def failures(self) -> int:
        """How many failures were seen in traffic, in all protocols, ever."""
        return sum(health.failures for health in self._healths.values())

    def address(self, protocol: Protocol) -> Address | None:
        """Tell where it serves a protocol; what isn't recognised goes to its `tcp` address, else to `rtsp`."""
        config = self.config
        match protocol:
            case "rtsp":
                return config.rtsp
            case "sip":
                return config.sip
            case "mrcp":
                return config.mrcp
            case "tcp":
                return config.tcp or config.rtsp

    def failed(self, protocol: Protocol, now: float) -> None:
        """Count a failed attempt: refused, lost, silent, or answered with a status that says try another."""
        self._healths[protocol].failed(now)

    def answered(self, protocol: Protocol, now: float) -> None:
        """Take note of an answer that shows it is well."""
        self._healths[protocol].answered(now)

    def state(self, now: float, protocol: Protocol | None = None) -> State:
        """Tell how it stands, in one protocol or, without one, in the worst of those it takes part in."""
        if self.admin in _ORDERED:
            return _ORDERED[self.admin]
        states = {_SEEN[health.at(now)] for its, health in self._healths.items() if protocol in (None, its)}
        return next((state for state in _WORST_FIRST if state in states), State.DOWN)

    def drain(self) -> None:
        """Take no new sessions; live ones finish."""
        self.admin = Admin.DRAINING

    def disable(self) -> None:
        """Take no new sessions; whoever calls this ends the live ones."""
        self.admin = Admin.DISABLED

    def enable(self) -> None:
        """Take sessions again; a backend that is down goes on probation at once."""
        self.admin = Admin.ENABLED
        for health in self._healths.values():
            health.recall()

    def health(self, protocol: Protocol) -> Health:
        """Its health in a protocol it takes part in."""
        return self._healths[protocol]

    def serves(self, resource: str | None) -> bool:
        """Tell whether it serves a resource (None: not known, so it may)."""
        return resource is None or self.config.resources is None or resource in self.config.resources

    def obstacle(self, want: Want, now: float) -> Obstacle | None:
        """Tell why it can't have this session now, if so."""
        health = self._healths.get(want.protocol)
        if health is None:
            return Obstacle.PROTOCOL
        if not self.serves(want.resource):
            return Obstacle.RESOURCE
        if self.admin in _FORBIDDEN:
            return _FORBIDDEN[self.admin]
        return _UNFIT.get(health.at(now)) or self.capacity.obstacle(want.resource)

    def seat(self, want: Want, now: float) -> "Seat":
        """Give a session a seat, with the resource it wants; the caller has seen that there is no obstacle."""
        seat = Seat(self, self._healths[want.protocol])
        self.capacity.enter()
        self._healths[want.protocol].tried(seat, now)
        if want.resource is not None:
            seat.add(want.resource)
        return seat


@attrs.define(eq=False, weakref_slot=False)
class Seat:
    """One session's place on one backend; its resources count against their own limits."""

    backend: Backend
    _health: Health
    resources: tuple[str, ...] = ()
    _released: bool = False

    def add(self, resource: str) -> bool:
        """Take one more resource; False when the backend has no room for it, or doesn't serve it."""
        if self._released or not (self.backend.serves(resource) and self.backend.capacity.add(resource)):
            return False
        self.resources += (resource,)
        return True

    def drop(self, resource: str) -> None:
        """Give one resource back; nothing happens when the seat doesn't hold it."""
        if resource in self.resources:
            at = self.resources.index(resource)
            self.resources = self.resources[:at] + self.resources[at + 1 :]
            self.backend.capacity.drop(resource)

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
