"""Reading a capture for a command: with a progress bar where somebody would have to wait, and errors that say what is wrong."""

import gc
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

import click

from mrcpbalance.traces import NotACapture, Session, Trace, read

_LARGE: Final = 4 << 20  # octets that take long enough for a bar
_MANY_OBJECTS: Final = 50_000


def read_capture(trace: str, keep: Callable[[Session], bool], *, asides: bool = False) -> Trace:
    """Read the file, "-" being standard input; ends the command where that can't be done."""
    name = click.format_filename(trace)
    try:
        with ExitStack() as stack:
            stack.enter_context(_seldom_collected())
            source: BinaryIO = (
                sys.stdin.buffer if trace == "-" else stack.enter_context(Path(trace).open("rb"))
            )
            return read(source, keep=keep, asides=asides, progress=_progress(source, stack))
    except NotACapture as error:
        fail(f"{name}: not a capture ({error}), expected a pcap or pcapng file")
    except OSError as error:
        fail(f"{name}: can't be read ({error.strerror or error})")


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


def echo(line: str) -> None:
    """Print a line whatever the terminal's encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


def fail(message: str) -> NoReturn:
    """End the command: something is wrong with what it was given."""
    click.echo(message, err=True)
    sys.exit(1)
