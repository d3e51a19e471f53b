"""`mrcpbalance simulate`: servers and callers as processes of their own, with the proxy between them and without."""

import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from mrcpbalance.cli import main
from mrcpbalance.config import Address
from mrcpbalance.simulator import FramedCaller, Refused, RtspCaller, SpeechServer
from tests.scenarios.children import child_process, lines
from tests.scenarios.serving import serving

pytestmark = pytest.mark.real_time

COMMAND = [sys.executable, "-m", "mrcpbalance"]
ANY = "127.0.0.1:0"
PATIENCE = 30


@contextlib.asynccontextmanager
async def simulating(*flags: str) -> AsyncIterator[tuple[trio.Process, list[str]]]:
    """Run servers; gives the process and a line for each `HOST:PORT` flag, once all accept."""
    with trio.fail_after(PATIENCE):
        async with (
            child_process([*COMMAND, "simulate", "server", *flags]) as child,
            contextlib.aclosing(lines(child.stdout)) as source,
        ):
            yield child, [await anext(source) for _ in range(flags.count(ANY))]


def address(line: str) -> Address:
    found = re.search(r" on ([0-9.]+):([0-9]+)", line)
    assert found, line
    return Address(found[1], int(found[2]))


async def run(*flags: str) -> tuple[int, str, str]:
    """Run callers to their end."""
    with trio.fail_after(PATIENCE):
        done = await trio.run_process(
            [*COMMAND, "simulate", "callers", *flags], capture_stdout=True, capture_stderr=True, check=False
        )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_servers_and_callers() -> None:
    async with simulating("--rtsp", ANY, "--sip", ANY, "--mrcp", ANY, "--tcp", ANY) as (child, said):
        assert [line.split(" on ")[0] for line in said] == [
            "simulated: rtsp",
            "simulated: sip",
            "simulated: mrcp",
            "simulated: tcp",
        ]
        assert re.search(r" \(udp, tcp\), control on 127\.0\.0\.1:[0-9]+$", said[1])
        for scheme, line in zip(("rtsp", "sip", "mrcp"), said, strict=False):
            status, report, _ = await run("--to", f"{scheme}://{address(line)}", "--count", "3", "--quiet")
            assert (status, report.splitlines()[1]) == (0, "Passed    3 (100.00 %)")
        child.send_signal(signal.SIGTERM)
        assert await child.wait() == 0


async def test_through_the_proxy() -> None:
    async with (
        SpeechServer() as a,
        SpeechServer() as b,
        serving(
            *("--listen", f"rtsp://{ANY}", "--backend", str(a.address), "--backend", str(b.address))
        ) as served,
    ):
        flags = ("--concurrency", "4", "--count", "20", "--per-connection", "2", "--scenario", "barge-in")
        status, report, _ = await run("--to", f"rtsp://{served.address}", *flags, "--json")
        told = json.loads(report)
        assert (status, told["passed"], told["failed"], told["anomalies"]) == (0, 20, 0, 0)
        assert told["times_ms"]["RECOGNIZE to its completion"]["count"] == 20
        assert (a.sessions_total, b.sessions_total) == (10, 10)


async def test_failures_are_told() -> None:
    async with SpeechServer() as server:
        server.max_sessions = 0
        to = ("--to", f"rtsp://{server.address}", "--count", "2")
        status, report, _ = await run(*to)
        assert (status, report.splitlines()[2:4]) == (
            1,
            ["Failed    2", "        2  set-up: refused with 453"],
        )
        status, _, _ = await run(*to, "--pass-rate", "0")
        assert status == 0


async def test_a_signal_ends_it_in_order() -> None:
    async with SpeechServer() as server:
        command = [*COMMAND, "simulate", "callers", "--to", f"rtsp://{server.address}", "--concurrency", "2"]
        with trio.fail_after(PATIENCE):
            async with child_process(command) as child:
                await server.transcript.until(lambda entry: entry.mrcp == "RECOGNIZE")
                child.send_signal(signal.SIGINT)
                report = [line async for line in lines(child.stdout)]
                assert await child.wait() == 0
    assert report[2] == "Failed    0"
    assert server.sessions == []


async def test_servers_that_misbehave() -> None:
    wrong = (
        "--refuse",
        "ANNOUNCE=500",
        "--delay",
        "SETUP=1ms",
        "--silence",
        "OPTIONS:50%",
        "--drop",
        "TEARDOWN",
    )
    async with simulating("--rtsp", ANY, "--mrcp", ANY, "--max-sessions", "1", *wrong) as (_, said):
        async with RtspCaller(address(said[0])) as caller:
            session = await caller.setup("speechsynth")
            with pytest.raises(Refused, match="453"):
                await caller.setup("speechsynth")
            assert (await session.request("SPEAK")).rtsp_status == 500
        async with FramedCaller(address(said[1])) as framed:
            await framed.open("speechsynth")
            with pytest.raises(Refused, match="501"):
                await framed.open("speechsynth")


async def test_servers_that_are_offline_and_talk_for_a_time() -> None:
    command = [*COMMAND, "simulate", "server", "--rtsp", ANY, "--offline", "--verbose", "--duration", "3s"]
    with trio.fail_after(PATIENCE):
        async with child_process(command, stderr=-1) as child:
            async with contextlib.aclosing(lines(child.stdout)) as ready:
                where = address(await anext(ready))
            async with RtspCaller(where) as caller:
                with pytest.raises(Refused, match="503"):
                    await caller.setup("speechsynth")
            said = [line async for line in lines(child.stderr)]
            assert await child.wait() == 0
    assert said[:2] == ["rtsp connection 1 <- SETUP", "rtsp connection 1 -> 503"]
    assert said[-1] == "rtsp: 0 sessions, 0 errors of callers"


def invoke(*flags: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *flags])


def test_scenarios_are_listed() -> None:
    listed = invoke("callers", "--list").stdout
    assert "recognise       define a grammar, recognise with it, hang up\n" in listed


WRONG = {
    "no server": (("server",), "give at least one of --rtsp, --sip, --mrcp, --tcp"),
    "no address": (("server", "--rtsp", "here"), "expected HOST:PORT"),
    "no status": (("server", "--rtsp", ANY, "--refuse", "SETUP"), "expected SETUP=503"),
    "no time": (("server", "--rtsp", ANY, "--delay", "SETUP=soon"), "expected SETUP=250ms"),
    "no share": (("server", "--rtsp", ANY, "--drop", "SETUP:200%"), "or either with a share like :20%"),
    "no target": (("callers",), "Missing option '--to'"),
    "no scheme": (("callers", "--to", "http://a:1"), "expected rtsp://HOST:PORT, sip://HOST:PORT"),
    "rtsp by udp": (("callers", "--to", "rtsp://a:1;transport=udp"), "expected rtsp://HOST:PORT"),
    "no port": (("callers", "--to", "sip://a"), "expected HOST:PORT"),
    "both": (("callers", "--to", "sip://a:1", "--rate", "1", "--concurrency", "1"), "not both"),
    "no duration": (("callers", "--to", "sip://a:1", "--hold", "1"), "expected one like 250ms"),
    "shared and dropped": (
        ("callers", "--to", "rtsp://a:1", "--scenario", "crash", "--per-connection", "2"),
        "leave out --per-connection",
    ),
    "no scenario": (
        ("callers", "--to", "sip://a:1", "--scenario", "none"),
        "no such scenario, expected a file, or one of",
    ),
}


@pytest.mark.parametrize(("flags", "why"), WRONG.values(), ids=WRONG)
def test_wrong_usage(flags: tuple[str, ...], why: str) -> None:
    result = invoke(*flags)
    assert (result.exit_code, why in result.stderr) == (2, True)


def test_faults_of_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[[steps]]\ndo = 'speak'\n")
    result = invoke("callers", "--to", "sip://a:1", "--scenario", str(file))
    assert (result.exit_code, result.stderr.partition(": ")[0]) == (2, f"{file}:2")


async def test_an_address_in_use() -> None:
    async with SpeechServer() as server:
        command = [*COMMAND, "simulate", "server", "--rtsp", str(server.address)]
        done = await trio.run_process(command, capture_stderr=True, check=False)
    assert (done.returncode, b"can't listen on" in done.stderr, b"Traceback" in done.stderr) == (
        1,
        True,
        False,
    )
