"""What a run says about the machine, and which process may use which core."""

import contextlib
import os
import platform
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

PROXY_CORE, LOAD_CORE = 0, 1


def describe() -> dict[str, str]:
    """Say what the figures depend on, beside the programs."""
    return {
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()) + " before the run",
        "python": platform.python_version(),
        "haproxy": _first_line("haproxy", "-v"),
        "nginx": _first_line("nginx", "-v"),
        "compiler": _first_line("cc", "--version"),
    }


@attrs.define
class Others:
    """How much of the machine others used, its host included; they make every figure worse."""

    _busy: float = attrs.field(factory=lambda: _busy_seconds(), init=False)  # noqa: PLW0108 - defined below
    _ours: float = attrs.field(factory=lambda: sum(os.times()[:4]), init=False)
    _began: float = attrs.field(factory=time.monotonic, init=False)

    def share(self) -> float:
        """Return their share since we began, 1.0 is every core; our children must have ended."""
        ours = sum(os.times()[:4]) - self._ours
        passed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return max(0.0, _busy_seconds() - self._busy - ours) / passed


def _busy_seconds() -> float:
    user, nice, system, _idle, _wait, irq, softirq, stolen = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def find(program: str) -> str | None:
    """Find a program, also where only root's path leads."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _first_line(program: str, option: str) -> str:
    path = find(program)
    if path is None:
        return "not installed"
    done = subprocess.run([path, option], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def allow_many_files() -> int:
    """Raise the limit of open files as far as it goes, for us and our children; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Have the processes started in here run on this core only, where there is such a core."""
    allowed = os.sched_getaffinity(0)
    if core in allowed:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def misplaced(cores: Mapping[int, int]) -> dict[int, set[int]]:
    """Of processes and the core each was meant for, return those that may run elsewhere."""
    return {pid: allowed for pid, core in cores.items() if (allowed := _allowed(pid)) != {core}}


def _allowed(pid: int) -> set[int]:
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    return set().union(*(os.sched_getaffinity(thread) for thread in threads))


def memory(pids: tuple[int, ...]) -> tuple[int, int]:
    """Add up the proportional and the unique set sizes of processes, in octets."""
    sums = {"Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0]) * 1024
    return sums["Pss"], sums["Private_Clean"] + sums["Private_Dirty"]
