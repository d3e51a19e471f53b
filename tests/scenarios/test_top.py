"""Guards against a live view that shows what isn't, dies with the proxy it watches, or leaves a terminal unusable."""

import signal
from pathlib import Path

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.scenarios.by_hand import refusing_address
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, MRCPBALANCE, Operator, run
from tests.scenarios.running import V1, Named
from tests.scenarios.terminal import terminal

pytest.importorskip("rich")
pytestmark = pytest.mark.real_time


async def test_it_shows_what_happens_as_it_happens(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        SpeechServer("b") as b,
        process(V1 + ADMIN, a, b, backend="max_sessions = 4\n") as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        first = await caller.setup("speechrecog")
        top = [*MRCPBALANCE, "top", "--admin", operator.where, "--interval", "0.2"]
        with terminal(top) as screen:
            before = screen.settings()
            shown = await screen.until(r"OLDEST(.|\n)*speechrecog")
            assert "BACKEND" in screen.text
            assert f"at {operator.where}" in screen.text
            assert "1 live sessions" in screen.text
            assert screen.settings() != before  # keys come at once
            await caller.setup("speechsynth")
            shown = await screen.until(r"2 live sessions(.|\n)*speechsynth", after=shown)
            await operator.order("drain", "a")
            shown = await screen.until(r"speech/a +draining", after=shown)
            assert await first.teardown() == 200
            shown = await screen.until("1 live sessions", after=shown)
            screen.resize(60, 12)
            await screen.until("1 live sessions", after=shown)
            screen.press("x")  # means nothing
            screen.press("q")
            assert await screen.ends() == 0
            assert screen.settings() == before
            assert screen.raw.rstrip().endswith("\x1b[?1049l")  # what stood there before is back


async def test_the_proxy_goes_and_comes_back(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    text = V1 + f'[admin]\nbind = "unix:{path}"\n'
    async with SpeechServer("a") as a, process(text, a) as served:
        await Operator.of(served)
        with terminal([*MRCPBALANCE, "top", "--admin", f"unix:{path}", "--interval", "0.2"]) as screen:
            shown = await screen.until(r"speech/a +up")
            served.signal(signal.SIGTERM)
            assert await served.wait() == 0
            shown = await screen.until(r"asking again: no proxy answers at(.|\n)*speech/a +up", after=shown)
            async with process(text, a) as again:
                await Operator.of(again)
                await screen.until(r"0 live sessions.*\n *\nBACKEND", after=shown)
                screen.program.send_signal(signal.SIGTERM)
                assert await screen.ends() == 0
            assert screen.raw.rstrip().endswith("\x1b[?1049l")


async def test_without_a_terminal_it_prints_one_picture(process: Process) -> None:
    dead = Named("dead", await refusing_address())
    async with (
        SpeechServer("a") as a,
        process(V1 + ADMIN, dead, a) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        await caller.setup("speechrecog")
        done = await operator.run("top")
        assert (done.status, done.err) == (0, "")
        assert "\x1b" not in done.out
        for part in ("1 live sessions", "speech/a ", "speech/dead ", "BUSIEST", "OLDEST", "speechrecog"):
            assert part in done.out
        with trio.fail_after(10):
            assert (await operator.run("top", "--interval", "0")).status == 2


async def test_nobody_there(tmp_path: Path) -> None:
    done = await run("top", "--admin", f"unix:{tmp_path}/none")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"mrcpbalance: no proxy answers at unix:{tmp_path}/none ")
