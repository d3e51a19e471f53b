"""A real browser without a window, driven over a pipe by the DevTools protocol: a page, and what it shows and says."""

import base64
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import trio

from tests.peers import need
from tests.scenarios.children import child_process

# Chromium takes commands on descriptor 3 and answers on 4.
LAUNCH: Final = (
    "import fcntl, os, sys\n"
    "taken, told = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])\n"
    "os.dup2(taken, 3); os.dup2(told, 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)
READ: Final = 1024 * 1024


class Page:
    """One page. `complaints` are its errors and warnings on the console, uncaught exceptions included."""

    def __init__(self, commands: trio.abc.SendStream) -> None:
        self._commands = commands
        self._count = 0
        self._answers: dict[int, Any] = {}
        self._news = trio.lowlevel.ParkingLot()
        self._session = ""
        self.complaints: list[str] = []
        self.asked: list[str] = []  # every address it asked for something

    async def listen(self, answers: trio.abc.ReceiveStream) -> None:
        """Read what the browser tells."""
        held = b""
        while data := await answers.receive_some(READ):
            *whole, held = (held + data).split(b"\0")
            for told in whole:
                self._take(json.loads(told))
            self._news.unpark_all()

    def _take(self, told: Any) -> None:
        if "id" in told:
            self._answers[told["id"]] = told
        elif told["method"] == "Runtime.exceptionThrown":
            self.complaints.append(told["params"]["exceptionDetails"]["text"])
        elif told["method"] == "Log.entryAdded" and told["params"]["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["params"]["entry"]["text"])
        elif told["method"] == "Runtime.consoleAPICalled" and told["params"]["type"] in ("error", "warning"):
            self.complaints.append(str(told["params"]["args"]))
        elif told["method"] == "Network.requestWillBeSent":
            self.asked.append(told["params"]["request"]["url"])

    async def command(self, method: str, **parameters: object) -> Any:
        """Have the browser do something; what came of it."""
        self._count += 1
        number = self._count
        said: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        await self._commands.send_all(json.dumps(said).encode() + b"\0")
        while number not in self._answers:
            await self._news.park()
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    async def begin(self) -> None:
        """Open an empty page."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.command(f"{domain}.enable")

    async def go(self, url: str) -> None:
        """Load a page."""
        await self.command("Page.navigate", url=url)

    async def js(self, expression: str) -> Any:
        """Evaluate an expression."""
        told = await self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true, looking each time the page is drawn; give its value."""
        frame = "new Promise(done => setTimeout(done, 20))"
        while not (value := await self.js(f"document.readyState === 'complete' && ({expression})")):
            await self.js(frame)
        return value

    async def look(self, *, width: int, height: int, dark: bool, file: Path | None = None) -> None:
        """Show the page in a window of this size; keep a picture of it."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])
        if file is not None:
            shot = await self.command("Page.captureScreenshot", format="png")
            await trio.Path(file).write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def browsing(profile: Path) -> AsyncIterator[Page]:
    """Run a browser with an empty page."""
    chromium = need("chromium")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    command = [
        *(sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), chromium),
        *(*FLAGS, f"--user-data-dir={profile}"),
    ]
    async with (
        trio.lowlevel.FdStream(ours_out) as commands,
        trio.lowlevel.FdStream(ours_in) as answers,
        child_process(command, pass_fds=(theirs_in, theirs_out), stderr=-3) as child,
        trio.open_nursery() as nursery,
    ):
        os.close(theirs_in)
        os.close(theirs_out)
        page = Page(commands)
        nursery.start_soon(page.listen, answers)
        await page.begin()
        yield page
        nursery.cancel_scope.cancel()
        assert child.returncode is None
