"""The command: what it costs traffic that somebody watches a busy proxy.

Sessions are held, all of them exchange messages in turn at a steady rate, with and without an open page and a scrape every
five seconds. The generator compares every octet: a message that is lost, changed or doubled ends the run with status 1.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # so that `bench` is found from anywhere

from bench import machine  # noqa: E402 - the path comes first
from bench.compile import compile_programs  # noqa: E402
from bench.measure import Manner, Timing, stack  # noqa: E402
from bench.process import BenchError  # noqa: E402
from bench.proxies import Mrcpbalance  # noqa: E402
from bench.rows import Row, Sample  # noqa: E402
from bench.watchers import Watchers  # noqa: E402

CHANNELS = 10  # sessions on one connection
MOST_ADDED = 10.0  # milliseconds at p99


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="bench/watched.py", description=__doc__)
    add = options.add_argument
    add("--sessions", type=int, default=10_000, metavar="N", help="held meanwhile (%(default)s)")
    add("--rate", type=int, default=1_000, metavar="N", help="exchanges a second (%(default)s)")
    add("--seconds", type=float, default=15.0, metavar="S", help="what one run counts (%(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="runs without and with watchers (%(default)s)")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a message was lost or the delay added is too long."""
    options = parser().parse_args(words)
    machine.allow_many_files()
    row = Row(
        name="watched",
        front="mrcp",
        load=(
            "--links",
            str(options.sessions // CHANNELS),
            "--channels",
            str(CHANNELS),
            "--rate",
            str(options.rate),
        ),
        figures=(),
        rate=options.rate,
    )
    # Sessions begin with their first exchange: all must have had one before anything counts.
    timing = Timing(warm=options.sessions / options.rate + 2, seconds=options.seconds)
    try:
        with stack(Mrcpbalance(admin=True), compile_programs(), Manner(), tuned=False) as running:
            assert running.proxy.admin is not None
            watchers = Watchers(running.proxy.admin)
            alone: list[Sample] = []
            watched: list[Sample] = []
            for number in range(1, options.rounds + 1):
                alone.append(running.measure(row, timing))
                with watchers.watching():
                    watched.append(running.measure(row, timing))
                print(f"round {number}: {_line(alone[-1])} alone, {_line(watched[-1])} watched", flush=True)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return _report(options.sessions, alone, watched, watchers)


def _line(sample: Sample) -> str:
    return f"p50 {sample.p50 or 0:.0f} µs, p99 {sample.p99 or 0:.0f} µs, core {sample.proxy_busy or 0:.0%}"


def _report(sessions: int, alone: list[Sample], watched: list[Sample], watchers: Watchers) -> int:
    before, after = (
        statistics.median(sample.p99 or 0.0 for sample in samples) for samples in (alone, watched)
    )
    added = (after - before) / 1000
    print(f"{sessions} sessions; p99 {before / 1000:.2f} ms alone, {after / 1000:.2f} ms watched")
    print(f"added at p99: {added:.2f} ms (at most {MOST_ADDED:g}); lost: 0; events heard: {watchers.events}")
    for path, count in watchers.asked.items():
        print(
            f"  {path}: asked {count} times, the slowest answer took {watchers.longest[path] * 1000:.0f} ms"
        )
    for fault in watchers.faults:
        print(f"  {fault}", file=sys.stderr)
    return 1 if added > MOST_ADDED or watchers.faults else 0


if __name__ == "__main__":
    sys.exit(main())
