"""TOML documents whose tables are attrs classes: read once, with every fault named by file, line and key."""

import os
import re
import tomllib
from ast import literal_eval
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Final, TypeVar

from ._faults import ConfigError, Fault, Notes, Path, dotted
from ._positions import key_lines

T = TypeVar("T")

LARGEST_FILE: Final = 4 * 1024**2
"""Octets; what is larger is nothing that a person wrote."""

_AT: Final = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
_TABLE_NAMED: Final = re.compile(r"(declare|namespace) (\(.*\))")  # tomllib says ("a", "b") for a.b
_HUGE_NUMBER: Final = re.compile(r"[0-9][0-9_]{4299}")  # Python reads no more digits than that


def read_text(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Give the text of a file, and the name it has in faults; raise ConfigError when it can't be read."""
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
        return octets.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise _whole(
            name, f"octet 0x{octets[error.start]:02x} is not UTF-8", "expected TOML in UTF-8", line
        ) from None


def read_document(
    text: str,
    name: str,
    make: Callable[[Mapping[str, object]], tuple[T, Notes]],
    *,
    if_empty: tuple[str, str],
) -> T:
    """Make of a document what `make` makes of its tables; raise ConfigError with every fault of it.

    `name` stands for the file in faults; `if_empty` is the fault of a document that says nothing, and what was expected.
    """
    tables, lines = _read_toml(text, name)
    if not tables:
        raise _whole(name, *if_empty)
    made, notes = make(tables)
    if notes.faults:
        faults = (
            Fault(name, _line(lines, at.path), dotted(at.path), at.problem, at.expected)
            for at in notes.faults
        )
        raise ConfigError(sorted(faults, key=lambda fault: fault.line or 0))
    return made


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
