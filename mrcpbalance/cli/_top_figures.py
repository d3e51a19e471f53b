"""What `mrcpbalance top` shows: one picture of a proxy, made of its answers."""

import time
from collections.abc import Mapping
from typing import Any, Final

import attrs

from ._ask import Admin, NoAnswerError, type_answer

SESSIONS: Final = 20  # of each list: more than a screen has room for
LATELY: Final = 10  # seconds, over which ends are counted
type_row = Any  # whatever JSON holds; what does not fit is told as an answer of another version


@attrs.frozen
class BackendLine:
    """One backend. Times are milliseconds over the last minute; ends are a second, over the last ten."""

    name: str  # POOL/BACKEND
    state: str
    sessions: int
    most: int | None  # what it may hold; None: any number
    peak: int
    setup_p50: float | None
    setup_p95: float | None
    good: float | None  # sessions their callers ended; None: too early to tell
    bad: float | None  # ended otherwise
    failures: int  # over the last minute


@attrs.frozen
class SessionLine:
    """One session."""

    id: str
    protocol: str
    client: str
    backend: str
    resources: str
    age: float  # seconds
    messages: int


@attrs.frozen
class Picture:
    """A proxy at one moment."""

    at: float  # calendar
    version: str
    role: str
    draining: bool
    total: int  # live sessions
    backends: tuple[BackendLine, ...]
    busiest: tuple[SessionLine, ...]
    oldest: tuple[SessionLine, ...]


def take(proxy: Admin, patience: float) -> Picture:
    """Ask a proxy for all that is shown. Raises NoAnswerError."""

    def ask(path: str) -> type_answer:
        return proxy.ask("GET", f"/api/v1/{path}", patience)

    me, pools, history = ask("me"), ask("pools"), ask(f"history?seconds={LATELY}")
    busiest, oldest = (ask(f"sessions?limit={SESSIONS}&sort={sort}") for sort in ("busiest", "oldest"))
    try:
        return _picture(me, pools, history, busiest, oldest)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoAnswerError(f"the proxy at {proxy.where} answers in another way than this version") from None


def _picture(
    me: type_answer, pools: type_answer, history: type_answer, busiest: type_answer, oldest: type_answer
) -> Picture:
    tracks = {(row["pool"], row["backend"]): row for row in _rows(history["backends"])}
    seconds = int(str(history["steps"])) * float(str(history["step_s"]))
    return Picture(
        at=time.time(),
        version=str(me["version"]),
        role=str(me["role"]),
        draining=bool(pools["draining"]),
        total=int(str(oldest["total"])),
        backends=tuple(
            _backend(pool["name"], row, tracks.get((pool["name"], row["name"])), seconds)
            for pool in _rows(pools["pools"])
            for row in pool["backends"]
        ),
        busiest=tuple(map(_session, _rows(busiest["sessions"]))),
        oldest=tuple(map(_session, _rows(oldest["sessions"]))),
    )


def _rows(answer: object) -> list[dict[str, type_row]]:
    if not isinstance(answer, list):
        raise TypeError("no list")
    return answer


def _backend(
    pool: str, row: Mapping[str, type_row], track: Mapping[str, type_row] | None, seconds: float
) -> BackendLine:
    recent = {} if track is None else track["recent"]
    ends = {} if track is None else track["ended"]
    good = sum(sum(counts) for end, counts in ends.items() if end.startswith("client/"))
    everyone = sum(map(sum, ends.values()))
    return BackendLine(
        name=f"{pool}/{row['name']}",
        state=row["state"],
        sessions=row["sessions"],
        most=_most(row["max_sessions"]),
        peak=row["peak"]["sessions"],
        setup_p50=recent.get("setup_p50_ms"),
        setup_p95=recent.get("setup_p95_ms"),
        good=good / seconds if seconds else None,
        bad=(everyone - good) / seconds if seconds else None,
        failures=recent.get("failures", 0),
    )


def _most(configured: int | Mapping[str, int] | None) -> int | None:
    """Give one number; sessions that hold two resources make the sum of several more than enough."""
    return sum(configured.values()) if isinstance(configured, Mapping) else configured


def _session(row: Mapping[str, type_row]) -> SessionLine:
    return SessionLine(
        id=row["id"],
        protocol=row["protocol"],
        client=row["client"],
        backend=f"{row['pool']}/{row['backend']}",
        resources=" ".join(row["resources"]),
        age=row["age_s"],
        messages=row["messages_to_backend"] + row["messages_to_client"],
    )
