"""Header sections that keep their octets: order, case, duplicates, folds, blanks and line ends stay as they came."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Self

import attrs

from mrcpwire._errors import RemoteProtocolError
from mrcpwire._lines import BLANKS, TOKEN, check_token, check_value

_FIELD: Final = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*")  # a line with the folded lines that continue it
_NAME: Final = re.compile(TOKEN + rb":")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
# The octets to keep when a value is replaced, and the line end that follows it.
_PARTS: Final = re.compile(rb"([^:]*:[ \t]*)(.*?)(\r?\n)\Z", re.DOTALL)


@attrs.frozen(kw_only=True)
class Rules:
    """Under which names faults of a header section are reported."""

    protocol: str  # begins every code: "rtsp" makes "rtsp.bare-cr"
    octets: str  # the rule against bare CR and NUL
    lines: str  # the rule about names, colons and folds
    status: int | None = None
    header_lines: int = 256
    header_line: int = 16_384  # octets of one header with its folds

    def fault(self, what: str, rule: str, excerpt: bytes) -> RemoteProtocolError:
        """Make the error to raise."""
        return RemoteProtocolError(f"{self.protocol}.{what}", rule, status_hint=self.status, excerpt=excerpt)


@attrs.frozen
class Headers:
    """An ordered header section; look-up ignores case, values come unfolded and trimmed.

    Edits give a new section and leave the octets of every other line alone. `_lines` are whole headers with their
    folds and line ends.
    """

    _lines: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, section: bytes, rules: Rules) -> Self:
        """Read a section: complete lines ended by CRLF or LF, without the blank line that ends it.

        Raises `RemoteProtocolError` with the codes nul, bare-cr, leading-fold, no-colon, blank-before-colon,
        bad-header-name, too-many-headers and header-too-long behind the protocol's name.
        """
        if b"\0" in section:
            raise rules.fault("nul", rules.octets, section[section.index(b"\0") :])
        if bare := _BARE_CR.search(section):
            raise rules.fault("bare-cr", rules.octets, section[bare.start() :])
        if section.startswith((b" ", b"\t")):
            raise rules.fault("leading-fold", rules.lines, section)
        if section.count(b"\n") > rules.header_lines:
            raise rules.fault("too-many-headers", "G-9", section)
        lines = tuple(_FIELD.findall(section))
        for line in lines:
            if len(line) > rules.header_line:
                raise rules.fault("header-too-long", "G-9", line)
            if not _NAME.match(line):
                raise rules.fault(_name_fault(line), rules.lines, line)
        return cls(lines)

    @classmethod
    def of(cls, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make a section of names and values; raises `LocalProtocolError` for what would break a line (G-4)."""
        return cls(tuple(_line(name, value) for name, value in fields))

    @classmethod
    def split(cls, section: bytes) -> Self:
        """Read a section that was checked before."""
        return cls(tuple(_FIELD.findall(section)))

    def get(self, name: bytes) -> bytes | None:
        """Look up the first value of a header."""
        return next(self._values(name), None)

    def get_all(self, name: bytes) -> list[bytes]:
        """Look up every value of a header, in order."""
        return list(self._values(name))

    def __contains__(self, name: bytes) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for line in self._lines:
            name, _, value = line.partition(b":")
            yield name, unfold(value)

    def __len__(self) -> int:
        return len(self._lines)

    def to_bytes(self) -> bytes:
        """Write the section, without the blank line that ends it."""
        return b"".join(self._lines)

    def replaced(self, name: bytes, value: bytes) -> Self:
        """Give the first such header another value, its name and spacing kept; append one where there is none."""
        check_value(value)
        lines = list(self._lines)
        for index, line in enumerate(lines):
            if _is(line, name):
                lines[index] = _with_value(line, value)
                return type(self)(tuple(lines))
        return self.appended(name, value)

    def edited(self, name: bytes, edit: Callable[[bytes], bytes]) -> Self:
        """Give every such header the value that `edit` makes of its old one."""
        return type(self)(tuple(_edited(line, edit) if _is(line, name) else line for line in self._lines))

    def without(self, name: bytes) -> Self:
        """Leave out every such header."""
        return type(self)(tuple(line for line in self._lines if not _is(line, name)))

    def appended(self, name: bytes, value: bytes) -> Self:
        """Add a header at the end."""
        return type(self)((*self._lines, _line(name, value)))

    def inserted(self, index: int, name: bytes, value: bytes) -> Self:
        """Add a header before the one at this index."""
        return type(self)((*self._lines[:index], _line(name, value), *self._lines[index:]))

    def _values(self, name: bytes) -> Iterator[bytes]:
        wanted = name.lower()
        for line in self._lines:
            found, _, value = line.partition(b":")
            if found.lower() == wanted:
                yield unfold(value)


def unfold(value: bytes) -> bytes:
    """Trim a value and join its folded lines with one SP; lines of blanks alone add nothing (M-10)."""
    value = value.strip(b" \t\r\n")
    if b"\n" not in value:
        return value
    parts = (part.strip(b" \t\r") for part in value.split(b"\n"))
    return b" ".join(part for part in parts if part)


def _line(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (check_token(name), check_value(value))


def _is(line: bytes, name: bytes) -> bool:
    return line.partition(b":")[0].lower() == name.lower()


def _edited(line: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    return _with_value(line, check_value(edit(unfold(line.partition(b":")[2]))))


def _with_value(line: bytes, value: bytes) -> bytes:
    parts = _PARTS.match(line)
    assert parts is not None  # lines of a section have a colon and a line end
    return parts[1] + value + parts[3]


def _name_fault(line: bytes) -> str:
    name, colon, _ = line.partition(b":")
    if not colon:
        return "no-colon"
    return "blank-before-colon" if name.rstrip(BLANKS) != name else "bad-header-name"
