"""A pool: backends that can stand in for each other, and the choice of one for a session.

Other pools may stand in for a pool as a whole: its chain. They are asked in order when no backend of its own is eligible,
or as many as `retries` allows were tried in vain; each pool of the chain has its own tries.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

import attrs

from mrcpbalance.config import PoolConfig, fallback_chain

from ._backend import Backend, OnChange
from ._capacity import Capacity
from ._policies import POLICIES
from ._queue import MakeBell, Queue, Waiter
from ._resources import ResourceNames
from ._seat import Seat
from ._want import Obstacle, Protocol, State, Verdict, Want

_NOTHING: Final[frozenset[Obstacle]] = frozenset()
_FULL: Final = frozenset({Obstacle.FULL, Obstacle.FULL_FOR_RESOURCE})
_DOWN: Final = frozenset({Obstacle.DOWN, Obstacle.PROBATION})
_UNWILLING: Final = _DOWN | {Obstacle.RESTING, Obstacle.REFUSED}
_FOR_GOOD: Final = frozenset({Obstacle.PROTOCOL, Obstacle.RESOURCE})  # no waiting helps
_PERCENT: Final = 100


def _unheard(backend: Backend, protocol: Protocol, state: State) -> None:
    """Tell nobody."""


class Pool:
    """The backends of one pool. `random` gives 0 <= x < 1; `on_change` hears when traffic shows one down or up."""

    __slots__ = (
        "_leaving",
        "_names",
        "_on_change",
        "_policy",
        "_random",
        "_tiers",
        "backed",
        "backends",
        "capacity",
        "chain",
        "config",
        "name",
        "queue",
    )

    def __init__(
        self, config: PoolConfig, random: Callable[[], float], on_change: OnChange = _unheard
    ) -> None:
        self.name: Final = config.name
        self._on_change: Final = on_change
        self._random: Final = random
        self.queue: Final = Queue(
            config.queue_size, config.queue_timeout, self._take, self._resort, self._changes_at
        )
        self.backends: Final[dict[str, Backend]] = {}
        self.capacity: Final = Capacity(None)  # what all backends hold, those that left included
        self._leaving: list[Backend] = []
        self.chain: tuple[Pool, ...] = (self,)  # those asked for its sessions, in order; see `link`
        self.backed: tuple[Pool, ...] = (self,)  # those whose chain it is in, itself first
        self.become(config)

    def become(self, config: PoolConfig) -> tuple[Backend, ...]:
        """Go by another configuration; gives the backends that left, which take no new sessions.

        A backend of the same name and addresses is the same, with its sessions, its health and the operator's word; one
        that left and comes back while it still has sessions is, too.
        """
        self.config = config
        self.queue.size, self.queue.timeout = config.queue_size, config.queue_timeout
        before = dict(self.backends)
        self.backends.clear()
        for name, its in config.backends.items():
            known = (before.get(name), *self.leaving)
            backend = next(
                (one for one in known if one is not None and one.name == name and one.is_at(its)), None
            )
            if backend is None:
                backend = Backend(
                    self.name, its, config.health, self._changed, self._room_made, self.capacity
                )
            else:
                backend.become(its, config.health)
                backend.restore()
            self.backends[name] = backend
        everyone = tuple(self.backends.values())
        self._policy = POLICIES[config.policy](everyone, self._random)
        self._tiers = (
            [backend for backend in everyone if not backend.config.standby],
            [backend for backend in everyone if backend.config.standby],
        )
        self._names = ResourceNames(config.resource_names)
        left = tuple(backend for backend in before.values() if backend not in everyone)
        for backend in left:
            backend.remove()
        self._leaving = [backend for backend in (*self.leaving, *left) if backend not in everyone]
        self._room_made()
        return left

    def retire(self) -> None:
        """Have every backend leave: no configuration names the pool any more."""
        self.become(attrs.evolve(self.config, backends={}))

    @property
    def leaving(self) -> tuple[Backend, ...]:
        """The backends that left and still have sessions."""
        self._leaving = [backend for backend in self._leaving if backend.sessions]
        return tuple(self._leaving)

    def take(self, want: Want, *, now: float, tried: Collection[Backend] = ()) -> Seat | None:
        """Choose a backend and take a seat on it, in one step; None when none is eligible, or enough were tried.

        When all that could serve are down, the one whose last failure is longest ago is better than nothing; but where
        sessions may wait, that is only tried when they have.
        """
        self._serve(now)
        return self._take(want, now, tried) or (None if self.queue.size else self._resort(want, now, tried))

    def wait(
        self,
        want: Want,
        *,
        now: float,
        bell: MakeBell,
        placed: Callable[[Seat, float], None],
        refused: Callable[[float], None],
        tried: Collection[Backend] = (),
    ) -> Waiter | None:
        """Wait for a seat in the queue, for `queue_timeout` at most; None when it is full, or there is no hope.

        `bell` makes an alarm, in whose calls `placed` or `refused` is called.
        """
        hope = any(
            backend not in tried and backend.obstacle(want, now) not in _FOR_GOOD
            for pool in self._asked(tried)
            for backend in pool.backends.values()
        )
        return self.queue.join(want, tried, now, bell, placed, refused) if hope else None

    def take_from(self, backend: Backend, want: Want, *, now: float) -> Seat | None:
        """Take a seat on this backend, if it is eligible."""
        self._serve(now)
        return backend.seat(want, now) if backend.obstacle(want, now) is None else None

    def peek(self, want: Want, now: float, tried: Collection[Backend] = ()) -> Backend | None:
        """Choose a backend for a request without a session, which a full one can answer too. No turn is used up."""
        pools = self._asked(tried)
        for despite in (_NOTHING, _FULL):
            for pool in pools:
                chosen = pool.choose(want, now, tried, taking=False, despite=despite)
                if chosen is not None:
                    return chosen
        return self._last_resort(want, now, tried)

    def foresee(self, want: Want, now: float) -> Backend | None:
        """Tell which backend the next such session would get at once; None when it would wait, or be refused."""
        for pool in self.chain:
            despite = _DOWN if pool.panics(want, now) else _NOTHING
            chosen = pool.choose(want, now, (), taking=False, despite=despite)
            if chosen is not None:
                return chosen
        return None if self.queue.size else self._last_resort(want, now, ())

    def is_retried(self, backend: Backend, status: int) -> bool:
        """Tell whether another backend is tried after this answer to a set-up: as the pool of who gave it says."""
        home = next((pool for pool in self.chain if pool.name == backend.pool), self)
        return status in home.config.retry_statuses

    def serves(self, resource: str | None) -> bool:
        """Tell whether some backend serves a resource, here or in a pool that stands in."""
        return any(backend.serves(resource) for pool in self.chain for backend in pool.backends.values())

    def label(self, backend: Backend) -> str:
        """Name a backend of the chain: POOL/BACKEND where it is another pool's."""
        return backend.name if backend.pool == self.name else f"{backend.pool}/{backend.name}"

    def find(self, label: str) -> Backend | None:
        """Find a backend of the chain by its label."""
        pool, _, name = label.rpartition("/")
        home = next((its for its in self.chain if its.name == (pool or self.name)), None)
        return None if home is None else home.backends.get(name)

    def resource_name(self, segment: str) -> str:
        """Name the resource behind the last path segment of an RTSP URI, as MRCPv2 does."""
        return self._names.of(segment)

    def explain(self, want: Want, now: float, tried: Collection[Backend] = ()) -> tuple[Verdict, ...]:
        """Tell of each backend of its own, in file order, whether it is eligible or why not.

        When none is eligible, one that is down may still be taken as the last resort.
        """
        found = {
            backend: Obstacle.TRIED if backend in tried else backend.obstacle(want, now)
            for backend in self.backends.values()
        }
        if any(found[backend] is None for backend in self._tiers[0]):
            found |= {backend: Obstacle.STANDBY for backend in self._tiers[1] if found[backend] is None}
        return tuple(
            Verdict(
                backend=backend.name,
                state=backend.state(now, want.protocol if backend.address(want.protocol) else None),
                excluded=excluded,
                score=self._policy.score(backend, want),
            )
            for backend, excluded in found.items()
        )

    def _serve(self, now: float) -> None:
        """Let those who wait for a pool of the chain go first: they came first."""
        for pool in self.chain:
            if pool.queue.waiting:
                pool.queue.serve(now)

    def _asked(self, tried: Collection[Backend]) -> "Collection[Pool]":
        """Give the pools of the chain that may be asked for one more try."""
        if not tried:
            return self.chain
        tries = Counter(backend.pool for backend in tried)
        return [pool for pool in self.chain if tries[pool.name] <= pool.config.retries]

    def _take(self, want: Want, now: float, tried: Collection[Backend]) -> Seat | None:
        for pool in self._asked(tried):
            despite = _DOWN if pool.panics(want, now) else _NOTHING
            chosen = pool.choose(want, now, tried, taking=True, despite=despite)
            if chosen is not None:
                return chosen.seat(want, now)
        return None

    def _resort(self, want: Want, now: float, tried: Collection[Backend]) -> Seat | None:
        chosen = self._last_resort(want, now, tried)
        return None if chosen is None else chosen.seat(want, now)

    def panics(self, want: Want, now: float) -> bool:
        """Tell whether so few are up that those that seem down are used like the others."""
        threshold = self.config.health.panic_threshold
        if not threshold:
            return False
        found = [
            backend.health(want.protocol, now)
            for backend in self.backends.values()
            if backend.address(want.protocol)
        ]
        return found.count(State.UP) * _PERCENT < threshold * len(found)

    def _changes_at(self, now: float) -> float:
        times = (backend.changes_at(now) for pool in self.chain for backend in pool.backends.values())
        return min(times, default=math.inf)

    def _changed(self, backend: Backend, protocol: Protocol, state: State) -> None:
        self._on_change(backend, protocol, state)
        if state is not State.DOWN:
            self._room_made()

    def _room_made(self) -> None:
        for pool in self.backed:
            pool.queue.room_made()

    def choose(
        self,
        want: Want,
        now: float,
        tried: Collection[Backend],
        *,
        taking: bool,
        despite: frozenset[Obstacle],
    ) -> Backend | None:
        """Choose one of its own backends, those with such an obstacle included; only for `taking` a turn is used up."""
        for tier in self._tiers:
            eligible = [
                backend
                for backend in tier
                if backend not in tried
                and ((found := backend.obstacle(want, now)) is None or found in despite)
                and (found not in _DOWN or backend.capacity.obstacle(want.resource, want.also) is None)
            ]
            if eligible:
                if taking and self.config.health.slow_start and len(eligible) > 1:
                    eligible = self._ready(eligible, want, now)
                return self._policy.choose(eligible, want, taking=taking)
        return None

    def _ready(self, eligible: list[Backend], want: Want, now: float) -> list[Backend]:
        """Leave out those that start slowly, but for a growing part of their share."""
        whole = sum(backend.weight for backend in eligible)
        ready = [
            backend
            for backend in eligible
            if (share := backend.share(want.protocol, now)) >= 1
            or self._random() * whole < share * backend.weight
        ]
        return ready or eligible

    def _last_resort(self, want: Want, now: float, tried: Collection[Backend]) -> Backend | None:
        for pool in self._asked(tried):
            down = [
                backend
                for backend in pool.backends.values()
                if backend not in tried
                and backend.obstacle(want, now) in _UNWILLING
                and backend.capacity.obstacle(want.resource, want.also) is None
            ]
            if down:
                return min(down, key=lambda backend: backend.failed_at(want.protocol))
        return None


def link(pools: Mapping[str, Pool]) -> None:
    """Let pools stand in for each other as their configurations say; to be done again whenever these change."""
    configs = {name: pool.config for name, pool in pools.items()}
    for name, pool in pools.items():
        pool.chain = tuple(pools[other] for other in fallback_chain(configs, name))
    for pool in pools.values():
        others = (other for other in pools.values() if other is not pool and pool in other.chain)
        pool.backed = (pool, *others)
