"""Where the keys of a TOML document stand: tomllib tells what a document says, this tells on which lines.

The scanner trusts that tomllib has read the document without complaint, so it looks for the ends of things only.
"""

import bisect
import re
import tomllib
from collections.abc import Mapping
from typing import Final

import attrs

from ._faults import Path

_SPACE: Final = re.compile(r"[ \t]*")
_GAP: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART: Final = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING: Final = re.compile(
    r'''"""(?:[^"\\]++|\\.|"{1,2}(?!"))*"{3,5}|\'\'\'(?:[^']++|'{1,2}(?!'))*'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*\'''',
    re.DOTALL,
)
_DEEPEST: Final = 100  # keys in one path: long paths of long paths would fill the memory
_BARE_VALUE: Final = re.compile(r"[^,\]}#\n]+")  # numbers, booleans, dates: a date may hold a blank


def key_lines(text: str) -> Mapping[Path, int]:
    """Give the line, from 1, of every key, table and array item of a document that tomllib accepts.

    A table's line is that of its header, else of the first key that implies it. RecursionError: deeper than anyone needs.
    """
    scanner = _Scanner(text, [match.end() for match in re.finditer("\n", text)])
    scanner.document()
    return scanner.lines


@attrs.define
class _Scanner:
    text: str
    starts: list[int]  # of the lines from the second on
    at: int = 0
    lines: dict[Path, int] = attrs.field(factory=dict)
    tables: dict[Path, int] = attrs.field(factory=dict)  # how many tables an array of tables has so far

    def document(self) -> None:
        """Walk through headers and pairs to the end."""
        table: Path = ()
        self._skip(_GAP)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_GAP)

    def _header(self) -> Path:
        line = self._line()
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        *parents, last = self._key()
        self.at += brackets
        path: Path = ()
        for part in parents:
            path = self._entered((*path, part), line)
        path = (*path, last)
        if brackets == 1:
            self.lines[path] = line
            return path
        self.lines.setdefault(path, line)
        self.tables[path] = self.tables.get(path, 0) + 1
        return self._entered(path, line)

    def _entered(self, path: Path, line: int) -> Path:
        self.lines.setdefault(path, line)
        if path not in self.tables:
            return path
        path = (*path, self.tables[path] - 1)
        self.lines.setdefault(path, line)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while not parts or self.text[self.at] == ".":
            self.at += bool(parts)
            match = _KEY_PART.match(self.text, self.at)
            if match is None:  # pragma: no cover -- tomllib found a key here
                raise AssertionError(self.text[self.at :][:20])
            self.at = match.end()
            parts.append(_unquoted(match[1]))
            if len(parts) > _DEEPEST:
                raise RecursionError("too many keys in a path")
        return parts

    def _value(self, path: Path) -> None:
        match self.text[self.at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_BARE_VALUE)

    def _array(self, path: Path) -> None:
        self.at += 1
        self._skip(_GAP)
        index = 0
        while self.text[self.at] != "]":
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._next_item()
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        self._skip(_GAP)
        while self.text[self.at] != "}":
            self._pair(path)
            self._next_item()
        self.at += 1

    def _next_item(self) -> None:
        self._skip(_GAP)
        if self.text[self.at] == ",":
            self.at += 1
            self._skip(_GAP)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None:  # pragma: no cover -- tomllib found such a value here
            raise AssertionError(self.text[self.at :][:20])
        self.at = match.end()

    def _line(self) -> int:
        return bisect.bisect_right(self.starts, self.at) + 1


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    return str(tomllib.loads(f"key = {part}")["key"])
