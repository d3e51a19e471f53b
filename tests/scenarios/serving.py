"""`mrcpbalance serve` as a process of its own: its readiness lines, its log, its signals, its exit status."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import trio

from mrcpbalance.config import Address
from tests.scenarios.children import ROOT, child_process, lines
from tests.scenarios.running import Told

COMMAND: Final = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "serve"]
PATIENCE: Final = 20.0  # seconds; fail-safe
AGAIN: Final = 0.3  # seconds from one signal to the next; two at once may become one


class Serving:
    """A running process. Its log is read once `read_log` is set."""

    def __init__(self, child: trio.Process) -> None:
        self._child = child
        self.ready: Told[str] = Told()  # lines on stdout
        self.log: Told[Mapping[str, object]] = Told()  # lines on stderr that are JSON objects,
        self.stray: list[str] = []  # and those that are not
        self.read_log = trio.Event()

    @property
    def address(self) -> Address:
        """Where its first listener is."""
        return self.addresses[0]

    @property
    def addresses(self) -> list[Address]:
        """Where its listeners are, as its readiness lines tell."""
        found = [line.rpartition(" on ")[2].rpartition(":") for line in self.ready]
        return [Address(host, int(port)) for host, _, port in found]

    def said(self, event: str) -> list[Mapping[str, object]]:
        """Give every log line about such an event, so far."""
        return [line for line in self.log if line["event"] == event]

    async def until(self, event: str, **fields: object) -> Mapping[str, object]:
        """Wait for a log line about such an event with these fields."""
        wanted = {"event": event, **fields}
        return await self.log.until(lambda line: wanted.items() <= line.items())

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._child.send_signal(number)

    async def wait(self) -> int:
        """Wait for its end, and give its exit status."""
        return await self._child.wait()

    def resident(self) -> int:
        """Tell how many octets of memory it has now."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    async def become_ready(self, listeners: int) -> None:
        """Wait for so many readiness lines; fails when it ends instead."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_too_early)
            await self.ready.count(listeners)
            nursery.cancel_scope.cancel()

    async def stop(self) -> int:
        """Stop it, if it doesn't end by itself; a second signal cuts what still drains, if anything does."""
        with trio.fail_after(PATIENCE):
            for _ in range(2):
                if not self.said("stopping"):
                    self.signal(signal.SIGTERM)
                with trio.move_on_after(AGAIN):
                    return await self.wait()
            return await self.wait()

    async def read(self) -> None:
        """Read what it writes."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_stdout)
            nursery.start_soon(self._read_stderr)

    async def _end_too_early(self) -> None:
        status = await self.wait()
        raise RuntimeError(f"ended with {status} before it was ready")

    async def _read_stdout(self) -> None:
        async for line in lines(self._child.stdout):
            self.ready.add(line)

    async def _read_stderr(self) -> None:
        await self.read_log.wait()
        async for line in lines(self._child.stderr):
            if line.startswith("{"):
                self.log.add(json.loads(line))
            else:
                self.stray.append(line)


@contextlib.asynccontextmanager
async def serving(
    *arguments: str,
    listeners: int = 1,
    stalled: bool = False,
    descriptors: int | None = None,
    faults: tuple[str, ...] = (),
    wrapped: tuple[str, ...] = (),
    pass_fds: tuple[int, ...] = (),
) -> AsyncIterator[Serving]:
    """Run `mrcpbalance serve`, wait for so many readiness lines; in the end it is stopped.

    It must end in order, and nothing but log lines may stand on stderr, none of them about a fault of its own but for
    those at the places listed. With `descriptors` it may open no more than so many; `wrapped` is the start of a command that
    runs the rest of it.
    """
    command = [*wrapped, *COMMAND, *arguments]
    if descriptors is not None:
        command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
    async with child_process(command, stderr=subprocess.PIPE, pass_fds=pass_fds) as child:
        served = Serving(child)
        if not stalled:
            served.read_log.set()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(served.read)
                await served.become_ready(listeners)
                yield served
                status = await served.stop()
                served.read_log.set()  # what is left in the pipe; reading ends with it
        except BaseException:
            print(*served.log, *served.stray, sep="\n")  # noqa: T201 - pytest shows it with the failure
            raise
    found = [fault for fault in served.said("fault") if fault["where"] not in faults]
    assert (status, served.stray, found) == (0, [], [])


async def run_serve(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run `mrcpbalance serve` that is to end by itself; give its exit status, stdout and stderr."""
    done = await trio.run_process(
        [*COMMAND, *arguments], capture_stdout=True, capture_stderr=True, check=False, cwd=ROOT
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()
