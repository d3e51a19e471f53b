"""Interleaving, and that one proxy's failure leaves the others alone."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs

from bench import report
from bench.campaign import Campaign
from bench.compile import Programs
from bench.measure import Manner, Timing
from bench.process import BenchError
from bench.proxies import Backends, Direct, Front, Kind, Proxy
from bench.rows import ROWS

MRCP = next(row for row in ROWS if row.name == "mrcp-64")


@attrs.frozen
class Broken:
    """A proxy that never starts."""

    name: str = "broken"
    fronts: tuple[Front, ...] = ("mrcp",)

    def missing(self) -> str | None:
        return None

    @contextlib.contextmanager
    def run(self, backends: Backends, home: Path, *, tuned: bool) -> Iterator[Proxy]:
        if not tuned:
            raise BenchError("no luck\nat all")
        yield Proxy(ports={}, pids=())


def campaign(kinds: list[Kind], programs: Programs, *, rounds: int, limit: float) -> Campaign:
    return Campaign(
        kinds=kinds,
        programs=programs,
        manner=Manner(),
        timing=Timing(warm=0.01, seconds=0.03),
        rounds=rounds,
        limit=limit,
    )


def test_a_failure_ends_nothing_else(programs: Programs) -> None:
    run = campaign([Broken(), Direct()], programs, rounds=2, limit=60)
    run.measure([MRCP])
    assert run.errors == {("mrcp-64", "broken"): "no luck\nat all"}
    assert {name: len(samples) for name, samples in run.samples[MRCP].items()} == {"broken": 0, "direct": 2}
    told = report.text(run, {"kernel": "1.0"}, "direct")
    assert "Failed:\n  mrcp-64, broken: no luck" in told
    figures = report.data(run, {}, "direct")["figures"]
    assert isinstance(figures, list)
    assert [figure["proxy"] for figure in figures] == ["broken", "direct"]


def test_out_of_time_a_row_still_gets_one_round(programs: Programs) -> None:
    run = campaign([Direct()], programs, rounds=50, limit=0)
    run.measure([MRCP])
    assert len(run.samples[MRCP]["direct"]) == 1


def test_a_row_brings_whom_it_compares_with(programs: Programs) -> None:
    setup = next(row for row in ROWS if row.name == "setup")
    run = campaign([Broken()], programs, rounds=1, limit=60)
    run.measure([attrs.evolve(setup, rate=1, load=("--links", "9", "--churn", "--rate", "300"))])
    ((_, samples),) = run.samples.items()
    assert {name: len(some) for name, some in samples.items()} == {"direct": 1}
    assert samples["direct"][0].p99
