"""`mrcpbalance serve`: how it is started, what it says when it is ready, and how it refuses to start."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from mrcpbalance.cli import main
from mrcpbalance.config import Address
from mrcpbalance.simulator import EchoServer, FramedCaller, FramedServer, RtspCaller, SpeechServer
from tests.scenarios.children import child_process
from tests.scenarios.serving import COMMAND, run_serve, serving

pytestmark = pytest.mark.real_time

LOOPBACK = "127.0.0.1:0"
GOOD = """\
[pools.speech.health]
probe = "none"

[pools.speech.backends.asr-1]
rtsp = "127.0.0.1:1554"
tcp = "127.0.0.1:9000"

[listeners.v1]
protocol = "rtsp"
bind = "127.0.0.1:0"
pool = "speech"
"""


@pytest.fixture
def taken() -> Iterator[Address]:
    """An address where somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield Address(*sock.getsockname()[:2])


async def test_with_a_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer() as server:
        file.write_text(GOOD.replace("127.0.0.1:1554", str(server.address)))
        async with serving("--config", str(file)) as served:
            (line,) = served.ready
            assert re.fullmatch(r"v1: rtsp on 127\.0\.0\.1:[0-9]+", line)
            async with RtspCaller(served.address) as caller:
                assert await (await caller.setup("speechsynth")).teardown() == 200
            ended = await served.until("session-end")
            assert (ended["backend"], ended["end"], ended["attempts"]) == ("asr-1", "client/teardown", 1)


async def test_without_a_file() -> None:
    async with FramedServer() as framed, FramedServer() as other:
        flags = ("--backend", str(framed.address), "--backend", f"second={other.address}")
        async with serving("--listen", f"mrcp://{LOOPBACK}", *flags) as served:
            async with FramedCaller(served.address) as caller:
                for _ in range(2):
                    await caller.open("speechsynth")
            await served.log.until(lambda _: len(served.said("session-end")) == 2)
            assert {line["backend"] for line in served.said("session-end")} == {str(framed.address), "second"}


async def test_one_line_for_each_listener(tmp_path: Path) -> None:
    own = f"127.78.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    raw = f'[listeners.raw]\nprotocol = "tcp"\nbind = "{own}:8001-8003"\npool = "speech"\n'
    six = '[listeners.six]\nprotocol = "auto"\nbind = "[::1]:0"\npool = "speech"\n'
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD + raw + six)
    async with serving("--config", str(file), listeners=5) as served:
        v1, *ports, six = served.ready
        assert v1.startswith("v1: rtsp on 127.0.0.1:")
        assert ports == [f"raw: tcp on {own}:{port}" for port in (8001, 8002, 8003)]
        assert re.fullmatch(r"six: auto on \[::1\]:[0-9]+", six)


async def test_a_console_log(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD + '[log]\nformat = "console"\n')
    async with child_process([*COMMAND, "--config", str(file)], stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert (await child.stdout.receive_some()).startswith(b"v1: rtsp on ")
        child.send_signal(signal.SIGTERM)
        told = b"".join([data async for data in child.stderr]).decode()
        assert await child.wait() == 0
    assert "draining" in told
    assert "{" not in told


async def test_an_address_in_use(tmp_path: Path, taken: Address) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD + f'[listeners.raw]\nprotocol = "tcp"\nbind = "{taken}"\npool = "speech"\n')
    status, out, err = await run_serve(["--config", str(file)])
    assert (status, out) == (1, "")
    assert err == (
        f"mrcpbalance: listeners.raw.bind: can't listen on {taken}: Address already in use "
        "(another process listens there; `ss -lntup` shows which. To take over from it, see process.reuse_port)\n"
    )


async def test_an_address_of_another_machine() -> None:
    status, out, err = await run_serve(["--listen", "tcp://192.0.2.1:0", "--backend", "127.0.0.1:1"])
    assert (status, out) == (1, "")
    assert err.startswith("mrcpbalance: listeners.tcp.bind: can't listen on 192.0.2.1:0: ")
    assert "`ip addr` lists those it has" in err
    assert err.count("\n") == 1


async def test_a_faulty_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(GOOD.replace('"rtsp"', '"rstp"') + "[timeouts]\ndrain = 3\n")
    status, out, err = await run_serve(["--config", str(file)])
    assert (status, out) == (1, "")
    first, second = err.splitlines()
    assert first.startswith(f"{file}:9: listeners.v1.protocol: ")
    assert second.startswith(f"{file}:13: timeouts.drain: ")


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    status, out, err = await run_serve(["--config", str(tmp_path / "none.toml")])
    assert (status, out) == (1, "")
    assert err.startswith(f"{tmp_path / 'none.toml'}:1: ")
    assert "Traceback" not in err


async def test_faulty_flags() -> None:
    status, out, err = await run_serve(["--listen", "rtsp:127.0.0.1:1554", "--backend", "127.0.0.1"])
    assert (status, out) == (2, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == ["command line"] * 2


@pytest.mark.parametrize("arguments", [[], ["--config", "x.toml", "--backend", "127.0.0.1:1"], ["x.toml"]])
def test_wrong_usage(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: ")


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    """The end for writing of a pipe that nobody reads from."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("how", ["closed", "nobody reads", "full"])
async def test_stdout_that_takes_nothing(broken_pipe: int, how: str) -> None:
    """Whoever started it may not care for the readiness lines, or have gone: it serves all the same."""
    own = f"127.79.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    to = {"closed": ">&-", "nobody reads": "", "full": ">/dev/full"}[how]
    async with EchoServer() as server:
        flags = ["--listen", f"tcp://{own}:8001-8002", "--backend", str(server.address)]
        command = ["sh", "-c", f'exec "$@" {to}', "sh", *COMMAND, *flags]
        async with child_process(command, stdout=broken_pipe, stderr=subprocess.PIPE) as child:
            await echoes(own, 8002)
            child.send_signal(signal.SIGTERM)
            assert child.stderr is not None
            told = b"".join([data async for data in child.stderr]).decode()
            assert await child.wait() == 0
    assert {line[:1] for line in told.splitlines()} == {"{"}


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full", ""], ids=["closed", "full", "nobody reads"])
async def test_without_a_log(broken_pipe: int, to: str) -> None:
    async with EchoServer() as server:
        flags = ["--listen", f"tcp://{LOOPBACK}", "--backend", str(server.address)]
        command = ["sh", "-c", f'exec "$@" {to}', "sh", *COMMAND, *flags]
        async with child_process(command, stderr=broken_pipe) as child:
            assert child.stdout is not None
            ready = (await child.stdout.receive_some()).decode()
            for _ in range(3):
                await echoes("127.0.0.1", int(ready.rpartition(":")[2]))
            child.send_signal(signal.SIGTERM)
            assert await child.wait() == 0


async def echoes(host: str, port: int) -> None:
    """See that there is somebody behind the proxy, as soon as it listens."""
    while True:
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError:
            await trio.sleep(0.02)
            continue
        async with stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
            return
