"""`mrcpbalance top`: a running proxy, live in the terminal."""

import importlib.util
import queue
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

import attrs
import click

from ._ask import Admin, NoAnswerError, asks_live, fail, find
from ._top_figures import Picture, take

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE: Final = 5.0  # seconds for an answer
GLANCE: Final = 0.1  # seconds between looks for a new picture


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600.0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Ask again after so long.",
)
@asks_live
def command(*, interval: float, admin: str | None, file: str | None, token_file: str | None) -> None:
    """Watch the backends and the sessions of a running proxy; q quits.

    Where the output is no terminal, one picture is printed. Needs rich: pip install 'mrcpbalance[live]'.
    """
    proxy = find(admin, file, token_file)
    if importlib.util.find_spec("rich") is None:
        fail("top needs rich, which isn't installed: pip install 'mrcpbalance[live]'")
    try:
        first = take(proxy, PATIENCE)
    except NoAnswerError as error:
        fail(str(error))
    from rich.console import Console  # noqa: PLC0415 - an optional extra

    console = Console(highlight=False)
    if console.is_terminal:
        _watch(proxy, first, interval, console)
    else:
        from ._top_view import WIDE, draw  # noqa: PLC0415

        console.width = max(console.width, WIDE)
        console.print(draw(first, proxy.where, "", width=console.width, height=None))


@attrs.define(eq=False)
class _Asker:
    """Asks again and again, in a thread of its own: a proxy that is slow to answer must not keep keys waiting."""

    proxy: Admin
    interval: float
    told: "queue.SimpleQueue[Picture | NoAnswerError]" = attrs.field(factory=queue.SimpleQueue)
    enough: threading.Event = attrs.field(factory=threading.Event)

    def run(self) -> None:
        while not self.enough.wait(self.interval):
            try:
                self.told.put(take(self.proxy, PATIENCE))
            except NoAnswerError as error:
                self.told.put(error)


def _end(_number: int, _frame: object) -> None:
    """End as Ctrl-C does, which gives the terminal back."""
    raise KeyboardInterrupt


def _watch(proxy: Admin, picture: Picture, interval: float, console: "Console") -> None:
    """Keep the screen up to date until a key, or Ctrl-C, says to quit; the terminal is left as it was."""
    from rich.live import Live  # noqa: PLC0415 - an optional extra

    from ._top_keys import asked_to_quit, single_keys  # noqa: PLC0415 - needs a terminal
    from ._top_view import draw  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _end)
    asker, trouble = _Asker(proxy, interval), ""
    threading.Thread(target=asker.run, daemon=True).start()
    try:
        with single_keys() as keyboard, Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                size = console.size
                view = draw(picture, proxy.where, trouble, width=size.width, height=size.height)
                live.update(view, refresh=True)
                while asker.told.empty() and console.size == size:
                    if keyboard is None:
                        time.sleep(GLANCE)
                    elif asked_to_quit(keyboard, GLANCE):
                        return
                if not asker.told.empty():
                    told = asker.told.get()
                    if isinstance(told, NoAnswerError):
                        trouble = str(told).partition(";")[0]
                    else:
                        picture, trouble = told, ""
    except KeyboardInterrupt:
        return
    finally:
        asker.enough.set()
