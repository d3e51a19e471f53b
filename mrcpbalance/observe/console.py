"""What an operator can see and change: the pools, the live sessions, and the say over backends."""

import difflib
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from mrcpbalance.config import Address, AdminConfig
from mrcpbalance.pool import Backend, Capacity, Pool, State
from mrcpbalance.pool import Protocol as Spoken
from mrcpbalance.sessions import PROTOCOLS, Meters, Register, Routes, Session, StickTable, Tally
from mrcpbalance.sessions.ports import Journal

from . import _explain
from ._explain import SPOKEN, Question, type_json
from .feed import Feed
from .history import History
from .recordings import Recordings
from .totals import Statistics

__all__ = ["SPOKEN", "Console", "UnknownError"]

_READY: Final = (State.UP, State.PROBATION)


class UnknownError(Exception):
    """Something was asked for that isn't there; says what, and the nearest that is."""


@attrs.define(eq=False, kw_only=True)
class Console:
    """One running proxy, as the admin interface knows it. `now` is the cores' clock, `wall` the calendar's."""

    pools: Mapping[str, Pool]
    register: Register
    tables: Mapping[str, StickTable]
    routes: Callable[[], Mapping[str, Routes]]  # by listener
    leaving: Callable[[], Collection[Pool]]  # pools that a reload took out and that still have sessions
    tally: Tally
    statistics: Statistics
    journal: Journal
    meters: Meters | None
    connections: Callable[[], Mapping[str, int]]  # caller connections by protocol
    connections_refused: Callable[[], int]
    starting: Callable[[], bool]
    draining: Callable[[], bool]
    hosts: Callable[[Address], Mapping[str, bool]]  # those of a host name, by number, and which are avoided
    end_sessions: Callable[[Backend], None]  # of one backend, cleanly, now
    reload: Callable[[], Awaitable[type_json]]  # gives what changed; raises `ReloadError`
    now: Callable[[], float]
    wall: Callable[[], float]
    version: str = ""
    admin: AdminConfig = attrs.field(factory=AdminConfig)
    recordings: Recordings | None = None
    listening: int = 0  # clients to whom messages are told
    history: History = attrs.field(factory=History)
    feed: Feed = attrs.field(factory=Feed)
    started: float = attrs.field(init=False)  # on the calendar

    def __attrs_post_init__(self) -> None:
        self.started = self.wall()

    def calendar(self, at: float) -> float:
        """Give the calendar's time of a moment on the cores' clock; seconds since 1970."""
        return self.wall() - (self.now() - at)

    # Pools.

    def standing(self) -> type_json:
        """How everything stands: every pool with its backends, and whether the process drains."""
        return {"pools": self.pool_rows(), "draining": self.draining()}

    def pool_rows(self) -> list[type_json]:
        """Every pool with its backends."""
        now = self.now()
        return [
            {
                "name": pool.name,
                "policy": pool.config.policy,
                "fallback": [other.name for other in pool.chain[1:]],
                "peak": self._peak_row(pool.capacity, now),
                "backends": [
                    self._backend_row(backend, now) for backend in (*pool.backends.values(), *pool.leaving)
                ],
            }
            for pool in self._all_pools()
        ]

    def _all_pools(self) -> tuple[Pool, ...]:
        return (*self.pools.values(), *self.leaving())

    def _backend_row(self, backend: Backend, now: float) -> type_json:
        config = backend.config
        most = config.max_sessions
        return {
            "name": backend.name,
            "state": backend.state(now).value,
            "removed": backend.removed,
            "sessions": backend.sessions,
            "max_sessions": dict(most) if isinstance(most, Mapping) else most,
            "peak": self._peak_row(backend.capacity, now),
            "weight": config.weight,
            "standby": config.standby,
            "resources": sorted(config.resources) if config.resources else None,
            "failures": backend.failures,
            "protocols": {
                label: {
                    "address": str(address),
                    "state": backend.state(now, spoken).value,
                    "reason": backend.reason(spoken) if backend.health(spoken, now) is not State.UP else "",
                    "hosts": [
                        {"address": host, "avoided": avoided} for host, avoided in self.hosts(address).items()
                    ],
                }
                for spoken, label in PROTOCOLS.items()
                if (address := backend.address(spoken)) is not None and backend.has_address_for(spoken)
            },
        }

    def _peak_row(self, capacity: Capacity, now: float) -> type_json:
        """Tell the most sessions there were at a time, in all and of each resource, and when that was first so."""
        peak = capacity.peak
        return {
            "sessions": peak.count,
            "at": self._calendar(peak.at, now) if peak.count else None,
            "resources": {
                resource: {"sessions": one.count, "at": self._calendar(one.at, now)}
                for resource, one in sorted(capacity.peaks.items())
            },
        }

    def _calendar(self, at: float, now: float) -> str:
        """Write a time of the cores' clock as a date."""
        moment = datetime.fromtimestamp(self.wall() - (now - at), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def backend(self, pool: str, name: str) -> Backend:
        """Find a backend; raises UnknownError."""
        found = self._pool(pool)
        if found is None:
            raise UnknownError(f"no pool {pool!r}{_nearest(pool, self.pools)}")
        leaving = {backend.name: backend for backend in found.leaving}
        if name not in found.backends and name not in leaving:
            raise UnknownError(f"no backend {name!r} in pool {pool!r}{_nearest(name, found.backends)}")
        return found.backends.get(name) or leaving[name]

    def _pool(self, name: str) -> Pool | None:
        """Find a pool, be it one that left and still has sessions."""
        return next((pool for pool in self._all_pools() if pool.name == name), None)

    def order(self, pool: str, name: str, order: str) -> type_json:
        """Drain, enable or disable a backend; what comes of it is its new row."""
        backend = self.backend(pool, name)
        if order == "drain":
            backend.drain()
        elif order == "enable" and backend.removed:
            raise UnknownError(
                f"{pool}/{name} was taken out of the configuration: it takes no sessions again"
            )
        elif order == "enable":
            backend.enable()
        else:
            backend.disable()
            self.end_sessions(backend)
        row = self._backend_row(backend, self.now())
        self.journal.note("order", order=order, pool=pool, backend=name, state=row["state"])
        self.feed.backend(pool, name, None, str(row["state"]), f"ordered to {order}")
        return row

    def unready(self) -> str:
        """Say why no new sessions should be sent here; "" when they may."""
        if self.starting():
            return "starting"
        if self.draining():
            return "draining"
        now = self.now()
        for pool in self.pools.values():
            for spoken in PROTOCOLS:
                own, *others = (_able(one, spoken) for one in pool.chain)
                # One on probation takes a session: to send none here would leave it there for ever.
                if own and not any(
                    backend.state(now, spoken) in _READY for able in (own, *others) for backend in able
                ):
                    return f"pool {pool.name!r} has no backend up for {PROTOCOLS[spoken]}"
        return ""

    # Sessions.

    def session_row(self, session: Session) -> type_json:
        """One session."""
        now = self.now()
        setup = (
            None
            if session.answered_at is None
            else round((session.answered_at - session.opened_at) * 1000, 1)
        )
        return {
            "id": session.id,
            "protocol": session.protocol,
            "client": session.client,
            "pool": session.pool,
            "first_pool": session.first_pool,
            "routed_by": session.routed_by,
            "backend": session.backend,
            "address": session.address,
            "resources": list(session.resources),
            "started": self._calendar(session.opened_at, now),
            "keys": list(session.keys),
            "recording": None if self.recordings is None else self.recordings.file_of(session),
            "age_s": round(now - session.opened_at, 3),
            "setup_ms": setup,
            "attempts": session.attempts,
            "messages_to_backend": session.messages_to_backend,
            "messages_to_client": session.messages_to_client,
            "bytes_to_backend": session.bytes_to_backend,
            "bytes_to_client": session.bytes_to_client,
        }

    def find(self, key: str) -> tuple[Session, ...]:
        """Find live sessions by our id or by any id their caller knows; raises UnknownError when there is none."""
        found = self.register.find(key)
        if not found:
            raise UnknownError(f"no live session {key!r}; those that have ended are in the session log")
        return found

    # Why.

    def explain_session(self, session: Session) -> type_json:
        """Tell why a session sits where it does: what it wanted, and how the pool sees its backends now."""
        pool = self._pool(session.pool)
        return {
            "session": self.session_row(session),
            "why": _explain.why(session, pool),
            "now": [] if pool is None else _explain.verdicts(pool, _explain.want_of(session), self.now()),
        }

    def explain_next(self, question: Question) -> list[type_json]:
        """Tell where the next session of this kind would go: by listener when that matters, else by pool."""
        pool, listener, routes = question.pool, question.listener, self.routes()
        if pool is not None:
            if pool not in self.pools:
                raise UnknownError(f"no pool {pool!r}{_nearest(pool, self.pools)}")
            return _explain.rows_by_pool(question, [self.pools[pool]], self.now())
        if listener is not None and listener not in routes:
            raise UnknownError(f"no listener {listener!r}{_nearest(listener, routes)}")
        if question.is_of_a_request or any(its.rules for its in routes.values()):
            asked = routes.values() if listener is None else [routes[listener]]
            return _explain.rows_by_listener(question, asked, self.now())
        return _explain.rows_by_pool(question, self.pools.values(), self.now())


def _able(pool: Pool, spoken: Spoken) -> list[Backend]:
    return [backend for backend in pool.backends.values() if backend.has_address_for(spoken)]


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f", did you mean {close[0]!r}?"
    return f"; there are {', '.join(map(repr, known))}"
