"""A simulated speech server as a process of its own, which can be stopped and killed as real ones can."""

import contextlib
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import Silence, SpeechServer
from tests.scenarios.children import child_process, lines
from tests.scenarios.running import Told

COMMAND: Final = [sys.executable, "-c", "from tests.scenarios.speech_process import main; main()"]


class SpeechProcess:
    """A running server."""

    def __init__(self, name: str, child: trio.Process) -> None:
        self.name = name
        self._child = child
        self._told: Told[str] = Told()  # its port, then each message it got

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", int(next(iter(self._told))))

    async def become_ready(self) -> None:
        """Wait until it listens."""
        await self._told.count(1)

    async def heard(self, what: str, times: int = 1) -> None:
        """Wait until it got so many of these messages: RTSP methods, or the MRCP methods in them."""
        await self._told.until(lambda _: list(self._told).count(what) >= times)

    def stop(self) -> None:
        """Have it stand still: its kernel still accepts, nobody answers."""
        self._child.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Have it die at once."""
        self._child.kill()

    async def read(self) -> None:
        """Read what it tells."""
        async for line in lines(self._child.stdout):
            self._told.add(line)


@contextlib.asynccontextmanager
async def speech_process(name: str, *silent_at: str) -> AsyncIterator[SpeechProcess]:
    """Run a server that never answers at these points."""
    async with child_process([*COMMAND, *silent_at]) as child, trio.open_nursery() as nursery:
        server = SpeechProcess(name, child)
        nursery.start_soon(server.read)
        await server.become_ready()
        yield server
        nursery.cancel_scope.cancel()


async def _serve(silent_at: list[str]) -> None:
    async with SpeechServer(faults=[Silence(at=point) for point in silent_at]) as server:
        _tell(str(server.address.port))
        for count in itertools.count(1):
            await server.transcript.until(lambda _: len(server.transcript) >= count)  # noqa: B023 - used at once
            entry = list(server.transcript)[count - 1]
            _tell(entry.mrcp or entry.name)


def _tell(line: str) -> None:
    """Tell whoever started it."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    trio.run(_serve, sys.argv[1:])
