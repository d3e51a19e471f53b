"""What `mrcpbalance replay` tells of the sessions it has played."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from mrcpbalance.replay import Result
from mrcpbalance.traces import Session

MOST_KEPT: Final = 10_000  # results; more are counted
_MOST_SHOWN: Final = 200
_NANOSECONDS: Final = 1e9


@attrs.define
class Tally:
    """Counts results, and keeps those that somebody will look at: the different ones, or all of them."""

    keep_all: bool
    equal: int = 0
    different: int = 0
    compared: int = 0
    asides: Counter[str] = attrs.field(factory=Counter)  # requests outside sessions, by how they came out
    interrupted: bool = False  # somebody would not wait for the rest
    kept: list[Result] = attrs.field(factory=list)

    def add(self, result: Result) -> None:
        """Take the next one."""
        if result.session.is_aside:
            self.asides[_came_out(result)] += 1
        else:
            self.equal += result.equal
            self.different += not result.equal
        self.compared += result.compared
        if (self.keep_all or not result.equal) and len(self.kept) < MOST_KEPT:
            self.kept.append(result)

    @property
    def differs(self) -> bool:
        """Whether anything came otherwise."""
        return bool(self.different or self.asides["different"])

    def in_order(self) -> list[Result]:
        """Give those kept in the order of the capture, one time after the other."""
        return sorted(self.kept, key=lambda one: (one.copy, one.session.number, one.session.start))


def report(tally: Tally, left_out: Sequence[tuple[Session, str]], *, times: int) -> Iterator[str]:
    """Give the lines: each session that differs with its differences, then the count."""
    for result in tally.in_order()[:_MOST_SHOWN]:
        yield from _session(result, times)
    different = tally.different + tally.asides["different"]
    if different > _MOST_SHOWN:
        yield f"and {different - _MOST_SHOWN} more that differ"
    for session, why in left_out:
        yield f"session {session.number} ({session.protocol.title} {session.id}) is not played: {why}"
    if tally.asides:
        yield f"requests outside sessions: {_asides(tally)}"
    yield f"{tally.equal} equal, {tally.different} different; {tally.compared} messages compared"


def _came_out(result: Result) -> str:
    if not result.equal:
        return "different"
    return "unasked" if result.is_unasked else "equal"


def _asides(tally: Tally) -> str:
    count = f"{tally.asides['equal']} equal, {tally.asides['different']} different"
    unasked = tally.asides["unasked"]
    return f"{count}; {unasked} OPTIONS did not come: a proxy answers them itself" if unasked else count


def _session(result: Result, times: int) -> Iterator[str]:
    session = result.session
    copy = f", time {result.copy + 1}" if times > 1 else ""
    if session.is_aside:
        yield f"outside sessions{copy}: {session.id} of {session.caller}"
    else:
        yield f"session {session.number}{copy}: {session.protocol.title} {','.join(session.resources)} {session.id}".rstrip()
    for difference in result.differences:
        yield f"  {difference}"
    if result.stopped:
        rest = f"; {result.left_out} further steps not played" if result.left_out else ""
        yield f"  stopped: {result.stopped}{rest}"


def as_json(tally: Tally, left_out: Sequence[tuple[Session, str]]) -> str:
    """Write everything as one JSON object."""
    found = {
        "equal": tally.equal,
        "different": tally.different,
        "compared": tally.compared,
        "sessions": [_object(one) for one in tally.in_order() if not one.session.is_aside],
        "outside_sessions": [_object(one) for one in tally.in_order() if one.session.is_aside],
        "not_played": [{"session": one.number, "id": one.id, "why": why} for one, why in left_out],
    }
    return json.dumps(found, indent=2)


def _object(result: Result) -> dict[str, object]:
    session = result.session
    return {
        "session": session.number or None,
        "id": session.id,
        "time": result.copy + 1,
        "protocol": session.protocol.value,
        "resources": session.resources,
        "equal": result.equal,
        "compared": result.compared,
        "stopped": result.stopped,
        "steps_left_out": result.left_out,
        "seconds": round(result.seconds, 6),
        "captured_seconds": round(session.duration / _NANOSECONDS, 6),
        "differences": [
            {"about": one.about, "expected": one.expected, "got": one.got, "rule": one.rule}
            for one in result.differences
        ],
    }
