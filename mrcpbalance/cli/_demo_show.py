"""How the demo is shown: as plain lines, or on a terminal as a table that changes in place (with rich)."""

import importlib.util
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

import click

from ._demo_cast import Cast

if TYPE_CHECKING:
    from rich.table import Table

COLOURS: Final = ("cyan", "magenta", "yellow")


class Show(Protocol):
    """Where the demo is told; it wants a picture `every` so many seconds."""

    @property
    def every(self) -> float:
        """Give the time from one picture to the next, in seconds."""

    def running(self) -> AbstractContextManager[object]:
        """Show the picture meanwhile."""

    def tell(self, text: str = "") -> None:
        """Tell something in a line of its own."""

    def picture(self, cast: Cast, dead: Sequence[str]) -> None:
        """Show which session sits where now."""


def choose(*, plain: bool, every: float) -> Show:
    """Take the terminal's live table where there is a terminal and rich; else lines, a picture `every` so often."""
    if plain or not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        return Plain(every)
    return Live()


class Plain:
    """Lines; the picture is one line for each server, and left out while nothing has changed."""

    def __init__(self, every: float) -> None:
        self.every = every
        self._last: list[str] = []

    def running(self) -> AbstractContextManager[object]:
        """Do nothing special."""
        return nullcontext()

    def tell(self, text: str = "") -> None:
        """Print a line."""
        click.echo(text)

    def picture(self, cast: Cast, dead: Sequence[str]) -> None:
        """Print a line for each server."""
        lines = [f"    {name:6} {self._sessions(cast, name, dead)}" for name in cast.servers]
        if lines != self._last:
            self._last = lines
            click.echo("\n".join((*lines, "")))

    @staticmethod
    def _sessions(cast: Cast, server: str, dead: Sequence[str]) -> str:
        by_caller = (
            f"{connection}: {' '.join(tale.name for tale in cast.on(server, connection)) or '-'}"
            for connection in cast.connections
        )
        return ("dead   " if server in dead else "") + "   ".join(by_caller)


class Live:
    """A table on the terminal: callers' connections down, servers across, sessions where they sit."""

    every = 0.2

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - an optional extra
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._console = Console(highlight=False)
        # Refreshed by us alone: its own refreshing would take a thread.
        self._live = RichLive(
            console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop"
        )

    def running(self) -> AbstractContextManager[object]:
        """Keep the table below what is told."""
        return self._live

    def tell(self, text: str = "") -> None:
        """Print a line above the table."""
        self._console.print(text, markup=False, soft_wrap=True)

    def picture(self, cast: Cast, dead: Sequence[str]) -> None:
        """Draw the table anew."""
        self._live.update(self._table(cast, dead), refresh=True)

    @staticmethod
    def _table(cast: Cast, dead: Sequence[str]) -> "Table":
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(title="which session sits where", show_lines=True, min_width=84)
        table.add_column("connection", no_wrap=True)
        for (name, server), colour in zip(cast.servers.items(), COLOURS, strict=False):
            state = "dead" if name in dead else f"{len(cast.on(name))} sessions"
            style = "red" if name in dead else colour
            where = f"RTSP :{server.rtsp.address.port}  SIP :{server.sip.address.port}"
            table.add_column(f"{name}  {state}\n{where}", style=style, no_wrap=True, min_width=22, ratio=1)
        for connection, speaks in cast.connections.items():
            cells = [
                [f"{tale.name} {tale.doing}" for tale in cast.on(name, connection)] for name in cast.servers
            ]
            # As many lines as a connection has sessions, so that the table doesn't jump.
            height = [connection, speaks, *[""] * (cast.slots - 2)]
            table.add_row("\n".join(height), *(Text("\n".join(cell)) for cell in cells))
        return table
