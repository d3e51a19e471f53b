"""Reading the head of an MRCPv2 message by rule: what is accepted, what is canonical, what is wrong (A.7)."""

import enum
import re
from typing import Final

import attrs

from mrcpwire._errors import RemoteProtocolError
from mrcpwire._headers import Headers, Rules
from mrcpwire._lines import TOKEN, is_token
from mrcpwire._mrcpv2_messages import CHANNEL, HIGHEST_ID, Kind, Parts, message_length

# The peers' receive buffers hold 1024 octets: what came folded is not joined into a line of this length.
_LONG_LINE: Final = 1000

# What the quick way may read (see _mrcpv2_quick), in octets.
QUICK_LINE: Final = 128
QUICK_SECTION: Final = 1024
QUICK_MESSAGE: Final = 65_536

_STATE: Final = rb"(COMPLETE|IN-PROGRESS|PENDING)"
# RFC 6787 section 5, with runs of SP between the parts and behind them (M-04). A name has a character that is no
# digit (M-07). What this doesn't match is wrong; `_start_fault` only finds out which rule it breaks.
_START: Final = re.compile(
    rb"MRCP/([0-9]{1,2})\.[0-9]{1,2} +([0-9]{1,19}) +"
    rb"(?:([0-9]{1,10}) +([0-9]{3}) +%b|((?![0-9]+ )%b) +([0-9]{1,10})(?: +%b)?) *" % (_STATE, TOKEN, _STATE)
).fullmatch
_REQUEST, _RESPONSE, _EVENT = Kind.REQUEST, Kind.RESPONSE, Kind.EVENT
_CONTROL: Final = re.compile(rb"[\0-\x1f\x7f]")
_VERSION: Final = re.compile(rb"MRCP/[0-9]{1,2}\.[0-9]{1,2}")
_DIGITS: Final = re.compile(rb"[0-9]{1,19}")  # M-05, M-12: what fits into 63 bits (G-2)

# Lines that end with CRLF and read `Name: value` or `Name:value`, unfolded.
_CANONICAL: Final = re.compile(rb"(?:[^:\r\n]+: ?(?:[^ \t\r\n][^\r\n]*)?\r\n)*")
# Blanks behind a value that peers read as a number or compare (F-34); behind others they may stay.
_PADDED: Final = re.compile(
    rb"^(?:channel-identifier|content-length):.*[^ \t:][ \t]+\r$", re.IGNORECASE | re.MULTILINE
)
_CHANNEL_LINE: Final = re.compile(rb"\r\nchannel-identifier: ?", re.IGNORECASE)
_CHANNEL_NAME: Final = b"channel-identifier"
_LENGTH_NAME: Final = b"content-length"


class Policy(enum.Enum):
    """What to do with a message whose two lengths disagree."""

    STRICT = "strict"  # refuse it (M-16)
    REPAIR = "repair"  # take its Content-Length to be right (M-17)


@attrs.frozen(kw_only=True)
class Limits:
    """How long the parts of a message may be, in octets; more is refused before it is waited for."""

    start_line: int = 512
    header_section: int = 65_536
    header_lines: int = 256
    header_line: int = 16_384  # one header with its folds
    message: int = 8 * 1024 * 1024  # grammars and recordings come in bodies
    filler: int = 64  # CR and LF between two messages (M-01)
    rules: Rules = attrs.field(init=False, repr=False, eq=False)
    # Whatever is read the quick way keeps these limits.
    quick: bool = attrs.field(init=False, repr=False, eq=False)

    @rules.default
    def _rules(self) -> Rules:
        return Rules(
            protocol="mrcpv2",
            octets="M-08",
            lines="M-09",
            header_lines=self.header_lines,
            header_line=self.header_line,
        )

    @quick.default
    def _quick(self) -> bool:
        # No header is shorter than "a:" and its line end.
        section = min(self.header_section, self.header_line, 4 * self.header_lines)
        return self.start_line >= QUICK_LINE and section >= QUICK_SECTION and self.message >= QUICK_MESSAGE


@attrs.define(eq=False)
class StartLine:
    """What a start-line says; `line` is its canonical form."""

    line: bytes
    size: int
    kind: Kind
    name: bytes
    request_id: int
    status: int
    state: bytes


@attrs.frozen
class Head:
    """What a whole head says, and how to read the message of it."""

    start: StartLine
    channel: bytes
    size: int  # octets of the head on the wire
    total: int  # octets of the whole message on the wire, by its Content-Length
    anomaly: str | None
    section: bytes | None  # canonical headers where what came is not to be forwarded as it is

    def parts(self, octets: bytes) -> Parts:
        """Read the message in its octets."""
        told = self.start
        raw = octets if self.section is None else self._write(self.section, octets[self.size :])
        start = len(octets), told.kind, told.name, told.request_id, told.status, told.state
        found = _CHANNEL_LINE.search(raw)
        assert found is not None  # every head names a channel, else it has a fault
        section = self.channel, found.end() - raw.index(b"\r"), len(octets) - self.size
        return raw, start, section, self.anomaly

    def _write(self, section: bytes, body: bytes) -> bytes:  # M-00, M-14
        version, length, rest = self.start.line.split(b" ", 2)
        rest = b"%b\r\n%b\r\n%b" % (rest, section, body)
        return b"%b %b %b" % (version, message_length(len(version) + 2 + len(rest), length), rest)


def fault(what: str, rule: str, excerpt: bytes, *, status: int | None = None) -> RemoteProtocolError:
    """Make the error to raise."""
    return RemoteProtocolError(f"mrcpv2.{what}", rule, status_hint=status, excerpt=excerpt)


def read_start(line: bytes, limits: Limits) -> StartLine:
    """Read a start-line, without its line end."""
    found = _START(line)
    if found is None:
        raise _start_fault(line)
    major, length, response_id, status, response_state, name, request_id, state = found.groups()
    if major != b"2" and int(major) != 2:  # noqa: PLR2004 - M-03
        raise fault("version", "M-03", line, status=502)
    size, number = int(length), int(response_id or request_id)
    if not size:
        raise fault("bad-length", "M-05", line)
    if size > limits.message:
        raise fault("too-large", "M-05", line, status=504)
    if number > HIGHEST_ID:
        raise fault("bad-start-line", "M-06", line)
    canonical = b" ".join(line.split()) if b"  " in line or line[-1] == ord(" ") else line
    if response_id:
        return StartLine(canonical, size, _RESPONSE, b"", number, int(status), response_state)
    return StartLine(canonical, size, _EVENT if state else _REQUEST, name, number, 0, state or b"")


def _start_fault(line: bytes) -> RemoteProtocolError:
    version, *tokens = line.split(b" ")
    tokens = [token for token in tokens if token]
    if _CONTROL.search(line):
        rule = "M-04"
    elif not _VERSION.fullmatch(version):
        rule = "M-03"
    elif tokens and not _DIGITS.fullmatch(tokens[0]):
        return fault("bad-length", "M-05", line)
    elif len(tokens) > 1 and not tokens[1].isdigit() and not is_token(tokens[1]):
        rule = "M-07"
    else:
        rule = "M-06"
    return fault("bad-start-line", rule, line)


def read_head(start: StartLine, head: bytes, policy: Policy, limits: Limits) -> Head:
    """Read a whole head, from the start-line (which was read before) through the blank line."""
    _, _, section = head.partition(b"\n")
    section = section.removesuffix(b"\n").removesuffix(b"\r")
    channel, lengths = _framing(Headers.parse(section, limits.rules))
    total = len(head) + (lengths[0] if lengths else 0)
    if total > limits.message:
        raise fault("too-large", "G-2", head, status=504)
    agree = total == start.size
    if not agree and policy is Policy.STRICT:
        raise fault("length-mismatch", "M-16", head)
    canonical = (
        head == b"%b\r\n%b\r\n" % (start.line, section) and _is_canonical(section) and len(lengths) <= 1
    )
    if agree and canonical:
        return Head(start, channel, len(head), total, None, None)
    anomaly = "folded" if b"\n " in section or b"\n\t" in section else "not-canonical"
    if not agree:  # M-17
        anomaly = "length-mismatch"
    return Head(start, channel, len(head), total, f"mrcpv2.{anomaly}", _canonical(section))


def _framing(headers: Headers) -> tuple[bytes, list[int]]:
    """Give the channel, and the value of every Content-Length: all are equal."""
    channels, lengths = [], []
    for name, value in headers:
        lower = name.lower()
        if lower.startswith(_CHANNEL_NAME):
            channels.append(value if lower == _CHANNEL_NAME else b"")
        elif lower == _LENGTH_NAME:
            lengths.append(value or b"0")  # M-11
    if len(channels) != 1 or not CHANNEL.fullmatch(channels[0]):
        raise fault("bad-channel", "M-13", b", ".join(channels))
    if not all(map(_DIGITS.fullmatch, lengths)) or len(set(map(int, lengths))) > 1:
        raise fault("bad-content-length", "M-12", b", ".join(lengths))
    return channels[0], [int(length) for length in lengths]


def _is_canonical(section: bytes) -> bool:
    return _CANONICAL.fullmatch(section) is not None and _PADDED.search(section) is None


def _canonical(section: bytes) -> bytes:
    """Write headers as `Name: value` and CRLF, unfolded, with one Content-Length (M-14)."""
    fields: list[list[bytes]] = []
    for line in section.split(b"\n")[:-1]:
        if line.startswith((b" ", b"\t")):
            fields[-1].append(line)
        else:
            fields.append(line.split(b":", 1))
    lengths = [index for index, (name, *_) in enumerate(fields) if name.lower() == _LENGTH_NAME]
    return b"".join(_line(*field) for index, field in enumerate(fields) if index not in lengths[1:])


def _line(name: bytes, *text: bytes) -> bytes:
    parts = [part for line in text if (part := line.strip(b" \t\r"))]  # M-10
    line = b"%b: %b\r\n" % (name, b" ".join(parts))
    return line if len(line) < _LONG_LINE else b"%b: %b\r\n" % (name, b"\r\n ".join(parts))
