"""Faults of a configuration: what is wrong, where, and what was expected instead."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias

import attrs

Path: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a value, and the index where a step leads into an array."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_EXCERPT: Final = 60  # characters of a value that a fault shows
_MOST_CHOICES: Final = 20
_LARGEST_SHOWN: Final = 10**20  # Python refuses to write numbers of thousands of digits


@attrs.frozen
class Fault:
    """One fault; `str()` gives the line that is shown to people."""

    file: str
    line: int | None  # from 1; None where the configuration came from the command line
    key: str
    problem: str
    expected: str

    def __str__(self) -> str:
        """Write it as `FILE:LINE: key.path: fault, what was expected`."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.problem}, {self.expected}"


class ConfigError(Exception):
    """A configuration that can't be used, with all its faults."""

    faults: list[Fault]

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(*faults)
        self.faults = list(faults)

    def __str__(self) -> str:
        """Write one fault a line."""
        return "\n".join(map(str, self.faults))


class UnfitError(Exception):
    """A value that its key can't take; what is empty says the reader of its kind."""

    def __init__(self, problem: str = "", expected: str = "") -> None:
        super().__init__(problem, expected)
        self.problem = problem
        self.expected = expected


@attrs.frozen
class Note:
    """A fault before its line is known."""

    path: Path
    problem: str
    expected: str


@attrs.define
class Notes:
    """What was seen while a configuration was read: the keys that are there, and the faults."""

    faults: list[Note] = attrs.field(factory=list)
    given: set[Path] = attrs.field(factory=set)
    faulty: defaultdict[Path, set[str | int | None]] = attrs.field(factory=lambda: defaultdict(set))

    def add(self, note: Note) -> None:
        """Keep a fault, and which way leads to it from each table above."""
        self.faults.append(note)
        for depth, key in enumerate([*note.path, None]):
            self.faulty[note.path[:depth]].add(key)


@attrs.frozen
class Place:
    """One value's place in the file, where faults are noted."""

    notes: Notes
    path: Path = ()

    @property
    def root(self) -> "Place":
        """The place of the whole file."""
        return Place(self.notes)

    @property
    def given(self) -> bool:
        """Whether this key is in the file."""
        return self.path in self.notes.given

    @property
    def noted(self) -> bool:
        """Whether a fault of this very value was noted."""
        return None in self.faulty_keys

    @property
    def faulty_keys(self) -> AbstractSet[str | int | None]:
        """The keys in this table at or under which faults were noted; None is the table itself."""
        return self.notes.faulty.get(self.path, frozenset())

    def under(self, *keys: str | int) -> "Place":
        """Give the place of a value inside this one."""
        return Place(self.notes, self.path + keys)

    def fault(self, problem: str, expected: str) -> None:
        """Note a fault of this value."""
        self.notes.add(Note(self.path, problem, expected))


def dotted(path: Path) -> str:
    """Write a path as TOML does: `pools.speech.resources[1]`, odd keys in quotes, `-` for the whole file."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return text.removeprefix(".") or "-"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) and len(name) <= _LONGEST_EXCERPT else quoted(name)


def quoted(text: str) -> str:
    """Put text in quotes, shortened, with what doesn't print escaped."""
    if len(text) > _LONGEST_EXCERPT:
        text = text[: _LONGEST_EXCERPT - 1] + "…"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else ascii(character)[1:-1]


def found(value: object) -> str:
    """Say what stands where something else was expected, in a few characters."""
    return f"found {_excerpt(value)}"


def _excerpt(value: object) -> str:
    match value:
        case bool():
            text = str(value).lower()
        case str():
            text = quoted(value)
        case int() if abs(value) > _LARGEST_SHOWN:
            text = "a huge number"
        case int() | float():
            text = str(value)
        case list():
            text = "an array" if value else "an empty array"
        case dict():
            text = "a table" if value else "an empty table"
        case _:
            text = "a date or time"
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """Say what was expected instead of an unknown name: the nearest known one, or else all of them."""
    choices = {choice.lower(): choice for choice in known}
    if close := difflib.get_close_matches(name.lower(), choices, n=1):
        return f"did you mean {quoted(choices[close[0]])}?"
    return f"expected {one_of(list(choices.values()))}"


def one_of(choices: Sequence[str]) -> str:
    """Write `"a", "b" or "c"`, shortened where there are very many."""
    *most, last = map(quoted, choices)
    if len(most) >= _MOST_CHOICES:
        return f"one of {', '.join(most[:_MOST_CHOICES])} …"
    return f"{', '.join(most)} or {last}" if most else last
