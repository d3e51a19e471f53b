"""The header section of a SIP message: order, case, folds and blanks stay as they came, compact names are understood."""

import re
from collections.abc import Iterable, Iterator, KeysView, Sequence
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import unfold
from mrcpwire._kept import kept
from mrcpwire._lines import BLANKS, TOKEN, check_token
from mrcpwire._sip_faults import SipError, fault

# RFC 3261 section 7.3.3, and the header fields that were added since.
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
    rb"^((%b+)[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*)\r\n)(?![ \t])" % TOKEN, re.MULTILINE
)
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
BLANK_LINE: Final = re.compile(rb"\n\r?\n")  # the end of the line before it, and itself
# RFC 3261 section 25.1 allows a NUL within quotes, behind a backslash; what peers write so is copied.
_BEFORE_NUL: Final = re.compile(rb'(?:[^"\0]++|"(?:[^"\\\r\n\0]++|\\[^\r\n])*"?)*')
# Up to a comma outside of quotes and angle brackets; what is left open runs to the end.
_VALUE: Final = re.compile(rb'(?:[^,"<]++|"(?:[^"\\]++|\\.?)*"?|<[^>]*+>?)+', re.DOTALL)

# Names as most peers write them and as we look them up, which needn't be brought into another form.
_USUAL: Final = {
    written: name.lower()
    for name in (
        b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Max-Forwards", b"Content-Type", b"Content-Length",
        b"User-Agent", b"Server", b"Allow", b"Supported", b"Require", b"Route", b"Record-Route", b"Session-Expires",
        b"Min-SE", b"Content-Disposition", b"Proxy-Require", b"RAck", b"RSeq", b"Retry-After", b"Timestamp",
    )
    for written in (name, name.lower())
}  # fmt: skip

_Field = tuple[bytes, bytes, bytes]  # the name to look up, the line with its folds and line end, the value


@attrs.frozen(repr=False, slots=False)
class SipHeaders:
    """An ordered header section; edits give a new one and leave the octets of every other line alone.

    Names are looked up without regard to case, a compact form and its long form being one name. Values come unfolded
    and trimmed. Names and values that are put in are checked: `LocalProtocolError` (G-4).
    """

    _fields: tuple[_Field, ...] = ()

    @classmethod
    def parse(cls, section: bytes, *, most_lines: int) -> Self:
        """Read lines ended by CRLF or LF, without the blank line behind them; raises `SipError`.

        Line ends become CRLF (C.2). The codes are sip.bare-cr, sip.nul, sip.leading-fold, sip.bad-header and
        sip.too-many-headers.
        """
        section = with_crlf(section)
        if section.count(b"\n") > most_lines:
            raise fault("too-many-headers", "G-9", section, status=513)
        if has_nul(section):
            raise fault("nul", "G-4", section[section.index(b"\0") :])
        fields = scan(section)
        if sum([len(line) for _, line, _ in fields]) != len(section):
            raise _fault(section)
        return cls(fields)

    @classmethod
    def of(cls, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make a section of names and values."""
        return cls(tuple([_field(name, value) for name, value in fields]))

    def get(self, name: bytes) -> bytes | None:
        """Look up the first value of a header."""
        found = self._found(name)
        return found[0] if found else None

    def get_all(self, name: bytes) -> list[bytes]:
        """Look up the value of every line of a header, in order."""
        return list(self._found(name))

    def lengths(self) -> list[bytes]:
        """Give what `get_all` gives for Content-Length; of most sections that are made nothing else is asked."""
        return [value for name, _, value in self._fields if name == b"content-length"]

    def values(self, name: bytes) -> list[bytes]:
        """Look up every value of a header that may have several in a line; empty ones are passed over."""
        return [value for line in self._found(name) for value in split_values(line)]

    def names(self) -> KeysView[bytes]:
        """Give the names of all headers, in the form they are looked up by: the long one, in lower case."""
        return self._index.keys()

    def __contains__(self, name: bytes) -> bool:
        return bool(self._found(name))

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for _, line, value in self._fields:
            yield line.partition(b":")[0].rstrip(BLANKS), value

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<SipHeaders {self.to_bytes()!r}>"

    def to_bytes(self) -> bytes:
        """Write the section, without the blank line that ends it."""
        return b"".join([line for _, line, _ in self._fields])

    def with_(self, name: bytes, value: bytes) -> Self:
        """Have such a header once: in place of the first, where there was one, else as `append` does."""
        return self.once(name).replaced(name, value)

    def replaced(self, name: bytes, value: bytes) -> Self:
        """Give the first such header another value; others stay. Without one, do as `append` does."""
        place = self._place(name)
        if place is None:
            return self.append(name, value)
        return type(self)((*self._fields[:place], _field(name, value), *self._fields[place + 1 :]))

    def without(self, *names: bytes) -> Self:
        """Leave out every such header."""
        unwanted = {canonical(name) for name in names}
        return type(self)(tuple([one for one in self._fields if one[0] not in unwanted]))

    def only(self, *names: bytes) -> Self:
        """Leave out every other header."""
        wanted = {canonical(name) for name in names}
        return type(self)(tuple([one for one in self._fields if one[0] in wanted]))

    def once(self, name: bytes) -> Self:
        """Leave out all such headers but the first."""
        place = self._place(name)
        if place is None:
            return self
        wanted = self._fields[place][0]
        rest = [one for one in self._fields[place + 1 :] if one[0] != wanted]
        return type(self)((*self._fields[: place + 1], *rest))

    def prepend(self, name: bytes, value: bytes) -> Self:
        """Add a header before the first of its name, or else before all."""
        place = self._place(name) or 0
        return type(self)((*self._fields[:place], _field(name, value), *self._fields[place:]))

    def append(self, name: bytes, value: bytes) -> Self:
        """Add a header at the end; a Content-Length that stands there stays last."""
        return self.extended(((name, value),))

    def extended(self, fields: Iterable[tuple[bytes, bytes]]) -> Self:
        """Add several headers as `append` does."""
        added = [_field(name, value) for name, value in fields]
        place = len(self._fields)
        if place and self._fields[-1][0] == b"content-length":
            place -= 1
        return type(self)((*self._fields[:place], *added, *self._fields[place:]))

    @kept
    def _index(self) -> dict[bytes, list[bytes]]:
        index: dict[bytes, list[bytes]] = {}
        for name, _, value in self._fields:
            if name in index:
                index[name].append(value)
            else:
                index[name] = [value]
        return index

    def _found(self, name: bytes) -> Sequence[bytes]:
        index = self._index
        found = index.get(name)  # as it is written is often right
        return index.get(canonical(name), ()) if found is None else found

    def _place(self, name: bytes) -> int | None:
        wanted = canonical(name)
        for place, field in enumerate(self._fields):
            if field[0] == wanted:
                return place
        return None


def canonical(name: bytes) -> bytes:
    """Give the name a header is looked up by: the long one, in lower case."""
    found = _USUAL.get(name)
    if found is None:
        name = name.lower()
        found = _COMPACT.get(name, name)
    return found


def with_crlf(section: bytes) -> bytes:
    """Give lines that end with a bare LF their CR (C.2)."""
    return section if section.count(b"\n") == section.count(b"\r\n") else _BARE_LF.sub(b"\r\n", section)


def has_nul(text: bytes) -> bool:
    """Tell whether there is a NUL where none may be (G-4)."""
    if b"\0" not in text:
        return False
    sound = _BEFORE_NUL.match(text)
    return sound is not None and sound.end() < len(text)


def scan(section: bytes) -> tuple[_Field, ...]:
    """List the headers of a section in lines ended by CRLF; what isn't a header is passed over."""
    return tuple(
        [
            (
                _USUAL.get(name) or canonical(name),
                line,
                unfold(value) if b"\n" in value else value.strip(BLANKS),
            )
            for line, name, value in _FIELD.findall(section)
        ]
    )


def split_values(line: bytes) -> list[bytes]:
    """Split a value at its commas, trimmed; a comma within quotes or angle brackets is data (C.2)."""
    if b"," not in line:
        return [line] if line else []
    parts = [part.strip(BLANKS) for part in _VALUE.findall(line)]
    return [part for part in parts if part]


def check_text(text: bytes) -> bytes:
    """Hand back text that is to be written into a line, or raise `LocalProtocolError` for CR, LF or NUL (G-4)."""
    if b"\n" in text or b"\r" in text or has_nul(text):
        raise LocalProtocolError(f"CR, LF or NUL in a value: {text[:64]!r}")
    return text


def _field(name: bytes, value: bytes) -> _Field:
    value = check_text(value).strip(BLANKS)
    looked_up = _USUAL.get(name) or canonical(check_token(name))
    return looked_up, b"%b: %b\r\n" % (name, value), value


def _fault(section: bytes) -> SipError:
    if bare := _BARE_CR.search(section):
        return fault("bare-cr", "C.2", section[bare.start() :])
    if section.startswith((b" ", b"\t")):
        return fault("leading-fold", "C.2", section)
    at = 0
    for _, line, _ in scan(section):
        if not section.startswith(line, at):
            break
        at += len(line)
    return fault("bad-header", "C.2", section[at:])
