"""The order in which things are measured: row by row, in each row round by round, in each round proxy by proxy."""

import contextlib
import sys
import time
from collections.abc import Sequence

import attrs

from bench.compile import Programs
from bench.measure import Manner, Stack, Timing, stack
from bench.process import BenchError
from bench.proxies import Direct, Kind
from bench.rows import Row, Sample

DIRECT = Direct()


@attrs.define(kw_only=True)
class Campaign:
    """A run of the whole benchmark: what to measure, and what was found so far."""

    kinds: Sequence[Kind]
    programs: Programs
    manner: Manner
    timing: Timing
    rounds: int
    limit: float  # seconds for everything; rounds are left out, never the first one of a row
    samples: dict[Row, dict[str, list[Sample]]] = attrs.field(factory=dict)
    errors: dict[tuple[str, str], str] = attrs.field(factory=dict)  # (row, proxy) → what went wrong
    pinned: bool = True

    def measure(self, rows: Sequence[Row]) -> None:
        """Measure rows; what goes wrong with one proxy ends its part of that row only."""
        end = time.monotonic() + self.limit
        for done, row in enumerate(rows):
            now = time.monotonic()
            self._row(row, now + (end - now) / (len(rows) - done))

    def _row(self, row: Row, end: float) -> None:
        kinds = [kind for kind in self._with_base(row) if row.suits(kind.fronts)]
        samples = self.samples[row] = {kind.name: [] for kind in kinds}
        began = time.monotonic()
        with contextlib.ExitStack() as held:
            stacks: dict[str, Stack] = {}
            for number in range(self.rounds):
                longest = (time.monotonic() - began) / max(number, 1)
                if number and time.monotonic() + longest > end:
                    break
                for kind in kinds:
                    self._one(row, kind, stacks, held)
        counts = ", ".join(f"{name} {len(some)}" for name, some in samples.items())
        print(f"{row.name}: {counts} in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)

    def _with_base(self, row: Row) -> Sequence[Kind]:
        """Return all proxies, and the way without any where a row compares with that."""
        absent = row.base == DIRECT.name and all(kind.name != row.base for kind in self.kinds)
        return [DIRECT, *self.kinds] if absent else self.kinds

    def _one(self, row: Row, kind: Kind, stacks: dict[str, Stack], held: contextlib.ExitStack) -> None:
        if (row.name, kind.name) in self.errors:
            return
        try:  # a process that died is an OSError to whoever looks at it
            if row.held:  # weighed when fresh: what is freed is seldom given back
                with self._start(row, kind) as fresh:
                    sample = fresh.measure(row, self.timing)
            else:
                if kind.name not in stacks:
                    stacks[kind.name] = held.enter_context(self._start(row, kind))
                sample = stacks[kind.name].measure(row, self.timing)
                self.pinned &= not stacks[kind.name].misplaced()
        except (BenchError, OSError) as error:
            self.errors[row.name, kind.name] = str(error)
            print(f"{row.name}, {kind.name}: {error}", file=sys.stderr, flush=True)
        else:
            self.samples[row][kind.name].append(sample)

    def _start(self, row: Row, kind: Kind) -> contextlib.AbstractContextManager[Stack]:
        return stack(kind, self.programs, self.manner, tuned=row.front == "stream")
