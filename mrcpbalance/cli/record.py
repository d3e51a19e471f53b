"""`mrcpbalance record`: sessions of a running proxy as a capture file."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import click

from mrcpbalance.config import parse_duration

from ._ask import NoAnswerError, asks_live, fail, find

_SIZE: Final = re.compile(r"([0-9]{1,12})(KiB|MiB|GiB|)")
_UNITS: Final = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size")
    return int(match[1]) * _UNITS[match[2]]


def _checked(
    read: Callable[[str], float], wanted: str
) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    def check(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
        try:
            return None if text is None else read(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not {wanted}") from None

    return check


@click.command()
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--pool", help="Only sessions of this pool.")
@click.option("--backend", help="Only sessions on this backend.")
@click.option("--client", help="Only sessions from this caller address.")
@click.option(
    "--protocol",
    type=click.Choice(["mrcpv1", "mrcpv2", "mrcp", "tcp"]),
    help="Only sessions in this protocol.",
)
@click.option("--resource", help="Only sessions with this resource, by its MRCPv2 name.")
@click.option("--failed", is_flag=True, help="Only sessions that end as none should.")
@click.option(
    "--sample",
    metavar="PERCENT",
    type=click.FloatRange(0, 100, min_open=True),
    help="So many of each hundred, by chance.",
)
@click.option(
    "--last",
    "sessions",
    metavar="N",
    type=click.IntRange(1, 10**6),
    help="End when so many of them have ended from now on.",
)
@click.option(
    "--duration",
    metavar="TIME",
    callback=_checked(parse_duration, 'a duration like "30s" or "2h"'),
    help="End after this time.",
)
@click.option(
    "--max-size",
    "size",
    metavar="SIZE",
    callback=_checked(_size, 'a size like "10MiB"'),
    help="End before the file is larger.",
)
@click.option(
    "--with-bodies", "bodies", is_flag=True, help="Keep what people said; without it bodies are masked."
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@asks_live
def command(
    *, target: str, force: bool, admin: str | None, file: str | None, token_file: str | None, **given: object
) -> None:
    """Write sessions that begin from now on to FILE ("-": stdout) as pcapng, until interrupted or a bound is reached."""
    asked = {
        name: "true" if value is True else str(value)
        for name, value in given.items()
        if value is not None and value is not False
    }
    if target != "-" and not force and Path(target).exists():
        raise click.BadParameter(f"{target} exists; --force replaces it", param_hint="FILE")
    proxy = find(admin, file, token_file)
    octets = 0
    try:
        octets = _write(target, proxy.stream(f"/api/v1/record?{urlencode(asked)}"))
    except NoAnswerError as error:
        fail(str(error))
    except BrokenPipeError:
        fail("nobody reads stdout any more")
    except OSError as error:
        fail(f"{target} can't be written ({error.strerror})")
    click.echo(f"{octets:,} octets in {target}", err=True)


def _write(target: str, parts: Iterator[bytes]) -> int:
    """Write what comes, each part at once; an interrupt is its end. The file is made when there is something to write."""
    octets = 0
    first = next(parts, b"")
    with click.open_file(target, "wb") as out:
        try:
            out.write(first)
            out.flush()
            octets = len(first)
            for part in parts:
                out.write(part)
                out.flush()
                octets += len(part)
        except KeyboardInterrupt:
            pass
    return octets
