"""Session descriptions as lines that keep their octets (RFC 4566): read what is needed, edit that alone.

Nothing is checked beyond need and nothing decoded (D-00): a line that isn't understood is passed on. Every edit gives
a new object and leaves all other octets alone; the same edit a second time changes nothing (D-02).
"""

import re
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._kept import kept
from mrcpwire._lines import check_token, check_value

_LINES: Final = re.compile(rb"[^\n]*\n|[^\n]+")  # the last one may have no end
# m=<media> <port>[/<number of ports>] <proto> <fmt>..., with or without a fmt (D-05).
_MEDIA: Final = re.compile(rb"m=([^ \t\r\n]+)[ \t]+([^ \t\r\n/]+)(?:/[^ \t\r\n]*)?[ \t]+([^ \t\r\n]+)")
_PORT: Final = re.compile(rb"[0-9]{1,5}")
_CONNECTION: Final = re.compile(rb"c=IN[ \t]+(IP[46])[ \t]+([!-.0-~]+)(?:/[0-9/]+)?[ \t]*\r?\n?")
_ADDRESS: Final = re.compile(r"[!-.0-~]+")
_ANY_CONNECTION: Final = re.compile(rb"^%b$" % _CONNECTION.pattern, re.MULTILINE)

_HIGHEST_PORT: Final = 65_535
_UNSPECIFIED: Final = frozenset(["0.0.0.0", "::"])  # noqa: S104 - what peers write who don't know their own address


@attrs.frozen
class Section:
    """Lines that belong together, each with its end: those before the first m= line, or an m= line and its own."""

    lines: tuple[bytes, ...] = ()

    @property
    def connection(self) -> str | None:
        """The address of this section's own c= line, without what may follow a slash."""
        return next((address for line in self.lines if (address := _address(line))), None)

    def attributes(self, name: bytes) -> list[bytes]:
        """Give the values of every attribute with exactly this name, b"" where there is none (D-04)."""
        return [value for line in self.lines if (value := _value(line, name)) is not None]

    def attribute(self, name: bytes) -> bytes | None:
        """Give the value of the first attribute with exactly this name."""
        return next(iter(self.attributes(name)), None)

    def with_attribute(self, name: bytes, value: bytes) -> Self:
        """Give the first attribute of this name another value, where it stands; add it at the end if there is none."""
        text = b"a=%b:%b" % (check_token(name), check_value(value))
        for index, line in enumerate(self.lines):
            old = _value(line, name)
            if old is not None:
                return self if old == value else self._with_line(index, text)
        return self._inserted(len(self.lines), text)

    def _with_line(self, index: int, text: bytes) -> Self:
        line = text + _end(self.lines[index])
        return type(self)((*self.lines[:index], line, *self.lines[index + 1 :]))

    def _inserted(self, index: int, text: bytes) -> Self:
        """Put a line before this index, with the line end of the line before it (D-01)."""
        before = list(self.lines[:index])
        end = _end(before[-1]) if before else b"\r\n"
        if not end:  # the last line of all: it gets an end, the new last line has none
            before[-1] += _end(self.lines[0]) or b"\r\n"
        return type(self)((*before, text + end, *self.lines[index:]))


@attrs.frozen(slots=False)
class Media(Section):
    """An m= line and what belongs to it."""

    @property
    def kind(self) -> bytes:
        """The medium, such as b"audio"; b"" where the m= line makes no sense."""
        return self._parts[0]

    @property
    def port(self) -> int | None:
        """The port, 0 for a part that is refused or removed; None where it can't be read (D-06)."""
        text = self._parts[1]
        return int(text) if _PORT.fullmatch(text) and int(text) <= _HIGHEST_PORT else None

    @property
    def proto(self) -> bytes:
        """The transport protocol in upper case, such as b"TCP/MRCPV2" (D-05)."""
        return self._parts[2].upper()

    @kept
    def is_control(self) -> bool:
        """Whether this is a control channel over plain TCP that was not refused."""
        return self.kind == b"application" and self.proto == b"TCP/MRCPV2" and self.port != 0

    @kept
    def _parts(self) -> tuple[bytes, ...]:
        match = _MEDIA.match(self.lines[0])
        return match.groups() if match else (b"", b"", b"")

    def with_port(self, port: int) -> Self:
        """Give it another port; where the old one can't be read it is left alone."""
        if not 0 <= port <= _HIGHEST_PORT:
            raise LocalProtocolError(f"not a port: {port}")
        line = self.lines[0]
        match = _MEDIA.match(line)
        if not match or self.port in (None, port):
            return self
        text = line[: match.start(2)] + b"%d" % port + line[match.end(2) :]
        return self._with_line(0, text.removesuffix(_end(line)))

    def with_connection(self, address: str) -> Self:
        """Give it a c= line of its own with this address, in place of the one it has or behind m= and i= (D-01)."""
        text = _connection(address)
        indexes = [index for index, line in enumerate(self.lines) if line.startswith(b"c=")]
        if not indexes:
            titled = len(self.lines) > 1 and self.lines[1].startswith(b"i=")
            return self._inserted(2 if titled else 1, text)
        section = self
        for index in indexes:
            if _address(self.lines[index]) != address:
                section = section._with_line(index, text)
        return section


@attrs.frozen
class Sdp:
    """A session description: the session part, then a part for each m= line, in order (D-03)."""

    session: Section
    media: tuple[Media, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read any octets; never fails (D-00)."""
        sections: list[list[bytes]] = [[]]
        for line in _LINES.findall(body):
            if line.startswith(b"m="):
                sections.append([])
            sections[-1].append(line)
        session, *media = (tuple(lines) for lines in sections)
        return cls(Section(session), tuple(map(Media, media)))

    def to_bytes(self) -> bytes:
        """Write it; untouched, it is octet for octet what was read."""
        return b"".join(line for section in (self.session, *self.media) for line in section.lines)

    def address(self, index: int) -> str | None:
        """Give the address that holds for a media part: its own, else the session's (RFC 4566, section 5.7)."""
        return self.media[index].connection or self.session.connection

    def with_media(self, index: int, media: Media) -> Self:
        """Put another part in the place of one."""
        return type(self)(self.session, (*self.media[:index], media, *self.media[index + 1 :]))


def has_media_address(body: bytes) -> bool:
    """Tell whether a description says where every one of its media goes; "0.0.0.0" says nothing (R-20)."""
    session = (b"\n" + body).partition(b"\nm=")[0]
    if _ANY_CONNECTION.search(session) and not _may_be_unspecified(body):
        return True  # as nearly all do, so this is found out without parsing
    sdp = Sdp.parse(body)
    found = [sdp.address(index) for index in range(len(sdp.media))] or [sdp.session.connection]
    return all(address is not None and address not in _UNSPECIFIED for address in found)


def with_media_address(body: bytes, address: str) -> bytes:
    """Put this address in the place of every "0.0.0.0" in a c= line (R-20)."""
    text = _connection(address)
    if not _may_be_unspecified(body):
        return body
    return b"".join(
        text + _end(line) if _address(line) in _UNSPECIFIED else line for line in _LINES.findall(body)
    )


def _may_be_unspecified(body: bytes) -> bool:
    return b"0.0.0.0" in body or b"::" in body


def _address(line: bytes) -> str | None:
    match = _CONNECTION.fullmatch(line)
    return match[2].decode("ascii") if match else None


def _connection(address: str) -> bytes:
    if not _ADDRESS.fullmatch(address):  # G-4
        raise LocalProtocolError(f"not an address: {address[:64]!r}")
    return b"c=IN %b %b" % (b"IP6" if ":" in address else b"IP4", address.encode("ascii"))


def _value(line: bytes, name: bytes) -> bytes | None:
    """Give the value of an attribute line if it bears this name."""
    found, colon, value = line.partition(b":")
    if (found if colon else line.rstrip(b"\r\n")) != b"a=" + name:
        return None
    return value.strip(b" \t\r\n")


def _end(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return b"\r\n"
    return b"\n" if line.endswith(b"\n") else b""
