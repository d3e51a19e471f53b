"""Child processes: started on a core, waited for until they are ready, stopped by their id."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.machine import on_core

START_TIME = 20.0
STOP_TIME = 3.0
OPTIONS = (
    "OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKready{own}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:127.0.0.1:{own}>;tag=ready\r\nTo: <sip:127.0.0.1:{port}>\r\n"
    "Call-ID: ready@127.0.0.1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class BenchError(Exception):
    """A process that did not do what it was started for; the text is for people."""


class TooSlowError(BenchError):
    """A run that did not hold the rate asked for; others on the machine may be the cause."""


@contextlib.contextmanager
def running(
    command: Sequence[str], home: Path, *, core: int, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in the background, its output in files `stdout` and `stderr` of its home."""
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err, on_core(core):
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,  # Ctrl-C is ours to handle: each is stopped in its turn
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = children(process.pid)
    process.terminate()
    try:
        process.wait(STOP_TIME)
    except subprocess.TimeoutExpired:
        # A killed parent can't end its children: each goes by its own id.
        process.kill()
        process.wait()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)


def children(pid: int) -> tuple[int, ...]:
    """Return the processes this one started."""
    with contextlib.suppress(OSError):
        return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return ()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], home: Path) -> None:
    """Wait until a started process is ready; its last words come with the error when it isn't."""
    end = time.monotonic() + START_TIME
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            state = (
                "it did not get ready"
                if process.poll() is None
                else f"it ended with status {process.returncode}"
            )
            words = last_words(home)
            raise BenchError(f"{state}: {words.rpartition(chr(10))[2]}\n{words}")
        time.sleep(0.02)


def last_words(home: Path) -> str:
    """Return the end of what a process wrote to its stderr, if it ever ran."""
    if not (home / "stderr").exists():
        return ""
    return (home / "stderr").read_text(errors="replace")[-800:].strip()


def accepts(port: int) -> bool:
    """Try whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def answers(port: int) -> bool:
    """Try whether somebody answers SIP over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        asker.connect(("127.0.0.1", port))
        own = asker.getsockname()[1]
        try:
            asker.send(OPTIONS.format(port=port, own=own).encode())
            return asker.recv(2048).startswith(b"SIP/2.0 ")
        except OSError:
            return False


def free_ports(count: int) -> list[int]:
    """Find ports nobody listens on right now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
