"""Guards against a page that shows what isn't so, asks elsewhere, or that a keyboard or a phone can't use."""

import os
from pathlib import Path

import pytest

from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.scenarios.browser import browsing
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, Operator
from tests.scenarios.running import FIRST, V1
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

PROBES = '[pools.speech.health]\ninterval = "200ms"\ntimeout = "1s"\n'
ROWS = "[...document.querySelectorAll('#backends tr')].map(row => [...row.cells].map(cell => cell.innerText))"
PICTURES = os.environ.get("MRCPBALANCE_PICTURES")  # a directory where to keep what the page looks like


async def test_the_page(process: Process, tmp_path: Path) -> None:
    async with (
        speech_process("dying") as dying,
        SpeechServer("living") as living,
        process(V1 + FIRST + ADMIN + PROBES, dying, living, backend="max_sessions = 4") as served,
        RtspCaller(served.address) as caller,
        browsing(tmp_path / "profile") as page,
    ):
        operator = await Operator.of(served)
        session = await caller.setup("speechrecog")
        await page.look(width=1280, height=720, dark=False)
        await page.go(f"http://{operator.where}/")
        first = await page.until(f"{ROWS}[0]")
        assert first[:3] == ["speech/dying", "up", "1"]
        assert "of 4" in first[3]
        assert await page.until("document.title") == "mrcpbalance"
        await page.until(f"document.querySelector('#sessions').innerText.includes('{session.id}')")
        await page.until("document.querySelector('#summary').innerText.startsWith('2 of 2 backends up, 1 ')")

        dying.kill()  # without a word from us the page shows it
        await page.until(f"{ROWS}[0][1] === 'down' && {ROWS}[0][2] === '0'")
        await page.until("document.querySelector('#summary').innerText.startsWith('1 of 2 backends up, 0 ')")

        await page.js("document.querySelector('[data-order=\"speech/living/drain\"]').focus()")
        await page.js("document.activeElement.click()")
        await page.until(f"{ROWS}[1][1] === 'draining'")
        assert (await operator.get("/readyz")).status == 503
        await page.js("document.querySelector('[data-order=\"speech/living/enable\"]').click()")
        await page.until(f"{ROWS}[1][1] === 'up'")

        async with RtspCaller(served.address) as another:
            sought = await another.setup("speechsynth")
            await another.setup("speechrecog")
            await page.until("document.querySelectorAll('#sessions tr').length === 2")
            await page.js(f"document.querySelector('#search').value = '{sought.id}'")
            await page.js("document.querySelector('#search').dispatchEvent(new Event('input'))")
            await page.until("document.querySelectorAll('#sessions tr').length === 1")
            for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("phone", 390, True)):
                file = Path(PICTURES) / f"{name}.png" if PICTURES else None
                await page.look(width=width, height=800, dark=dark, file=file)
                assert await page.js("document.documentElement.scrollWidth <= innerWidth"), name
                shown = "document.querySelector('[data-order]').getBoundingClientRect().right <= innerWidth"
                assert await page.js(shown), name  # orders can be given without scrolling sideways
        assert page.complaints == []
        assert {url.split("/")[2] for url in page.asked if url.startswith("http")} == {operator.where}
