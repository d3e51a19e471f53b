"""What `mrcpbalance replay` tells of the sessions it has played."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from mrcpbalance.replay import Result
from mrcpbalance.traces import Session

_MOST_SHOWN: Final = 200


def report(
    results: Sequence[Result], left_out: Sequence[tuple[Session, str]], *, times: int
) -> Iterator[str]:
    """Give the lines: each session that differs with its differences, then the count."""
    different = [result for result in results if not result.equal]
    for result in different[:_MOST_SHOWN]:
        yield from _session(result, times)
    if len(different) > _MOST_SHOWN:
        yield f"and {len(different) - _MOST_SHOWN} more that differ"
    for session, why in left_out:
        yield f"session {session.number} ({session.protocol.title} {session.id}) is not played: {why}"
    compared = sum(result.compared for result in results)
    yield f"{len(results) - len(different)} equal, {len(different)} different; {compared} messages compared"


def _session(result: Result, times: int) -> Iterator[str]:
    session = result.session
    copy = f", time {result.copy + 1}" if times > 1 else ""
    resources = ",".join(session.resources)
    yield f"session {session.number}{copy}: {session.protocol.title} {resources} {session.id}"
    for difference in result.differences:
        yield f"  {difference}"
    if result.stopped:
        rest = f"; {result.left_out} further steps not played" if result.left_out else ""
        yield f"  stopped: {result.stopped}{rest}"


def as_json(results: Sequence[Result], left_out: Sequence[tuple[Session, str]]) -> str:
    """Write everything as one JSON object."""
    found = {
        "equal": sum(result.equal for result in results),
        "different": sum(not result.equal for result in results),
        "sessions": [_object(result) for result in results],
        "not_played": [{"session": one.number, "id": one.id, "why": why} for one, why in left_out],
    }
    return json.dumps(found, indent=2)


def _object(result: Result) -> dict[str, object]:
    session = result.session
    return {
        "session": session.number,
        "id": session.id,
        "time": result.copy + 1,
        "protocol": session.protocol.value,
        "resources": session.resources,
        "equal": result.equal,
        "compared": result.compared,
        "stopped": result.stopped,
        "steps_left_out": result.left_out,
        "seconds": round(result.seconds, 6),
        "captured_seconds": round(session.duration / 1e9, 6),
        "differences": [
            {"about": one.about, "expected": one.expected, "got": one.got, "rule": one.rule}
            for one in result.differences
        ],
    }
