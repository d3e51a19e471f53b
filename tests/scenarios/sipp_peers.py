"""sipp as callers and as backends: processes with a scenario each, and the port where control connections end."""

import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from tests import peers
from tests.scenarios.children import child_process

FILES: Final = Path(__file__).with_name("sipp")
CALLERS: Final = "127.0.0.3"
AT_ONCE: Final = 50  # calls that are begun in a second
PATIENCE: Final = 20  # seconds until sipp gives up


@attrs.frozen
class Answering:
    """sipp as a backend."""

    name: str
    address: Address
    child: trio.Process

    async def succeeded(self) -> bool:
        """Wait until it has had as many calls as it was told; tell whether all went as its scenario says."""
        return await self.child.wait() == 0


@attrs.frozen
class Outcome:
    """What sipp says of the calls it placed."""

    succeeded: bool
    screen: str


@contextlib.asynccontextmanager
async def answering(
    scenario: str, calls: int, *, transport: str = "udp", name: str = "a", host: str = "127.0.0.2"
) -> AsyncIterator[Answering]:
    """Have sipp answer so many calls, then end by itself."""
    async with trio.open_nursery() as nursery:
        control: int = await nursery.start(_control_port, host)
        port = _free_port(host, transport)
        command = _command(scenario, host, port, transport, calls)
        command += ["-key", "control_port", str(control)]
        async with child_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            await _until_bound(host, port, transport, child)
            yield Answering(name, Address(host, port), child)
        nursery.cancel_scope.cancel()


async def calling(
    to: Address, scenario: str, calls: int, *, transport: str = "udp", hold: float = 0.3
) -> Outcome:
    """Have sipp place calls, each held for so many seconds, and wait until all are over."""
    port = _free_port(CALLERS, transport)
    command = _command(scenario, CALLERS, port, transport, calls)
    command += ["-r", str(AT_ONCE), "-l", str(calls), "-timeout", str(PATIENCE)]
    command += ["-d", str(round(1000 * hold)), str(to)]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return Outcome(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-3000:])


def _command(scenario: str, host: str, port: int, transport: str, calls: int) -> list[str]:
    file = str(FILES / f"{scenario}.xml")
    mode = "u1" if transport == "udp" else "t1"
    command = [peers.need("sipp"), "-nostdin", "-sf", file, "-i", host, "-p", str(port), "-t", mode]
    return [*command, "-m", str(calls)]


def _kind(transport: str) -> socket.SocketKind:
    return socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM


def _free_port(host: str, transport: str) -> int:
    """Find a port that sipp can have; it takes none by itself."""
    with socket.socket(socket.AF_INET, _kind(transport)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def _until_bound(host: str, port: int, transport: str, child: trio.Process) -> None:
    """Wait until sipp has its port: until nobody else can have it."""
    with trio.fail_after(PATIENCE):
        while child.poll() is None:
            with socket.socket(socket.AF_INET, _kind(transport)) as probe:
                try:
                    probe.bind((host, port))
                except OSError:
                    return
            await trio.sleep(0.01)
    raise RuntimeError(f"sipp ended with {child.returncode}")


async def _control_port(host: str, *, task_status: trio.TaskStatus[int]) -> None:
    """Take control connections until they end."""
    (listener,) = await trio.open_tcp_listeners(0, host=host, backlog=512)
    task_status.started(listener.socket.getsockname()[1])
    await trio.serve_listeners(_swallow, [listener])


async def _swallow(stream: trio.SocketStream) -> None:
    async with stream:
        with contextlib.suppress(trio.BrokenResourceError):
            async for _ in stream:
                pass
