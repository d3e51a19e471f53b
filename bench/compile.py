"""Compiling the load generator and the backend, which are small C programs, on the spot."""

import os
import shutil
import subprocess
from pathlib import Path

import attrs

HERE = Path(__file__).resolve().parent
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra")


@attrs.frozen
class Programs:
    """Where the compiled programs are."""

    load: Path
    calls: Path
    backend: Path


def compiler() -> str | None:
    """Find a C compiler."""
    return shutil.which(os.environ.get("CC", "cc"))


def compile_programs(into: Path = HERE / "build") -> Programs:
    """Compile what is older than its source; CalledProcessError carries the compiler's words."""
    into.mkdir(exist_ok=True)
    return Programs(
        load=_compile("load", into, "load.c", "callers.c"),
        calls=_compile("calls", into, "load.c", "calls.c"),
        backend=_compile("backend", into, "backend.c", "agent.c"),
    )


def _compile(name: str, into: Path, *units: str) -> Path:
    program = into / name
    sources = (*HERE.glob("*.[ch]"), Path(__file__))
    if program.exists() and program.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return program
    cc = compiler()
    if cc is None:
        raise FileNotFoundError("no C compiler: install gcc or set CC")
    fresh = into / f"{name}.{os.getpid()}"  # renamed when whole: another run may be using the old one
    subprocess.run([cc, *FLAGS, "-o", str(fresh), *(str(HERE / unit) for unit in units)], check=True)
    return fresh.rename(program)
