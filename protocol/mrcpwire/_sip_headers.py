"""The header section of a SIP message: order, case, folds and blanks stay as they came, compact names are understood."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import unfold
from mrcpwire._lines import BLANKS, TOKEN, check_token
from mrcpwire._sip_faults import SipError, fault

# RFC 3261 section 7.3.3 and the registry of header fields.
_COMPACT: Final = {
    b"a": b"accept-contact",
    b"b": b"referred-by",
    b"c": b"content-type",
    b"d": b"request-disposition",
    b"e": b"content-encoding",
    b"f": b"from",
    b"i": b"call-id",
    b"j": b"reject-contact",
    b"k": b"supported",
    b"l": b"content-length",
    b"m": b"contact",
    b"n": b"identity-info",
    b"o": b"event",
    b"r": b"refer-to",
    b"s": b"subject",
    b"t": b"to",
    b"u": b"allow-events",
    b"v": b"via",
    b"x": b"session-expires",
    b"y": b"identity",
}

# A header with the folded lines that continue it; blanks may stand before the colon (RFC 3261 section 7.3.1).
_FIELD: Final = re.compile(
    rb"((%b)[ \t]*+:([^\r\n\0]*+(?:\r\n[ \t][^\r\n\0]*+)*+)\r\n)" % TOKEN.replace(b"]+", b"]++")
)
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_NUL: Final = re.compile(rb"(?<!\\)\0")
_UNSAFE: Final = re.compile(rb"[\r\n]|(?<!\\)\0")
# What separates values is a comma outside of quotes and brackets; a quote or bracket left open runs to the end.
_VALUE: Final = re.compile(rb'(?:[^,"<]++|"(?:[^"\\]++|\\.?)*+"?|<[^>]*+>?)++', re.DOTALL)

_Field = tuple[bytes, bytes, bytes]  # the name to look up, the line with its folds and line end, the value


@attrs.frozen
class SipHeaders:
    """An ordered header section; edits give a new one and leave every other line's octets alone.

    Names are looked up without regard to case, a compact form and its long form being one name. Values come unfolded
    and trimmed. Names and values that are put in are checked: `LocalProtocolError` (G-4).
    """

    _fields: tuple[_Field, ...] = ()

    @classmethod
    def parse(cls, section: bytes, *, header_lines: int = 128) -> Self:
        """Read complete lines ended by CRLF or LF, without the blank line behind them; raises `SipError`."""
        if section.count(b"\n") != section.count(b"\r\n"):
            section = _BARE_LF.sub(b"\r\n", section)  # C.2: taken, but not handed on
        if section.count(b"\n") > header_lines:
            raise fault("too-many-headers", "G-9", section, status=513)
        found = _FIELD.findall(section)
        if sum(len(line) for line, _, _ in found) != len(section):
            raise _fault(section)
        return cls(tuple([(canonical(name), line, unfold(value)) for line, name, value in found]))

    @classmethod
    def of(cls, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make a section of names and values."""
        return cls(tuple([_field(name, value) for name, value in fields]))

    def get(self, name: bytes) -> bytes | None:
        """Look up the first value of a header."""
        wanted = canonical(name)
        for found, _, value in self._fields:
            if found == wanted:
                return value
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """Look up every line of a header, in order."""
        wanted = canonical(name)
        return [value for found, _, value in self._fields if found == wanted]

    def values(self, name: bytes) -> list[bytes]:
        """Look up every value of a header that has several to a line; empty ones are passed over."""
        return [value for line in self.get_all(name) for value in split_values(line)]

    def __contains__(self, name: bytes) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for _, line, value in self._fields:
            yield line.partition(b":")[0].rstrip(BLANKS), value

    def __len__(self) -> int:
        return len(self._fields)

    def to_bytes(self) -> bytes:
        """Write the section, without the blank line that ends it."""
        return b"".join([line for _, line, _ in self._fields])

    def with_(self, name: bytes, value: bytes) -> Self:
        """Have this header once: in place of the first such line, others left out; at the end where there is none."""
        place = self._place(name)
        if place is None:
            return self.append(name, value)
        wanted = canonical(name)
        rest = tuple([one for one in self._fields[place + 1 :] if one[0] != wanted])
        return self._with((*self._fields[:place], _field(name, value), *rest))

    def replaced(self, name: bytes, value: bytes) -> Self:
        """Give the first such line another value; others stay. At the end where there is none."""
        place = self._place(name)
        if place is None:
            return self.append(name, value)
        return self._with((*self._fields[:place], _field(name, value), *self._fields[place + 1 :]))

    def without(self, *names: bytes) -> Self:
        """Leave out every line of these headers."""
        unwanted = {canonical(name) for name in names}
        return self._with(tuple([one for one in self._fields if one[0] not in unwanted]))

    def only(self, *names: bytes) -> Self:
        """Leave out every line of other headers."""
        wanted = {canonical(name) for name in names}
        return self._with(tuple([one for one in self._fields if one[0] in wanted]))

    def prepend(self, name: bytes, value: bytes) -> Self:
        """Add a line before the first of its name; before all others where there is none."""
        place = self._place(name) or 0
        return self._with((*self._fields[:place], _field(name, value), *self._fields[place:]))

    def append(self, name: bytes, value: bytes) -> Self:
        """Add a line at the end, but before a Content-Length that stands there."""
        fields = self._fields
        place = len(fields)
        if place and fields[-1][0] == b"content-length":
            place -= 1
        return self._with((*fields[:place], _field(name, value), *fields[place:]))

    def extended(self, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Add lines one by one with `append`."""
        section = self
        for name, value in fields:
            section = section.append(name, value)
        return section

    def _with(self, fields: tuple[_Field, ...]) -> Self:
        return type(self)(fields)

    def _place(self, name: bytes) -> int | None:
        wanted = canonical(name)
        for place, field in enumerate(self._fields):
            if field[0] == wanted:
                return place
        return None


def canonical(name: bytes) -> bytes:
    """Give the name a header is looked up by: long and in lower case."""
    name = name.lower()
    return _COMPACT.get(name, name) if len(name) == 1 else name


def split_values(line: bytes) -> list[bytes]:
    """Split a value at its commas, trimmed; a comma within quotes or angle brackets is data (C.2)."""
    if b"," not in line:
        return [line] if line else []
    parts = (part.strip(BLANKS) for part in _VALUE.findall(line))
    return [part for part in parts if part]


def check_text(text: bytes) -> bytes:
    """Hand back text that is to be written into a line, or raise `LocalProtocolError`.

    A NUL may stand behind a backslash, where RFC 3261 section 25.1 allows it within quotes, since peers' names are
    copied.
    """
    if _UNSAFE.search(text):  # G-4
        raise LocalProtocolError(f"CR, LF or NUL in a value: {text[:64]!r}")
    return text


def _field(name: bytes, value: bytes) -> _Field:
    value = check_text(value).strip(BLANKS)
    return canonical(check_token(name)), b"%b: %b\r\n" % (name, value), value


def _fault(section: bytes) -> SipError:
    """Tell what keeps a section from being read."""
    if bare := _BARE_CR.search(section):
        return fault("bare-cr", "C.2", section[bare.start() :])
    if nul := _NUL.search(section):
        return fault("nul", "G-4", section[nul.start() :])
    if section.startswith((b" ", b"\t")):
        return fault("leading-fold", "C.2", section)
    return fault("bad-header", "C.2", section)
