"""Guards against a page that shows what isn't so, asks elsewhere, or that a keyboard or a phone can't use."""

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from mrcpbalance.simulator import Delay, RtspCaller, SpeechServer
from tests.scenarios.browser import Page, browsing
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, Operator
from tests.scenarios.running import FIRST, V1
from tests.scenarios.serving import Serving
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

PROBES = '[pools.speech.health]\ninterval = "200ms"\ntimeout = "1s"\n'
TURNS = '[pools.speech]\npolicy = "round-robin"\n'
ROWS = "[...document.querySelectorAll('#backends tr')].map(row => [...row.cells].map(cell => cell.innerText))"
SLOW = "[...document.querySelectorAll('#plots .slow')].map(plot => plot.dataset.backend)"
PICTURES = os.environ.get("MRCPBALANCE_PICTURES")  # a directory where to keep what the page looks like
LOOKS = (("light", 1280, False), ("dark", 1280, True), ("phone", 390, True))


@asynccontextmanager
async def opened(served: Serving, profile: Path) -> AsyncIterator[tuple[Page, Operator]]:
    """Open the page in a browser, which must find nothing to complain of and ask nobody else."""
    operator = await Operator.of(served)
    async with browsing(profile) as page:
        await page.look(width=1280, height=900, dark=False)
        await page.go(f"http://{operator.where}/")
        yield page, operator
        assert page.complaints == []
        assert {url.split("/")[2] for url in page.asked if url.startswith("http")} == {operator.where}


async def look_everywhere(page: Page, name: str) -> None:
    """See that it fits a screen, a dark one and a phone; keep pictures where they are wanted."""
    for kind, width, dark in LOOKS:
        file = Path(PICTURES) / f"{name}-{kind}.png" if PICTURES else None
        await page.look(width=width, height=900, dark=dark, file=file)
        assert await page.js("document.documentElement.scrollWidth <= innerWidth"), kind
    await page.look(width=1280, height=900, dark=False)


async def test_the_page(process: Process, tmp_path: Path) -> None:
    async with (
        speech_process("dying") as dying,
        SpeechServer("living") as living,
        process(V1 + FIRST + ADMIN + PROBES, dying, living, backend="max_sessions = 4") as served,
        RtspCaller(served.address) as caller,
        opened(served, tmp_path / "profile") as (page, operator),
    ):
        session = await caller.setup("speechrecog")
        assert (await page.until(f"{ROWS}[0]?.[2] === '1' && {ROWS}[0]"))[:2] == ["speech/dying", "up"]
        assert await page.until(f"{ROWS}[0]?.[3]?.includes('of 4')")
        assert await page.until("document.title") == "mrcpbalance"
        await page.until(f"document.querySelector('#sessions').innerText.includes('{session.id}')")
        await page.until("document.querySelector('#summary').innerText.startsWith('2 of 2 backends up, 1 ')")

        dying.kill()  # without a word from us the page shows it
        await page.until(f"{ROWS}[0]?.[1] === 'down' && {ROWS}[0]?.[2] === '0'")
        await page.until("document.querySelector('#summary').innerText.startsWith('1 of 2 backends up, 0 ')")
        await page.until("document.querySelector('#news').innerText.includes('speech/dying is down')")
        await page.until("document.querySelector('#news').innerText.includes('ended by backend/active')")

        await page.js("document.querySelector('[data-order=\"speech/living/drain\"]').focus()")
        await page.js("document.activeElement.click()")
        await page.until(f"{ROWS}[1]?.[1] === 'draining'")
        assert (await operator.get("/readyz")).status == 503
        await page.js("document.querySelector('[data-order=\"speech/living/enable\"]').click()")
        await page.until(f"{ROWS}[1]?.[1] === 'up'")

        async with RtspCaller(served.address) as another:
            sought = await another.setup("speechsynth")
            await another.setup("speechrecog")
            await page.until("document.querySelectorAll('#sessions tr').length === 2")
            await page.js(f"document.querySelector('#search').value = '{sought.id}'")
            await page.js("document.querySelector('#search').dispatchEvent(new Event('input'))")
            await page.until("document.querySelectorAll('#sessions tr').length === 1")
            await look_everywhere(page, "backends")
            for name, width, dark in LOOKS:
                await page.look(width=width, height=800, dark=dark)
                shown = "document.querySelector('[data-order]').getBoundingClientRect().right <= innerWidth"
                assert await page.js(shown), name  # orders can be given without scrolling sideways

            file = tmp_path / "scenario.toml"
            file.write_text(file.read_text().replace("backends.living]", "backends.moved]"))
            served.signal(signal.SIGHUP)
            await page.until(f"{ROWS}[2]?.[1] === 'draining (taken out)' && {ROWS}[2]?.[2] === '2'")
            assert await page.js("document.querySelector('[data-order=\"speech/living/enable\"]')") is None


async def call(served: Serving) -> None:
    """Have sessions begin and end, one after the other."""
    async with RtspCaller(served.address) as caller:
        while True:
            session = await caller.setup("speechrecog")
            await session.request("DEFINE-GRAMMAR", {"Content-Type": "application/srgs+xml"}, b"<grammar/>")
            await session.teardown()


async def test_the_slow_one_of_five_stands_out(process: Process, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        slow = [Delay(at="SETUP", seconds=0.25), Delay(at="DEFINE-GRAMMAR", seconds=0.3)]
        servers = [
            await stack.enter_async_context(SpeechServer(f"asr-{number}", faults=slow if number == 4 else ()))
            for number in range(1, 6)
        ]
        served = await stack.enter_async_context(process(V1 + TURNS + ADMIN + PROBES, *servers))
        calls = await stack.enter_async_context(trio.open_nursery())
        for _ in range(5):
            calls.start_soon(call, served)
        page, _ = await stack.enter_async_context(opened(served, tmp_path / "profile"))
        await page.until(
            f"({SLOW}).join() === 'speech/asr-4'"
        )  # the first of few may have been slow by chance
        marked = f"{ROWS}.filter(row => row[4].includes('▲') && row[5].startsWith('DEFINE-GRAMMAR') && row[5].includes('▲'))"
        await page.until(f"{marked}.length === 1 && {marked}[0][0] === 'speech/asr-4'")
        await page.until(
            "[...document.querySelectorAll('#plots figure')].every(one => one.querySelector('path.p95'))"
        )
        assert await page.until("document.querySelectorAll('#plots rect.caller').length >= 5")
        await look_everywhere(page, "slow")
        calls.cancel_scope.cancel()


LADDER = "[...document.querySelectorAll('#ladder li')].map(row => row.innerText)"
BOTH = "[...document.querySelectorAll('#ladder li')].filter(row => row.querySelectorAll('.arrow').length === 2).length"


async def test_the_ladder_of_a_session_grows(process: Process, tmp_path: Path) -> None:
    async with (
        SpeechServer("living") as living,
        process(V1 + FIRST + ADMIN, living) as served,
        RtspCaller(served.address) as caller,
        opened(served, tmp_path / "profile") as (page, operator),
    ):
        session = await caller.setup("speechrecog")
        ours = (await operator.sessions())[0]["id"]
        link = f"document.querySelector('[data-session=\"{ours}\"]')"
        await page.until(f"{link} !== null")
        await page.js(f"{link}.focus()")
        await page.js("document.activeElement.click()")
        facts = "document.querySelector('#facts').innerText"
        assert session.id in await page.until(f"{facts}.includes('speech/living') && {facts}")
        grammar = {"Content-Type": "application/srgs+xml"}
        with trio.fail_after(20):  # what passes before its stream stands isn't shown
            while not await page.js(f"{LADDER}.length"):
                await session.request("DEFINE-GRAMMAR", grammar, b"<grammar/>")
        before = await page.js(f"{LADDER}.length")
        await session.request("SET-PARAMS", {"Confidence-Threshold": "0.5"})
        await page.until(f"{LADDER}.length >= {before} + 2 && {LADDER}.join().includes('SET-PARAMS')")
        await page.until(f"{BOTH} >= 2")  # request and response, each on one line with its passing on
        for name, width, dark in LOOKS:
            file = Path(PICTURES) / f"ladder-{name}.png" if PICTURES else None
            await page.look(width=width, height=900, dark=dark, file=file)
            fits = "(at => at.scrollWidth <= at.clientWidth)(document.querySelector('#detail'))"
            assert await page.js(fits), name
        await session.teardown()
        await page.until("document.querySelector('#detail-state').innerText === 'ended: client/teardown'")
        await page.until(f"{LADDER}.at(-1).includes('ended: client/teardown')")
        await page.js("document.querySelector('#detail-close').click()")
        await page.until("!document.querySelector('#detail').open")


def timed(
    backend: str,
    p95: float | None,
    started: int = 20,
    pool: str = "speech",
    state: str = "up",
    **requests: float,
) -> object:
    """Make a row of the history, as far as the page judges by it."""
    means = {method.replace("_", "-"): {"count": 9, "mean_ms": mean} for method, mean in requests.items()}
    return {
        "pool": pool,
        "backend": backend,
        "state": state,
        "recent": {"started": started, "setup_p95_ms": p95, "requests": means},
    }


USUAL = [timed(f"b{number}", 20 + number) for number in range(4)]
VERDICTS = {
    "far above": ([timed("x", 100), *USUAL], 100 / 21.5),
    "not twice": ([timed("x", 42), *USUAL], 0),
    "twice, but by a hair": ([timed("x", 9), timed("y", 3)], 0),
    "too few to say": ([timed("x", 900, started=2), *USUAL], 0),
    "nothing at all": ([timed("x", None, started=0), *USUAL], 0),
    "the others have too few": ([timed("x", 900), timed("y", 3, started=2)], 0),
    "alone": ([timed("x", 900)], 0),
    "others of another pool": ([timed("x", 900), timed("y", 3, pool="raw")], 0),
    "one of two": ([timed("x", 900), timed("y", 30)], 30),
    "beside one that is slow too": ([timed("x", 400), timed("y", 400), timed("z", 10)], 0),
    "beside one that is down": ([timed("x", 66), timed("y", 22, state="down")], 0),
    "beside sessions without a backend": ([timed("x", 900), timed("", 3)], 0),
}
OF_REQUESTS = [
    timed("x", 20, SPEAK=900, DEFINE_GRAMMAR=400),
    timed("y", 20, SPEAK=850, DEFINE_GRAMMAR=40),
    timed("z", 20, SPEAK=950, DEFINE_GRAMMAR=20),
]


async def test_who_stands_out(process: Process, tmp_path: Path) -> None:
    async with (
        SpeechServer("living") as living,
        process(V1 + ADMIN, living) as served,
        opened(served, tmp_path / "profile") as (page, _),
    ):
        await page.until(f"{ROWS}.length === 1")

        async def judge(rows: list[object]) -> dict[str, Any]:
            judged = f"(rows => judge(rows[0], rows))({json.dumps(rows)})"
            verdict = await page.js(f"import('/page/slowness.js').then(({{judge}}) => {judged})")
            assert isinstance(verdict, dict)
            return verdict

        for name, (rows, times) in VERDICTS.items():
            assert (await judge(rows))["setup"] == pytest.approx(times), name
        worst = (await judge(OF_REQUESTS))["request"]
        assert (worst["method"], worst["mean"]) == ("DEFINE-GRAMMAR", 400)
        assert worst["times"] == pytest.approx(400 / 30)


async def test_who_may_only_look_finds_no_buttons(process: Process, tmp_path: Path) -> None:
    tokens = {name: tmp_path / name for name in ("token_file", "read_token_file")}
    for name, file in tokens.items():
        file.write_text(f"the-{name}")
    admin = ADMIN + "".join(f'{name} = "{file}"\n' for name, file in tokens.items())
    async with (
        SpeechServer("living") as living,
        process(V1 + admin, living) as served,
    ):
        operator = await Operator.of(served)
        async with browsing(tmp_path / "profile") as page:
            await page.look(width=1280, height=900, dark=False)
            await page.go(f"http://{operator.where}/")
            for token, buttons in (("wrong", None), ("the-read_token_file", False)):
                await page.until("document.querySelector('#ask-token').open")
                await page.js(f"document.querySelector('#token').value = '{token}'")
                await page.js("document.querySelector('#ask-token button').click()")
                if buttons is not None:
                    await page.until(f"{ROWS}.length === 1")
                    shown = "document.querySelector('[data-order]').checkVisibility()"
                    assert await page.js(shown) is buttons
            await page.js("sessionStorage.setItem('token', 'the-token_file')")
            await page.go(f"http://{operator.where}/")
            await page.until("document.querySelector('[data-order]')?.checkVisibility()")
