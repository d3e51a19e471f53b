"""How `mrcpbalance top` looks, with rich (an optional extra): a line about the proxy, its backends, its sessions."""

import time
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ._top_figures import BackendLine, Picture, SessionLine

STYLES: Final = {
    "up": "green",
    "probation": "yellow",
    "draining": "yellow",
    "disabled": "magenta",
    "down": "bold red",
}
WIDE: Final = 100  # columns, from which there is room for all
NARROW: Final = 80  # columns, below which names and numbers are cut
NEARLY_FULL: Final = 0.9
BADLY_SLOW: Final = 3.0  # times the median of the others
ENOUGH: Final = 3  # backends, for one to stand out among
CHROME: Final = 9  # lines that are neither a backend nor a session
LEAST: Final = 3  # lines that either list gets
HOUR: Final = 3600
MINUTE: Final = 60


def draw(picture: Picture, where: str, trouble: str, *, width: int, height: int | None) -> RenderableType:
    """Draw a picture for a screen of this size (no height: all of it); `trouble` says why it is an old one."""
    backends, busiest, oldest = _shares(picture, height)
    parts: list[RenderableType] = [_head(picture, where)]
    if trouble:
        parts.append(Text(f"asking again: {trouble}", style="bold red", no_wrap=True, overflow="ellipsis"))
    parts += ["", _backends(picture.backends, backends, width), ""]
    parts += [_sessions("BUSIEST", picture.busiest, busiest), ""]
    parts.append(_sessions("OLDEST", picture.oldest, oldest))
    return Group(*parts)


def _shares(picture: Picture, height: int | None) -> tuple[int, int, int]:
    """Tell how many backends, busiest and oldest sessions there is room for."""
    if height is None:
        return len(picture.backends), len(picture.busiest), len(picture.oldest)
    room = max(height - CHROME, 2 * LEAST)
    backends = min(len(picture.backends), max(room - 2 * LEAST, LEAST))
    sessions = room - backends
    return backends, sessions - sessions // 2, sessions // 2


def _head(picture: Picture, where: str) -> Text:
    """Say what matters most first: a narrow screen cuts the rest."""
    moment = time.strftime("%H:%M:%S", time.localtime(picture.at))
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"{picture.total} live sessions", style="bold").append(f"  {moment}")
    if picture.draining:
        head.append("  draining: no new sessions", style="bold yellow")
    head.append("  q quits", style="dim")
    return head.append(f"  mrcpbalance {picture.version} at {where}")


def _backends(lines: Sequence[BackendLine], most: int, width: int) -> Table:
    cells, least = (16 if width >= WIDE else 8), (5 if width >= NARROW else 1)  # of a bar; of a column
    table = Table(box=None, padding=(0, 2 if width >= WIDE else 1, 0, 0), expand=True)
    table.add_column("BACKEND", no_wrap=True, ratio=1, min_width=3 * least)
    table.add_column("STATE", no_wrap=True)
    table.add_column("SESSIONS", no_wrap=True)
    for name in ("PEAK", "SETUP ms", "95%", "ENDS/s", "BAD/s", "FAIL"):
        table.add_column(name, justify="right", no_wrap=True, min_width=least)
    slow = _slow(lines)
    for line in lines[:most]:
        table.add_row(
            line.name,
            Text(line.state, style=STYLES.get(line.state, "")),
            _bar(line.sessions, line.most, cells),
            str(line.peak),
            _number(line.setup_p50),
            Text(_number(line.setup_p95), style="bold red" if line.name in slow else ""),
            _number(line.good),
            Text(_number(line.bad), style="bold red" if line.bad else ""),
            Text(str(line.failures), style="bold red" if line.failures else "dim"),
        )
    if len(lines) > most:
        table.add_row(Text(f"… and {len(lines) - most} more", style="dim"))
    return table


def _slow(lines: Sequence[BackendLine]) -> frozenset[str]:
    """Name those whose set-ups take much longer than those of most others."""
    known = sorted(line.setup_p95 for line in lines if line.setup_p95 is not None)
    if len(known) < ENOUGH:
        return frozenset()
    usual = known[(len(known) - 1) // 2]
    return frozenset(line.name for line in lines if (line.setup_p95 or 0.0) > BADLY_SLOW * usual)


def _bar(sessions: int, most: int | None, width: int) -> Text:
    """Show how full it is, where it can be full."""
    if most is None:
        return Text(str(sessions))
    share = sessions / most
    cells = min(round(share * width), width)
    style = "bold red" if share >= 1 else "yellow" if share >= NEARLY_FULL else "cyan"
    return (
        Text("█" * cells, style=style)
        .append("░" * (width - cells), style="dim")
        .append(f" {sessions}/{most}")
    )


def _sessions(title: str, lines: Sequence[SessionLine], most: int) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column(title, no_wrap=True)
    for name in ("PROTOCOL", "CLIENT"):
        table.add_column(name, no_wrap=True)
    table.add_column("BACKEND", no_wrap=True, ratio=1)
    table.add_column("RESOURCES", no_wrap=True)
    for name in ("AGE", "MESSAGES"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines[:most]:
        table.add_row(
            line.id,
            line.protocol,
            line.client,
            line.backend,
            line.resources,
            _age(line.age),
            str(line.messages),
        )
    return table


def _number(value: float | None) -> str:
    """Write a number in three digits or so."""
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 - where a decimal tells nothing


def _age(seconds: float) -> str:
    whole = int(seconds)
    if whole >= HOUR:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return f"{whole // MINUTE}m{whole % MINUTE:02}s" if whole >= MINUTE else f"{whole}s"
