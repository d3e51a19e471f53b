"""Why a session sits where it does, and where the next one would go."""

from collections.abc import Mapping
from typing import Final

from mrcpbalance.pool import Pool, Verdict, Want
from mrcpbalance.pool import Protocol as Spoken
from mrcpbalance.sessions import Session

PROTOCOLS: Final[Mapping[Spoken, str]] = {"rtsp": "mrcpv1", "sip": "mrcpv2", "mrcp": "mrcp", "tcp": "tcp"}
SPOKEN: Final[Mapping[str, Spoken]] = {label: spoken for spoken, label in PROTOCOLS.items()}
type_json = dict[str, object]


def why(session: Session, pool: Pool | None) -> str:
    """Say what put a session where it is."""
    policy = "a pool that was taken out" if pool is None else pool.config.policy
    instead = "" if session.pool == session.first_pool else f" in place of pool {session.first_pool!r},"
    return f"chosen by {policy}{instead} in attempt {session.attempts}; it stays until it ends"


def want_of(session: Session) -> Want:
    """Give what a session that is there wanted."""
    first = session.resources[0] if session.resources else None
    return Want(SPOKEN[session.protocol], first, session.client, session.resources[1:])


def next_row(pool: Pool, want: Want, now: float) -> type_json:
    """Tell where the next such session would go: the verdicts on a pool's backends, then on those of its fallbacks."""
    chosen = pool.peek(want, now)
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
    return tuple(spoken for spoken in PROTOCOLS if any(backend.address(spoken) for backend in backends))


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
