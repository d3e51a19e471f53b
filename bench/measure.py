"""One measurement: a backend and a proxy that run, and the load generator let loose on them once."""

import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import attrs

from bench.compile import Programs
from bench.machine import LOAD_CORE, PROXY_CORE, memory, misplaced, on_core
from bench.process import BenchError, TooSlowError, last_words, running, wait_until
from bench.proxies import Backends, Kind, Proxy
from bench.rows import Row, Sample

SETTLE = 0.3  # seconds a proxy gets to tidy up before it is weighed
GRACE = 10  # seconds a run may take beyond its own
LEAST_RATE = 0.95  # a run that does less than this of the rate asked for says nothing
LEAST_HELD = 100  # sessions to be held that are set up in a second, at least
TRIES = 3  # to hold that rate


@attrs.frozen(kw_only=True)
class Timing:
    """How long one run warms up and how long it counts, in seconds."""

    warm: float
    seconds: float


@attrs.frozen(kw_only=True)
class Manner:
    """How the peers behave, the same for every proxy."""

    apart: bool = False  # response and event leave the backend in two writes
    silent: bool = False  # MRCPv1 callers don't answer events


class Told(TypedDict):
    """What the generator prints."""

    count: int
    seconds: float
    p50: float
    p99: float
    repeated: int  # SIP messages that came once more
    shares: list[int]  # sessions on backend a, on backend b
    cpu: list[float]  # seconds of each process watched, then of the generator


@attrs.frozen(kw_only=True)
class Stack:
    """A proxy with the backend behind it."""

    proxy: Proxy
    backend: int
    home: Path
    programs: Programs
    manner: Manner

    def measure(self, row: Row, timing: Timing) -> Sample:
        """Run the row's load once; BenchError when anything came back wrong, late or not at all."""
        if row.held:
            return self._weigh(row, row.held) if self.proxy.pids else Sample()
        for _ in range(TRIES - 1):
            with contextlib.suppress(TooSlowError):
                return self._run(row, timing)
        return self._run(row, timing)

    def _run(self, row: Row, timing: Timing) -> Sample:
        pids = (*self.proxy.pids, self.backend)
        command = self._load(row, round(timing.warm + timing.seconds + GRACE))
        command += ["--warm", str(timing.warm), "--seconds", str(timing.seconds)]
        command += [word for pid in pids for word in ("--cpu", str(pid))]
        with on_core(LOAD_CORE):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(self._explain(done.stderr))
        return self._sample(row, json.loads(done.stdout))

    def _load(self, row: Row, deadline: int) -> list[str]:
        front, load = row.front, row.load
        if front not in self.proxy.ports and row.blind:
            front, load = row.blind
        program = self.programs.calls if front == "sip" else self.programs.load
        command = [str(program), "--to", str(self.proxy.ports[front]), *load, "--deadline", str(deadline)]
        return [*command, "--silent"] if self.manner.silent else command

    def _sample(self, row: Row, told: Told) -> Sample:
        count, seconds, shares, cpu = told["count"], told["seconds"], told["shares"], told["cpu"]
        if not count:
            raise BenchError("nothing came to an end within the time measured")
        if row.rate and count < row.rate * seconds * LEAST_RATE:
            raise TooSlowError(f"{count / seconds:.0f} exchanges/s instead of {row.rate}")
        if self.proxy.pids and any(shares) and not all(shares):
            raise BenchError(f"not balanced: {shares[0]} sessions on backend a, {shares[1]} on b")
        proxy, backend, load = sum(cpu[:-2]), cpu[-2], cpu[-1]
        return Sample(
            rate=count / seconds,
            cpu=proxy / count if self.proxy.pids else None,
            p50=told["p50"] if row.rate else None,
            p99=told["p99"] if row.rate else None,
            repeated=told["repeated"],
            proxy_busy=proxy / seconds if self.proxy.pids else None,
            load_busy=(backend + load) / seconds,
        )

    def _weigh(self, row: Row, held: int) -> Sample:
        """Open a few sessions, weigh, open the rest, weigh again."""
        command = [*self._load(row, 4 * GRACE + held // LEAST_HELD), "--links", str(held)]
        with on_core(LOAD_CORE):
            load = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        with load:
            try:
                first, before, _ = self._held(load)
                last, after, longest = self._held(load)
            finally:
                load.kill()
        pss, uss = ((b - a) / (last - first) for a, b in zip(before, after, strict=True))
        return Sample(pss=pss, uss=uss, total=after[0], held=last, longest=longest or None)

    def _held(self, load: subprocess.Popen[str]) -> tuple[int, tuple[int, int], float]:
        assert load.stdin is not None
        assert load.stdout is not None
        assert load.stderr is not None
        line = load.stdout.readline()
        if not line:
            raise BenchError(self._explain(load.stderr.read()))
        time.sleep(SETTLE)
        weight = memory(self.proxy.pids)
        load.stdin.write("\n")
        load.stdin.flush()
        held, longest = line.split()
        return int(held), weight, float(longest)

    def _explain(self, complaint: str) -> str:
        words = [complaint.strip(), *(last_words(self.home / who) for who in ("backend", "proxy"))]
        return "\n".join(word for word in words if word)

    def misplaced(self) -> bool:
        """Tell whether some process may run on a core that isn't its own."""
        return bool(misplaced({**dict.fromkeys(self.proxy.pids, PROXY_CORE), self.backend: LOAD_CORE}))


@contextlib.contextmanager
def stack(kind: Kind, programs: Programs, manner: Manner, *, tuned: bool) -> Iterator[Stack]:
    """Run a proxy with a backend of its own, so that no proxy meets another's closed connections."""
    with tempfile.TemporaryDirectory(prefix="mrcpbalance-bench-") as directory:
        home = Path(directory)
        for who in ("backend", "proxy"):
            (home / who).mkdir()
        with (
            _backend(programs, manner, home / "backend") as (process, backends),
            kind.run(backends, home / "proxy", tuned=tuned) as proxy,
        ):
            yield Stack(proxy=proxy, backend=process, home=home, programs=programs, manner=manner)


@contextlib.contextmanager
def _backend(programs: Programs, manner: Manner, home: Path) -> Iterator[tuple[int, Backends]]:
    command = [
        str(programs.backend),
        *(("--apart",) if manner.apart else ()),
        *(("--silent",) if manner.silent else ()),
    ]
    with running(command, home, core=LOAD_CORE) as process:
        ports = home / "stdout"
        wait_until(lambda: ports.read_bytes().endswith(b"\n"), process, home)
        a, b, stream_a, stream_b, sip_a, sip_b = map(int, ports.read_text().split())
        yield process.pid, Backends(exchange=(a, b), stream=(stream_a, stream_b), sip=(sip_a, sip_b))
