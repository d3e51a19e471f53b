"""One backend as the pool sees it: its addresses, its capacity, its health, the operator's word."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Final, get_args

from mrcpbalance.config import Address, BackendConfig, HealthConfig, Standing

from ._capacity import Capacity
from ._health import SEEN, Health
from ._seat import Seat
from ._want import Obstacle, Protocol, State, Want

# Told when a backend's health changed in a protocol: up, down or on probation.
OnChange = Callable[["Backend", Protocol, State], None]

_BARRED: Final = {State.DRAINING: Obstacle.DRAINING, State.DISABLED: Obstacle.DISABLED}
_BEGUN: Final[Mapping[Standing, State | None]] = {
    "enabled": None,
    "draining": State.DRAINING,
    "disabled": State.DISABLED,
}
_WORST_FIRST: Final = (State.DOWN, State.PROBATION, State.UP)


class Backend:
    """One speech server of a pool. The operator's three orders may follow each other in any way."""

    __slots__ = (
        "_addresses",
        "_bar",
        "_health_config",
        "_healths",
        "_ordered",
        "_rests_until",
        "capacity",
        "config",
        "name",
        "pool",
        "removed",
        "room_made",
        "weight",
    )

    def __init__(
        self,
        pool: str,
        config: BackendConfig,
        health: HealthConfig,
        on_change: OnChange,
        room_made: Callable[[], None] = lambda: None,
        whole: Capacity | None = None,  # what the pool holds
    ) -> None:
        self.name: Final = config.name
        self.pool: Final = pool
        self.config = config
        self.weight = config.weight  # 1 or more
        self.capacity: Final = Capacity(config.max_sessions, whole)
        self.room_made: Final = room_made  # to be called when a session more may come than before
        self._health_config = health
        self._rests_until = -math.inf
        self._addresses: Final[dict[Protocol, Address | None]] = {
            "rtsp": config.rtsp,
            "sip": config.sip,
            "mrcp": config.mrcp,
            "tcp": config.tcp or config.rtsp,
        }
        self._healths: Final[dict[Protocol, Health]] = {
            protocol: Health(health, functools.partial(on_change, self, protocol))
            for protocol in get_args(Protocol)
            if self.address(protocol) is not None
        }
        self.removed = False  # no configuration names it any more; it stays until its last session ends
        self._ordered: State | None = None  # by the operator
        self._bar: Obstacle | None = None  # the same, as seen by a session
        self._order(_BEGUN[config.state])

    def __repr__(self) -> str:
        return f"<Backend {self.pool}/{self.name}>"

    @property
    def sessions(self) -> int:
        """How many seats are taken now."""
        return self.capacity.sessions

    @property
    def failures(self) -> int:
        """How many failures traffic and probes have shown, in all protocols."""
        return sum(health.failures for health in self._healths.values())

    def failures_in(self, protocol: Protocol) -> int:
        """Tell how many failures were seen in one protocol, ever."""
        return self._healths[protocol].failures

    def address(self, protocol: Protocol) -> Address | None:
        """Tell where it serves a protocol; what isn't recognised goes to its `tcp` address, else to `rtsp`."""
        return self._addresses[protocol]

    def has_address_for(self, protocol: Protocol) -> bool:
        """Tell whether its configuration names an address for this protocol, rather than one that stands in (tcp)."""
        return self.address(protocol) is not None and (protocol != "tcp" or self.config.tcp is not None)

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocols it takes part in."""
        return tuple(self._healths)

    def failed(self, protocol: Protocol, now: float) -> None:
        """Count a failed attempt: refused, lost, silent, or answered with a status that says try another."""
        self._healths[protocol].failed(now)

    def answered(self, protocol: Protocol, now: float) -> None:
        """Take note of an answer that shows it is well."""
        self._healths[protocol].answered(now)

    def probed(self, protocol: Protocol, reason: str | None, now: float) -> None:
        """Take note of what a probe found: nothing wrong, or why it failed."""
        self._healths[protocol].probed(reason, now)

    def reason(self, protocol: Protocol) -> str:
        """Tell why it failed the last time; nothing when it never did."""
        return self._healths[protocol].reason

    def refused(self, now: float, retry_after: float | None = None) -> None:
        """Take note that it has no room for as many sessions as it has, this one included, by its own word."""
        self.capacity.refused(now + self._health_config.refused_for)
        if retry_after is not None:
            self._rests_until = now + min(retry_after, self._health_config.longest_rest)

    def share(self, protocol: Protocol, now: float) -> float:
        """Tell which part of its share of new sessions it should get, 0 to 1, as it starts slowly after a recovery."""
        slow = self._health_config.slow_start
        return min((now - self._healths[protocol].up_since) / slow, 1.0) if slow else 1.0

    def changes_at(self, now: float) -> float:
        """Tell when it may become eligible by time alone; infinity when that isn't known."""
        times = [health.until for health in self._healths.values()]
        times += [self._rests_until, self.capacity.room_until]
        return min((time for time in times if time > now), default=math.inf)

    def failed_at(self, protocol: Protocol) -> float:
        """Tell when it failed last in a protocol; minus infinity if never."""
        return self._healths[protocol].failed_at

    def state(self, now: float, protocol: Protocol | None = None) -> State:
        """Tell how it stands in a protocol it takes part in; without one, how it stands in the worst of them."""
        if self._ordered is not None or self.removed:
            return self._ordered or State.DRAINING
        healths = self._healths.values() if protocol is None else (self._healths[protocol],)
        seen = {SEEN[health.at(now)] for health in healths}
        return min(seen, key=_WORST_FIRST.index)

    def health(self, protocol: Protocol, now: float) -> State:
        """Tell how it stands in a protocol, whatever the operator ordered."""
        return SEEN[self._healths[protocol].at(now)]

    def is_at(self, config: BackendConfig) -> bool:
        """Tell whether a configuration means the same server: all its addresses are the same."""
        return _addresses(self.config) == _addresses(config)

    def become(self, config: BackendConfig, health: HealthConfig) -> None:
        """Go by another configuration of the same server; its sessions and its health stay.

        So does the operator's word, unless the configuration has another than before.
        """
        before, self.config, self._health_config = self.config.state, config, health
        self.weight = config.weight
        self.capacity.become(config.max_sessions)
        for its in self._healths.values():
            its.become(health)
        if config.state != before:
            self.enable() if config.state == "enabled" else self._order(_BEGUN[config.state])

    def remove(self) -> None:
        """Take no new sessions, whatever the operator says: a reload took it out."""
        self.removed = True
        self._order(self._ordered)

    def restore(self) -> None:
        """Be back: a reload named it again before its last session ended."""
        self.removed = False
        self._order(self._ordered)

    def drain(self) -> None:
        """Take no new sessions; live ones finish."""
        self._order(State.DRAINING)

    def disable(self) -> None:
        """Take no new sessions; whoever calls this ends the live ones."""
        self._order(State.DISABLED)

    def enable(self) -> None:
        """Take sessions again; where it is down it goes on probation at once."""
        self._order(None)
        for health in self._healths.values():
            health.recall()
        self.room_made()

    def serves(self, resource: str | None) -> bool:
        """Tell whether it serves a resource (None: not known, so it may)."""
        return resource is None or self.config.resources is None or resource in self.config.resources

    def obstacle(self, want: Want, now: float) -> Obstacle | None:
        """Tell why it can't have this session now, if so."""
        health = self._healths.get(want.protocol)
        if health is None or (want.only_tcp and self.config.tcp is None):
            return Obstacle.PROTOCOL
        if not self.serves(want.resource):
            return Obstacle.RESOURCE
        if want.also and not all(map(self.serves, want.also)):
            return Obstacle.RESOURCE
        capacity = self.capacity
        found = self._bar or health.obstacle(now) or capacity.obstacle(want.resource, want.also)
        if found is None and now < self._rests_until:
            return Obstacle.RESTING
        if found is None and capacity.has_refused(now):
            return Obstacle.REFUSED
        return found

    def seat(self, want: Want, now: float) -> Seat:
        """Give a session a seat with the resource it wants. The caller has seen that it has room."""
        health = self._healths[want.protocol]
        seat = Seat(self, health, now)
        self.capacity.enter(now)
        health.tried(seat, now)
        if want.resource is not None:
            seat.add(want.resource, now)
        for resource in want.also:
            seat.add(resource, now)
        return seat

    def _order(self, state: State | None) -> None:
        self._ordered = state
        word = State.DRAINING if state is None and self.removed else state
        self._bar = None if word is None else _BARRED[word]


def _addresses(config: BackendConfig) -> tuple[object, ...]:
    return config.rtsp, config.sip, config.sip_transport, config.mrcp, config.tcp
