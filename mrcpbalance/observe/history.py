"""The last minutes of each backend in short steps: set-up times, how sessions ended, requests; for plots, of bounded size.

A set-up is timed from when its backend was asked: what earlier tries on others took, or the queue, is not its doing.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

import attrs

from mrcpbalance.pool import Pool
from mrcpbalance.sessions import Meters, Session

STEP: Final = 5.0  # seconds
KEPT: Final = 120  # steps: ten minutes
RECENT: Final = 12  # steps: the last minute
# Upper bounds in seconds, each 1.19 times the one before: half a millisecond to half a minute.
BOUNDS: Final = tuple(0.0005 * 2 ** (power / 4) for power in range(65))

Place = tuple[str, str]  # pool, backend; "" for sessions that found none
Timed = tuple[int, float]  # requests, and the seconds they took together
Row = dict[str, object]
T = TypeVar("T")


@attrs.define
class Step:
    """What happened at one backend in one step."""

    started: int = 0  # set-ups that succeeded
    setups: dict[int, int] = attrs.field(factory=dict)  # the same, by bound
    ends: dict[str, int] = attrs.field(factory=dict)  # by `who/phase`
    failures: int = 0
    live: int = 0  # at its end
    requests: dict[str, Timed] = attrs.field(factory=dict)  # by method
    p50: float | None = None  # of its set-ups, seconds
    p95: float | None = None


@attrs.define
class Track:
    """The steps of one backend; the last one still runs."""

    done: deque[Step]
    step: Step = attrs.field(factory=Step)
    failures: int = 0  # ever, when the step began
    requests: dict[str, Timed] = attrs.field(factory=dict)

    def close(self, live: int, failures: int, requests: dict[str, Timed]) -> None:
        """End the step that runs."""
        step = self.step
        step.live, step.failures = live, failures - self.failures
        step.requests = {
            method: (count - before[0], seconds - before[1])
            for method, (count, seconds) in requests.items()
            if count > (before := self.requests.get(method, (0, 0.0)))[0]
        }
        step.p50, step.p95 = percentile(step.setups, 0.5), percentile(step.setups, 0.95)
        self.failures, self.requests = failures, requests
        self.done.append(step)
        self.step = Step()

    def last(self, steps: int) -> list[Step]:
        """Give the last steps that are done, oldest first."""
        return list(islice(self.done, max(len(self.done) - steps, 0), None))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Tell below which value this share lies, in seconds, about a tenth off; None when there are no values."""
    wanted = share * sum(counts.values())
    below = 0
    for at in sorted(counts):
        if (count := counts[at]) + below >= wanted:
            low = BOUNDS[at - 1] if at else 0.0
            return low + (BOUNDS[min(at, len(BOUNDS) - 1)] - low) * (wanted - below) / count
        below += count
    return None


@attrs.define(eq=False)
class History:
    """The tracks of all backends. `sample` is to be called at the end of each step."""

    tracks: dict[Place, Track] = attrs.field(factory=dict)
    steps: int = 0  # closed since the start

    def answered(self, session: Session, now: float) -> None:
        """Count a set-up that succeeded."""
        seat = session.seat
        asked = session.opened_at if seat is None else seat.taken_at
        step = self._of((session.pool, session.backend)).step
        step.started += 1
        at = bisect_left(BOUNDS, now - asked)
        step.setups[at] = step.setups.get(at, 0) + 1

    def ended(self, session: Session) -> None:
        """Count a session that has ended."""
        ends = self._of((session.pool, session.backend)).step.ends
        end = str(session.end)
        ends[end] = ends.get(end, 0) + 1

    def sample(self, pools: Iterable[Pool], meters: Meters | None) -> None:
        """Close the step of every backend; forget those that are configured no more."""
        requests = _requests(meters)
        configured: dict[Place, Track] = {}  # in the order of the file
        for pool in pools:
            for backend in pool.backends.values():
                place = (pool.name, backend.name)
                configured[place] = self._of(place)
                configured[place].close(backend.sessions, backend.failures, requests.get(place, {}))
            if (nobody := self.tracks.get((pool.name, ""))) is not None:
                configured[pool.name, ""] = nobody
                nobody.close(0, 0, {})
        self.tracks = configured
        self.steps += 1

    def rows(self, steps: int) -> Iterator[Row]:
        """Tell of each backend the last so many steps, one backend at a time."""
        for (pool, backend), track in list(self.tracks.items()):
            yield {"pool": pool, "backend": backend, **_row(track, steps)}

    def _of(self, place: Place) -> Track:
        track = self.tracks.get(place)
        if track is None:
            # One that came later has an empty past, so that all are of one length.
            past = (Step() for _ in range(min(self.steps, KEPT)))
            track = self.tracks[place] = Track(deque(past, maxlen=KEPT))
        return track


def _requests(meters: Meters | None) -> dict[Place, dict[str, Timed]]:
    """Add up what was measured since the start, over protocols."""
    found: dict[Place, dict[str, Timed]] = {}
    for (pool, backend, _), meter in ({} if meters is None else meters.live).items():
        sums = found.setdefault((pool, backend), {})
        for name, histogram in meter.methods.items():
            method = name.decode()
            count, seconds = sums.get(method, (0, 0.0))
            sums[method] = (count + sum(histogram.counts), seconds + histogram.sum)
    return found


def _row(track: Track, wanted: int) -> Row:
    steps = track.last(wanted)
    ends = sorted({end for step in steps for end in step.ends})
    methods = sorted({method for step in steps for method in step.requests})
    return {
        "live": [step.live for step in steps],
        "started": [step.started for step in steps],
        "failures": [step.failures for step in steps],
        "ended": {end: [step.ends.get(end, 0) for step in steps] for end in ends},
        "setup_p50_ms": [_ms(step.p50) for step in steps],
        "setup_p95_ms": [_ms(step.p95) for step in steps],
        "requests": {method: [_timed(step.requests.get(method)) for step in steps] for method in methods},
        "recent": _recent([*track.last(RECENT), track.step]),
    }


def _recent(steps: list[Step]) -> Row:
    """Add up the last minute, the running step included."""
    setups: dict[int, int] = {}
    ends: dict[str, int] = {}
    requests: dict[str, Timed] = {}
    for step in steps:
        _add(setups, step.setups)
        _add(ends, step.ends)
        for method, (count, seconds) in step.requests.items():
            before = requests.get(method, (0, 0.0))
            requests[method] = (before[0] + count, before[1] + seconds)
    return {
        "started": sum(setups.values()),
        "ended": ends,
        "failures": sum(step.failures for step in steps),
        "setup_p50_ms": _ms(percentile(setups, 0.5)),
        "setup_p95_ms": _ms(percentile(setups, 0.95)),
        "requests": {method: _timed(timed) for method, timed in sorted(requests.items())},
    }


def _add(sums: dict[T, int], counts: Mapping[T, int]) -> None:
    for key, count in counts.items():
        sums[key] = sums.get(key, 0) + count


def _timed(timed: Timed | None) -> Row | None:
    """Tell how many there were, and how long one took on average."""
    return None if timed is None else {"count": timed[0], "mean_ms": _ms(timed[1] / timed[0])}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
