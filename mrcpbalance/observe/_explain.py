"""Why a session sits where it does, and where the next one would go."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from mrcpbalance.pool import Pool, Verdict, Want
from mrcpbalance.pool import Protocol as Spoken
from mrcpbalance.sessions import PROTOCOLS, Asked, Route, Routes, Session

SPOKEN: Final[Mapping[str, Spoken]] = {label: spoken for spoken, label in PROTOCOLS.items()}
type_json = dict[str, object]


def why(session: Session, pool: Pool | None) -> str:
    """Say what put a session where it is."""
    policy = "a pool that was taken out" if pool is None else pool.config.policy
    instead = "" if session.pool == session.first_pool else f" in place of pool {session.first_pool!r},"
    routed = f"routed by {session.routed_by}, " if session.routed_by else ""
    return f"{routed}chosen by {policy}{instead} in attempt {session.attempts}; it stays until it ends"


def want_of(session: Session) -> Want:
    """Give what a session that is there wanted."""
    first = session.resources[0] if session.resources else None
    return Want(SPOKEN[session.protocol], first, session.client, session.resources[1:])


def next_row(pool: Pool, want: Want, now: float) -> type_json:
    """Tell where the next such session would go: the verdicts on a pool's backends, then on those of its fallbacks."""
    chosen = pool.foresee(want, now)
    resources = [resource for resource in (want.resource, *want.also) if resource is not None]
    return {
        "pool": pool.name,
        "protocol": PROTOCOLS[want.protocol],
        "resource": "+".join(resources) or None,
        "next": None if chosen is None else pool.label(chosen),
        "backends": verdicts(pool, want, now),
        "fallback": [
            {"pool": other.name, "backends": verdicts(other, want, now)} for other in pool.chain[1:]
        ],
    }


def spoken_in(pool: Pool) -> tuple[Spoken, ...]:
    """Give the protocols that some backend of a pool has an address for."""
    backends = pool.backends.values()
    return tuple(
        spoken for spoken in PROTOCOLS if any(backend.has_address_for(spoken) for backend in backends)
    )


@attrs.frozen(kw_only=True)
class Question:
    """What is known of the next session that is asked about."""

    pool: str | None = None
    listener: str | None = None
    protocol: str = ""  # as metrics name it; "": any
    resources: tuple[str, ...] = ()
    source: str = ""
    path: str | None = None
    user: str | None = None
    features: Mapping[str, str] = attrs.field(factory=dict)  # of its Accept-Contact

    @property
    def is_of_a_request(self) -> bool:
        """Whether it tells more than a pool needs to know."""
        return (
            self.listener is not None or self.path is not None or self.user is not None or bool(self.features)
        )

    def want(self, pool: Pool, spoken: Spoken) -> Want:
        """Give what such a session wants of a pool."""
        resources = self.resources
        if not resources and self.path is not None and self._segment:
            resources = (pool.resource_name(self._segment),)
        return Want(spoken, resources[0] if resources else None, self.source, resources[1:])

    @property
    def _segment(self) -> str:
        return (self.path or "").rstrip("/").rpartition("/")[2]

    def route(self, routes: Routes, spoken: Spoken) -> Route:
        """Choose the route of such a session at a listener."""
        return routes.choose(
            Asked(
                source=self.source,
                path=self.path if spoken == "rtsp" else None,
                segment=self._segment,
                user=self.user or "" if spoken == "sip" else None,
                features=(self.features,) if self.features else (),
                resources=self.resources,
            )
        )

    def fits(self, spoken: Spoken) -> bool:
        """Tell whether a session of a protocol can be like that."""
        return (
            self.protocol in ("", PROTOCOLS[spoken])
            and (self.path is None or spoken == "rtsp")
            and ((self.user is None and not self.features) or spoken == "sip")
            and (
                not self.resources or spoken != "tcp" or self.protocol == "tcp"
            )  # names none, unless asked so
        )


def rows_by_pool(question: Question, pools: Iterable[Pool], now: float) -> list[type_json]:
    """Tell where the next such session would go, in each of these pools."""
    return [
        next_row(pool, question.want(pool, spoken), now)
        for pool in pools
        for spoken in filter(
            question.fits, [SPOKEN[question.protocol]] if question.protocol else spoken_in(pool)
        )
    ]


def rows_by_listener(question: Question, listeners: Iterable[Routes], now: float) -> list[type_json]:
    """Tell where the next such session would go, from each of these listeners."""
    rows = []
    for routes in listeners:
        taken = PROTOCOLS if routes.listener.protocol == "auto" else (routes.listener.protocol,)
        for spoken in filter(question.fits, taken):
            route = question.route(routes, spoken)
            if any(one.address(spoken) for pool in route.pool.chain for one in pool.backends.values()):
                where = {"listener": routes.listener.name, "routed_by": route.by}
                want = attrs.evolve(
                    question.want(route.pool, spoken), only_tcp=routes.listener.protocol == "tcp"
                )
                rows.append(where | next_row(route.pool, want, now))
    return rows


def verdicts(pool: Pool, want: Want, now: float) -> list[type_json]:
    """Tell of each backend of a pool whether it could have a session now, or why not."""
    return [_verdict_row(verdict) for verdict in pool.explain(want, now)]


def _verdict_row(verdict: Verdict) -> type_json:
    return {
        "backend": verdict.backend,
        "state": verdict.state.value,
        "eligible": verdict.excluded is None,
        "excluded": None if verdict.excluded is None else verdict.excluded.value,
        "score": round(verdict.score, 6),
    }
