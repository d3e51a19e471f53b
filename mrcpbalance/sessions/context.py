"""What a core is given: the shell, the tables it shares with others, and its part of the configuration."""

from collections.abc import Callable, Collection
from typing import Protocol

import attrs

from mrcpbalance.config import Limits, ListenerConfig, Timeouts
from mrcpbalance.pool import Backend, Obstacle, Pool, Want

from ._meter import Meter, Meters
from ._register import Register
from ._session import End, Session
from ._tally import Tally
from .ports import Journal, Shell
from .routes import Route, Routes


class Core(Protocol):
    """What a core is to the process: a caller connection that may have to end."""

    @property
    def protocol(self) -> str:
        """What it speaks: mrcpv1, mrcpv2, mrcp, tcp, or "unknown" as long as that isn't clear."""

    def stop(self, end: End, now: float) -> None:
        """Answer every open request, end every session with this cause, and close all connections, now."""

    def make_way(self, by: float, now: float) -> None:
        """Close the connection when nobody needs it, until then at most: its caller goes to the process that has taken over."""

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """Do the same for the sessions that live on one backend; the others live on."""


@attrs.define(eq=False, kw_only=True)
class Context:
    """Everything the cores of one listener share; a reload gives it other pools, other bounds, another listener."""

    shell: Shell
    journal: Journal
    register: Register
    tally: Tally
    routes: Routes
    timeouts: Timeouts
    limits: Limits
    listener: ListenerConfig
    draining: Callable[[], bool]  # the process takes no new sessions
    left: Callable[[Core], None]  # a caller connection has come to its end; told once
    mint: Callable[[int], str]  # random hex digits, of so many octets: ids that peers see (E-02, E-03)
    meters: Meters | None = None  # None: nobody would read them

    @property
    def pool(self) -> Pool:
        """The pool of the sessions that no entry of the listener's matches fits."""
        return self.routes.default.pool

    def begin(self, protocol: str, client: str, route: Route, now: float) -> Session | None:
        """Begin a session; None when the limit is reached."""
        return self.register.open(protocol, client, route.pool.name, now, routed_by=route.by)

    def meter(self, backend: Backend, protocol: str) -> Meter | None:
        """Give the meter for the requests to a backend, if they are measured."""
        return None if self.meters is None else self.meters.of(backend.pool, backend.name, protocol)

    def try_failed(self, session: Session | None, backend: Backend, reason: str) -> None:
        """Tell which backend did not take a session, and why; another is asked, or the caller is told."""
        self.tally.retried[backend.pool, backend.name] += 1
        self.journal.note(
            "attempt-failed",
            level="warning",
            listener=self.listener.name,
            session="" if session is None else session.id,
            pool=backend.pool,
            backend=backend.name,
            reason=reason,
        )

    def none_eligible(self, pool: Pool, want: Want, now: float, tried: Collection[Backend] = ()) -> bool:
        """Tell why a session got no backend at all; True when some were only full, so that waiting need not help."""
        self.tally.refused[pool.name] += 1
        verdicts = {
            verdict.backend if its is pool else f"{its.name}/{verdict.backend}": verdict.excluded
            for its in pool.chain
            for verdict in its.explain(want, now, tried)
        }
        self.journal.note(
            "no-backend",
            level="warning",
            listener=self.listener.name,
            pool=pool.name,
            resource=want.resource,
            client=want.source,
            excluded={name: excluded.value for name, excluded in verdicts.items() if excluded},
        )
        return any(excluded in (Obstacle.FULL, Obstacle.FULL_FOR_RESOURCE) for excluded in verdicts.values())
