"""`mrcpbalance inspect TRACE`: the sessions in a capture, as a table or as ladders."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import click

from mrcpbalance.traces import ASCII, UNICODE, Session, Trace, figure, ladder, page, text
from mrcpbalance.traces import svg as svg_of
from mrcpbalance.traces.anonymous import capture

from ._capture import echo, fail, read_capture
from ._inspect_choice import Choice, choosing
from ._inspect_json import lines
from ._inspect_table import report

_MOST_FIGURES: Final = 200


@attrs.frozen(kw_only=True)
class Output:
    """Where the sessions go, and in which form."""

    svg: str | None
    html: str | None
    anonymous: str | None
    as_json: bool

    @property
    def needs_messages(self) -> bool:
        """Whether messages have to be kept for it."""
        return self.as_json or self.files > 0

    @property
    def files(self) -> int:
        """How many files are to be written."""
        return sum(file is not None for file in (self.svg, self.html, self.anonymous))


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
    "--anonymize",
    "anonymous",
    type=click.Path(),
    metavar="FILE",
    help="Write these sessions as a pcapng file without personal data.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, messages with their bodies included."
)
@choosing
def command(
    trace: str,
    names: tuple[str, ...],
    svg: str | None,
    html: str | None,
    anonymous: str | None,
    as_json: bool,  # noqa: FBT001
    method: str | None,
    cause: str | None,
    longer_than: int,
    server: str | None,
    failed: bool,  # noqa: FBT001
) -> None:
    """Show the MRCP sessions in TRACE, a pcap or pcapng file ("-": standard input).

    First comes the line "N sessions", then one line for each and what was found wrong; with --session the messages
    themselves. A file that can't be read or is no capture is an error, exit 1.
    """
    output = Output(svg=svg, html=html, anonymous=anonymous, as_json=as_json)
    if output.files + as_json > 1:
        raise click.UsageError("--svg, --html, --anonymize and --json exclude each other")
    choice = Choice(
        names=names, method=method, cause=cause, longer_than=longer_than, failed=failed, server=server
    )
    found = read_capture(trace, choice.keep if names or output.needs_messages else lambda _session: False)
    sessions = choice.of(found.sessions)
    if names and not sessions:
        fail(f"{click.format_filename(trace)}: no session {', '.join(names)} among {len(found.sessions)}")
    _show(found, sessions, output, choice, click.format_filename(trace, shorten=True))


def _show(found: Trace, sessions: Sequence[Session], output: Output, choice: Choice, name: str) -> None:
    if output.as_json:
        for line in lines(found, sessions, name):
            click.echo(line)
        return
    count = f"{len(sessions)} sessions"  # of one, too: scripts read this line
    echo(count if len(sessions) == len(found.sessions) else f"{count} (of {len(found.sessions)})")
    if output.svg is not None:
        drawn = [ladder(session) for session in sessions[:_MOST_FIGURES]]
        _write(output.svg, svg_of(drawn[0]) if len(drawn) == 1 else figure(drawn, alone=True))
    elif output.html is not None:
        _write(output.html, page(found, sessions, name))
    elif output.anonymous is not None:
        _write(output.anonymous, b"".join(capture(sessions)))
    elif choice.names:
        _ladders(sessions)
    else:
        for line in report(found, sessions, width=_width()):
            echo(line)


def _ladders(sessions: Sequence[Session]) -> None:
    strokes = UNICODE if _canecho("".join(attrs.astuple(UNICODE))) else ASCII
    for session in sessions:
        echo("")
        echo(text(ladder(session), width=_width(), strokes=strokes).rstrip("\n"))


def _write(file: str, content: str | bytes) -> None:
    octets = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        Path(file).write_bytes(octets)
    except OSError as error:
        fail(f"{click.format_filename(file)}: can't be written ({error.strerror or error})")
    echo(f"written to {click.format_filename(file)}")


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _canecho(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
