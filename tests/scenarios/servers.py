"""Simulated servers as processes of their own, for every protocol: they can be killed, stopped and woken."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from tests.scenarios.children import child_process, lines

COMMAND: Final = [sys.executable, "-m", "mrcpbalance", "simulate", "server"]
PATIENCE: Final = 20.0  # seconds; fail-safe


@attrs.frozen
class ServerProcess:
    """A running server."""

    name: str
    address: Address
    child: trio.Process

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.child.pid, number)


@contextlib.asynccontextmanager
async def server_process(
    name: str, protocol: str, *flags: str, host: str = "127.0.0.1", within: Sequence[str] = ()
) -> AsyncIterator[ServerProcess]:
    """Run a server that speaks this protocol; `within` is what its command goes behind, as in a namespace."""
    command = [*within, *COMMAND, f"--{protocol}", f"{host}:0", "--name", name, *flags]
    async with child_process(command) as child, contextlib.aclosing(lines(child.stdout)) as said:
        with trio.fail_after(PATIENCE):
            found = re.search(r" on (\S+):([0-9]+)", await anext(said))
        assert found is not None, "a readiness line"
        yield ServerProcess(name, Address(found[1], int(found[2])), child)
