"""What the demo promises, held against what happened."""

from collections import Counter

import attrs

from ._demo_cast import Cast, Outcome, Tale


@attrs.frozen(kw_only=True)
class Death:
    """A server's end, and who was on it."""

    server: str
    victims: tuple[Tale, ...]
    others: tuple[Tale, ...]
    began: int  # sessions that had begun by then


@attrs.frozen
class Finding:
    """One promise, and whether it was kept."""

    text: str
    kept: bool


def findings(cast: Cast, death: Death | None, ends: Counter[str], faults: int) -> list[Finding]:
    """Check everything; `ends` counts how the proxy itself says sessions ended, `faults` its own faults."""
    lost = cast.outcomes[Outcome.LOST]
    refused, stuck = cast.outcomes[Outcome.REFUSED], cast.outcomes[Outcome.STUCK]
    found = [
        Finding(
            f"each of {cast.began} sessions stayed on one server: {cast.requests} requests arrived there, in order"
            + _names(cast.strayed),
            not cast.strayed,
        ),
        Finding(f"{refused} sessions were refused, {stuck} got no answer", refused == stuck == 0),
        Finding(
            f"{len(cast.unanswered)} requests were left open{_names(cast.unanswered)}", not cast.unanswered
        ),
        Finding(
            f"{len(cast.anomalies)} messages came that nobody had asked for{_names(cast.anomalies)}",
            not cast.anomalies,
        ),
        Finding(_accounts(ends), _agree(ends, cast.began, lost) and faults == 0),
    ]
    if death is None:  # interrupted before much could happen
        return [*found, Finding(f"{lost} sessions lost their server, which none should have", lost == 0)]
    spread = ", ".join(f"{name} on {count}" for name, count in cast.spread.items())
    shared = sum(len(servers) > 1 for servers in cast.given_out.values())
    return [
        found[0],
        Finding(
            f"sessions of one connection were on several servers at once: {spread}",
            all(count > 1 for count in cast.spread.values()),
        ),
        Finding(
            f"of {len(cast.given_out)} ids of MRCPv2 channels, {shared} were given out by several servers: callers had others",
            shared > 0,
        ),
        *_of_death(cast, death),
        *found[1:],
    ]


def _of_death(cast: Cast, death: Death) -> list[Finding]:
    lost = [tale for tale in cast.lost if tale.server in (death.server, None) and not _is_after(tale, death)]
    ended = all(tale.outcome in (Outcome.LOST, Outcome.FINISHED) for tale in death.victims)
    went_on = all(tale.outcome is Outcome.FINISHED for tale in death.others)
    after = cast.began - death.began
    late = [tale.name for tale in cast.ended if tale.server == death.server and _is_after(tale, death)]
    return [
        Finding(
            f"{death.server} died with {len(death.victims)} sessions on it: {len(lost)} were lost, each told so",
            ended and bool(lost),
        ),
        Finding(
            f"{len(cast.lost) - len(lost)} other sessions were lost; {len(death.others)} were on other servers then and"
            " went on to their own end",
            went_on and len(lost) == len(cast.lost),
        ),
        Finding(
            f"{after} sessions began after that, {len(late)} of them on {death.server}{_names(late)}",
            after > 0 and not late,
        ),
    ]


def _is_after(tale: Tale, death: Death) -> bool:
    return int(tale.name[1:]) > death.began


def _accounts(ends: Counter[str]) -> str:
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    return f"the proxy's own account, who ended sessions and in which phase: {told}"


def _agree(ends: Counter[str], began: int, lost: int) -> bool:
    backend = sum(count for end, count in ends.items() if end.startswith("backend/"))
    return ends.total() == began and backend == lost


def _names(what: list[str]) -> str:
    return f" ({', '.join(what[:5])}{', …' if len(what) > 5 else ''})" if what else ""  # noqa: PLR2004
