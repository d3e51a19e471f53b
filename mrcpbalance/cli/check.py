"""`mrcpbalance check FILE`: every fault of a configuration, without opening a socket."""

import json
import sys
from collections.abc import Sequence

import attrs
import click

from mrcpbalance.config import Config, ConfigError, Fault, load


@click.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the faults as a JSON array of objects.")
def command(file: str, *, as_json: bool) -> None:
    """Print every fault of the configuration FILE, one a line; exit 1 if there is one.

    A line reads FILE:LINE: key.path: fault, what was expected. No socket is opened.
    """
    config, faults = _checked(file)
    if as_json:
        _print(json.dumps([attrs.asdict(fault) for fault in faults], indent=2))
    else:
        for fault in faults:
            _print(str(fault))
        if config:
            _print(f"{click.format_filename(file)}: {_summary(config)}: no faults")
    if faults:
        sys.exit(1)


def _checked(file: str) -> tuple[Config | None, Sequence[Fault]]:
    try:
        return load(file), ()
    except ConfigError as error:
        return None, error.faults


def _summary(config: Config) -> str:
    backends = sum(len(pool.backends) for pool in config.pools.values())
    counts = {"pool": len(config.pools), "backend": backends, "listener": len(config.listeners)}
    return ", ".join(f"{count} {thing}{'s' if count != 1 else ''}" for thing, count in counts.items())


def _print(line: str) -> None:
    """Print a line whatever the terminal's encoding; names in it are the operator's."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))
