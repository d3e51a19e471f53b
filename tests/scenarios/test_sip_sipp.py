"""Guards against a SIP of our own making: sipp places the calls and answers them, at 50 a second, with and without loss."""

import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.peers import need
from tests.scenarios.running import running

FILES: Final = Path(__file__).with_name("sipp")
CONFIG: Final = """
[pools.speech.backends.uas]
sip = "127.0.0.2:{port}"
sip_transport = "{transport}"
[listeners.v2]
protocol = "sip"
bind = "127.0.0.1:0"
pool = "speech"
"""


def free_port(host: str, transport: str) -> int:
    """Find a port that sipp can have; it takes none by itself."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def swallow(stream: trio.SocketStream) -> None:
    """Take a control connection until it ends."""
    async with stream:
        async for _ in stream:
            pass


@asynccontextmanager
async def answering(transport: str, calls: int) -> AsyncIterator[int]:
    """Have sipp answer calls at 127.0.0.2, with a port for their control connections; gives its SIP port."""
    port = free_port("127.0.0.2", transport)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, swallow, 0, host="127.0.0.2")
        (listener,) = await nursery.start(serve)
        control = listener.socket.getsockname()[1]
        command = [need("sipp"), "-sf", str(FILES / "uas.xml"), "-i", "127.0.0.2", "-p", str(port)]
        command += [
            "-t",
            _mode(transport),
            "-m",
            str(calls),
            "-key",
            "control_port",
            str(control),
            "-nostdin",
        ]
        process = await nursery.start(
            partial(trio.run_process, command, stdout=subprocess.DEVNULL, check=False)
        )
        try:
            yield port
        finally:
            process.terminate()
            nursery.cancel_scope.cancel()


def _mode(transport: str) -> str:
    return "u1" if transport == "udp" else "t1"


async def call(
    to: tuple[str, int], transport: str, calls: int, *more: str
) -> subprocess.CompletedProcess[bytes]:
    """Have sipp place calls from 127.0.0.3, 50 a second."""
    port = free_port("127.0.0.3", transport)
    command = [
        need("sipp"),
        "-sf",
        str(FILES / "uac.xml"),
        "-i",
        "127.0.0.3",
        "-p",
        str(port),
        "-t",
        _mode(transport),
    ]
    command += [
        "-r",
        "50",
        "-m",
        str(calls),
        "-l",
        str(calls),
        "-nostdin",
        "-timeout",
        "60",
        *more,
        f"{to[0]}:{to[1]}",
    ]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("front", "back", "calls"),
    [("udp", "udp", 200), ("tcp", "tcp", 200), ("udp", "tcp", 50), ("tcp", "udp", 50)],
)
async def test_calls_at_fifty_a_second(front: str, back: str, calls: int) -> None:
    with trio.fail_after(60):
        async with (
            answering(back, 2 * calls) as port,
            running(CONFIG.format(port=port, transport=back)) as proxy,
        ):
            address = proxy.addresses["v2"][0]
            done = await call((address.host, address.port), front, calls)
            assert done.returncode == 0, done.stdout[-2000:]
    assert proxy.ends == ["client/teardown"] * calls


@pytest.mark.real_time
async def test_calls_over_a_network_that_loses_datagrams() -> None:
    calls = 60
    with trio.fail_after(60):
        async with (
            answering("udp", 2 * calls) as port,
            running(CONFIG.format(port=port, transport="udp")) as proxy,
        ):
            address = proxy.addresses["v2"][0]
            done = await call((address.host, address.port), "udp", calls, "-lost", "5")
            assert done.returncode == 0, done.stdout[-2000:]
            await proxy.ended.count(calls)
