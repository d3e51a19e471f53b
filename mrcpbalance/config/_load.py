"""From a file, a text or the command line to a configuration, or to all its faults."""

import os
import re
import tomllib
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Final

from ._checks import check
from ._faults import ConfigError, Fault, Notes, Path, Place, dotted
from ._model import Config
from ._positions import key_lines
from ._sections import read_table
from ._sockets import check_sockets

LARGEST_FILE: Final = 4 * 1024**2
"""Octets; what is larger is no configuration."""

_AT: Final = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_TABLE_NAMED: Final = re.compile(r"(declare|namespace) (\(.*\))")  # tomllib says ("a", "b") for a.b
_HUGE_NUMBER: Final = re.compile(r"[0-9][0-9_]{4299}")  # Python reads no more digits than that


def load(path: str | os.PathLike[str]) -> Config:
    """Read a file; raise ConfigError with every fault of it."""
    name = os.fsencode(path).decode(errors="replace")
    try:
        with FilePath(path).open("rb") as file:
            octets = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _whole(name, f"can't be read ({reason})", "expected a file that can") from None
    if len(octets) > LARGEST_FILE:
        raise _whole(name, "the file is too large", f"expected at most {LARGEST_FILE} octets")
    try:
        return parse(octets.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise _whole(
            name, f"octet 0x{octets[error.start]:02x} is not UTF-8", "expected TOML in UTF-8", line
        ) from None


def parse(text: str, name: str) -> Config:
    """Read a configuration's text; `name` stands for the file in faults. Raise ConfigError with every fault of it."""
    tables, lines = _read_toml(text, name)
    if not tables:
        raise _whole(name, "nothing is configured", "expected at least one pool and one listener")
    config, notes = structure(tables)
    if notes.faults:
        faults = (
            Fault(name, _line(lines, at.path), dotted(at.path), at.problem, at.expected)
            for at in notes.faults
        )
        raise ConfigError(sorted(faults, key=lambda fault: fault.line or 0))
    return config


def structure(tables: Mapping[str, object]) -> tuple[Config, Notes]:
    """Make a configuration of what TOML gives; it is sound only when no faults were noted."""
    root = Place(Notes())
    config = read_table(Config, tables, root)
    check(config, root)
    check_sockets(config, root)
    return config, root.notes


def _read_toml(text: str, name: str) -> tuple[Mapping[str, object], Mapping[Path, int]]:
    try:
        return tomllib.loads(text), key_lines(text.replace("\r\n", "\n"))
    except RecursionError:
        raise _whole(name, "tables or arrays nested too deeply", "expected a few levels") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax(name, text, str(error)) from None
    except ValueError:
        digits = _HUGE_NUMBER.search(text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 1
        raise _whole(name, "not TOML (a number of too many digits)", "expected TOML 1.0", line) from None


def _syntax(name: str, text: str, message: str) -> ConfigError:
    match = _AT.fullmatch(message)
    reason, line, column = match.groups() if match else (message, None, None)
    reason = _TABLE_NAMED.sub(lambda named: f"{named[1]} {dotted(literal_eval(named[2]))}", reason)
    reason = reason[:1].lower() + reason[1:]
    if line is None:
        return _whole(
            name, f"not TOML ({reason}, at the end)", "expected TOML 1.0", text.rstrip().count("\n") + 1
        )
    return _whole(name, f"not TOML ({reason}, at column {column})", "expected TOML 1.0", int(line))


def _line(lines: Mapping[Path, int], path: Path) -> int:
    """Give a key's line; for one that isn't there, its table's."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _whole(name: str, problem: str, expected: str, line: int = 1) -> ConfigError:
    return ConfigError([Fault(name, line, dotted(()), problem, expected)])
