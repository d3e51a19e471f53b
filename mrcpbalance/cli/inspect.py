"""`mrcpbalance inspect TRACE`: the sessions in a capture, as a table or as ladders."""

import gc
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

import attrs
import click

from mrcpbalance.config import parse_duration
from mrcpbalance.traces import ASCII, UNICODE, NotACapture, Session, Trace, figure, ladder, page, read, text
from mrcpbalance.traces import svg as svg_of

from ._inspect_choice import Choice
from ._inspect_json import lines
from ._inspect_table import report

_LARGE: Final = 4 << 20  # octets that take long enough for a bar
_MOST_FIGURES: Final = 200
_MANY_OBJECTS: Final = 50_000
_NANOSECONDS: Final = 1_000_000_000


@attrs.frozen(kw_only=True)
class Output:
    """Where the sessions go, and in which form."""

    svg: str | None
    html: str | None
    as_json: bool

    @property
    def needs_messages(self) -> bool:
        """Whether messages have to be kept for it."""
        return self.as_json or self.svg is not None or self.html is not None


def _duration(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    if value is None:
        return 0
    try:
        return round(parse_duration(value) * _NANOSECONDS)
    except ValueError as error:
        raise click.BadParameter(f"{error}: {value!r}, expected one like 250ms, 2s or 1h30m") from None


@click.command()
@click.argument("trace", type=click.Path())
@click.option(
    "--session",
    "names",
    multiple=True,
    metavar="ID",
    help="Draw this session as a ladder: its number, or an id of it.",
)
@click.option("--svg", type=click.Path(), metavar="FILE", help="Draw the ladders into an SVG file.")
@click.option(
    "--html", type=click.Path(), metavar="FILE", help="Write a page of sessions, ladders and messages."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, messages with their bodies included."
)
@click.option("--method", metavar="M", help="Only sessions with this method or event, such as RECOGNIZE.")
@click.option(
    "--cause", metavar="C", help="Only sessions with this completion cause: no-match, or its number."
)
@click.option(
    "--longer-than", metavar="TIME", callback=_duration, help="Only sessions that took longer, as in 2s."
)
@click.option("--failed", is_flag=True, help="Only sessions that were refused, failed or cut.")
def command(
    trace: str,
    names: tuple[str, ...],
    svg: str | None,
    html: str | None,
    as_json: bool,  # noqa: FBT001
    method: str | None,
    cause: str | None,
    longer_than: int,
    failed: bool,  # noqa: FBT001
) -> None:
    """Show the MRCP sessions in TRACE, a pcap or pcapng file ("-": standard input).

    First comes the line "N sessions", then one line for each and what was found wrong; with --session the messages
    themselves. A file that can't be read or is no capture is an error, exit 1.
    """
    output = Output(svg=svg, html=html, as_json=as_json)
    if sum([svg is not None, html is not None, as_json]) > 1:
        raise click.UsageError("--svg, --html and --json exclude each other")
    choice = Choice(names=names, method=method, cause=cause, longer_than=longer_than, failed=failed)
    found = _read(trace, choice.keep if names or output.needs_messages else lambda _session: False)
    sessions = choice.of(found.sessions)
    if names and not sessions:
        _fail(f"{click.format_filename(trace)}: no session {', '.join(names)} among {len(found.sessions)}")
    _show(found, sessions, output, choice, click.format_filename(trace, shorten=True))


def _show(found: Trace, sessions: Sequence[Session], output: Output, choice: Choice, name: str) -> None:
    if output.as_json:
        for line in lines(found, sessions, name):
            click.echo(line)
        return
    count = f"{len(sessions)} sessions"  # of one, too: scripts read this line
    _print(count if len(sessions) == len(found.sessions) else f"{count} (of {len(found.sessions)})")
    if output.svg is not None:
        drawn = [ladder(session) for session in sessions[:_MOST_FIGURES]]
        _write(output.svg, svg_of(drawn[0]) if len(drawn) == 1 else figure(drawn, alone=True))
    elif output.html is not None:
        _write(output.html, page(found, sessions, name))
    elif choice.names:
        _ladders(sessions)
    else:
        for line in report(found, sessions, width=_width()):
            _print(line)


def _ladders(sessions: Sequence[Session]) -> None:
    strokes = UNICODE if _can_print("".join(attrs.astuple(UNICODE))) else ASCII
    for session in sessions:
        _print("")
        _print(text(ladder(session), width=_width(), strokes=strokes).rstrip("\n"))


def _read(trace: str, keep: Callable[[Session], bool]) -> Trace:
    """Read the file, with a progress bar where somebody would have to wait."""
    name = click.format_filename(trace)
    try:
        with ExitStack() as stack:
            stack.enter_context(_seldom_collected())
            source: BinaryIO = (
                sys.stdin.buffer if trace == "-" else stack.enter_context(Path(trace).open("rb"))
            )
            return read(source, keep=keep, progress=_progress(source, stack))
    except NotACapture as error:
        _fail(f"{name}: not a capture ({error}), expected a pcap or pcapng file")
    except OSError as error:
        _fail(f"{name}: can't be read ({error.strerror or error})")


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let the garbage collector look less often at the many objects that stay; a third of the time was its own."""
    before = gc.get_threshold()
    gc.set_threshold(_MANY_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _progress(source: BinaryIO, stack: ExitStack) -> Callable[[int], None] | None:
    if not sys.stderr.isatty():
        return None
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size < _LARGE:
        return None
    bar = stack.enter_context(click.progressbar(length=status.st_size, label="reading", file=sys.stderr))
    return lambda octets: bar.update(octets - bar.pos)


def _write(file: str, content: str) -> None:
    try:
        Path(file).write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        _fail(f"{click.format_filename(file)}: can't be written ({error.strerror or error})")
    _print(f"written to {click.format_filename(file)}")


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _can_print(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _print(line: str) -> None:
    """Print a line whatever the terminal's encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)
