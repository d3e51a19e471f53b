"""MRCPv2 messages: as they are forwarded, with another channel, and made by us (RFC 6787, section 5)."""

import enum
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from mrcpwire._errors import LocalProtocolError
from mrcpwire._headers import Headers
from mrcpwire._lines import check_token

STATES: Final = frozenset([b"COMPLETE", b"IN-PROGRESS", b"PENDING"])
HIGHEST_ID: Final = 2**32 - 1
CHANNEL: Final = re.compile(
    rb"[!-~]+@[!-?A-~]+"
)  # M-13; servers go beyond alphanum in the id, even "@" (F-12)

_CHANNEL_HEADER: Final = b"Channel-Identifier"
_LENGTH_HEADER: Final = b"Content-Length"
_OURS: Final = frozenset([_CHANNEL_HEADER.lower(), _LENGTH_HEADER.lower()])
_POWERS: Final = frozenset(10**digits for digits in range(20))
_CAUSE: Final = b"\r\nCompletion-Cause: "


class Kind(enum.Enum):
    """Which of the three start-lines a message has."""

    REQUEST = "request"
    RESPONSE = "response"
    EVENT = "event"


# What a start-line says: octets of the message on the wire, kind, method or event (b"" in a response), request-id, status
# (0 but in a response), request-state (b"" in a request).
Start = tuple[int, Kind, bytes, int, int, bytes]
# What a header section says: the channel, where it begins, counted from the end of the start-line, octets of the body.
Section = tuple[bytes, int, int]
# A message as a receiver reads it: what the fields of the same names hold in `Message`.
Parts = tuple[bytes, Start, Section, str | None]  # raw, start, section, anomaly


class Message:
    """A message that was received and found valid.

    `raw` is what to forward: the octets as they came, or, where those weren't canonical or their lengths didn't
    agree, the canonical form with lengths that do (M-00, M-14). `anomaly` is a code to count where the message was
    accepted with a fault: mrcpv2.length-mismatch, mrcpv2.folded or mrcpv2.not-canonical.

    What was read in it is in the tuples `start` and `section`, which many messages share. Who handles every message that
    passes takes `Parts`, which spares the making of it.
    """

    __slots__ = ("anomaly", "raw", "section", "start")

    def __init__(self, parts: Parts) -> None:
        self.raw, self.start, self.section, self.anomaly = parts

    @property
    def received(self) -> int:
        """How many octets it took on the wire."""
        return self.start[0]

    @property
    def kind(self) -> Kind:
        """Which of the three start-lines it has."""
        return self.start[1]

    @property
    def name(self) -> bytes:
        """The method or event; b"" in a response."""
        return self.start[2]

    @property
    def request_id(self) -> int:
        """The request it is, answers or tells of."""
        return self.start[3]

    @property
    def status(self) -> int:
        """The status code; 0 but in a response."""
        return self.start[4]

    @property
    def state(self) -> bytes:
        """The request-state; b"" in a request."""
        return self.start[5]

    @property
    def channel(self) -> bytes:
        """The whole Channel-Identifier."""
        return self.section[0]

    @property
    def channel_at(self) -> int:
        """Where the channel begins in `raw`."""
        return self.raw.index(b"\r") + self.section[1]

    @property
    def headers(self) -> Headers:
        """Every header, read anew at each call."""
        raw = self.raw
        return Headers.split(raw[raw.index(b"\n") + 1 : raw.index(b"\r\n\r\n") + 2])

    @property
    def body(self) -> bytes:
        """The octets behind the headers."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def channel_id(self) -> bytes:
        """The channel without its resource: what is before the last "@" (F-12)."""
        return self.channel.rpartition(b"@")[0]

    @property
    def resource(self) -> bytes:
        """The resource type the channel names."""
        return self.channel.rpartition(b"@")[2]

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Message) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        what = self.name or self.status
        return f"<Message {self.kind.value} {what!r} {self.request_id} {self.state!r} {self.channel!r}>"


def self_length(r: int) -> int:
    """Give the message-length of a message that has `r` octets without the digits of that length (A.5)."""
    digits = len(str(r))
    return r + digits + (len(str(r + digits)) > digits)


def with_channel(message: Message, channel: bytes) -> bytes:
    """Give the message with another Channel-Identifier; of the rest only the message-length changes (E-03, A.5).

    A message-length padded with zeros keeps its width where the new one fits. Raises `LocalProtocolError` for what is
    no channel identifier (G-4).
    """
    return renamed(message.raw, message.section, channel)


def renamed(raw: bytes, section: Section, channel: bytes) -> bytes:
    """Do the same for the parts of a message."""
    check_channel(channel)
    at, old = raw.index(b"\r") + section[1], len(section[0])
    change = len(channel) - old
    if not change:
        return b"".join((raw[:at], channel, raw[at + old :]))
    version, length, rest = raw[:at].split(b" ", 2)
    total = len(raw) + change
    text = b"%d" % total
    if len(text) != len(length) or total in _POWERS:  # where 100 is consistent, so is 99
        text = message_length(total - len(length), length)
    return b"".join((version, b" ", text, b" ", rest, channel, raw[at + old :]))


def message_length(r: int, old: bytes) -> bytes:
    """Write the message-length for `r` other octets, as wide as the old one if that was padded and is enough."""
    width = len(old)
    padded = b"%0*d" % (width, r + width)
    return padded if old.startswith(b"0") and len(padded) == width else b"%d" % self_length(r)


def completion_cause(message: Message) -> bytes | None:
    """Give the value of Completion-Cause, such as b"000 success"."""
    raw = message.raw
    head = raw.index(b"\r\n\r\n")
    at = raw.find(_CAUSE, 0, head)
    if at < 0:
        return message.headers.get(b"Completion-Cause")
    at += len(_CAUSE)
    return raw[at : raw.index(b"\r", at)]


Fields = Iterable[tuple[bytes, bytes]]


def request(name: bytes, request_id: int, channel: bytes, headers: Fields = (), body: bytes = b"") -> bytes:
    """Write a request with exact lengths; Content-Length comes by itself.

    This and its two siblings raise `LocalProtocolError` for what would not be one valid message (G-4).
    """
    return _message(b"%b %d" % (_name(name), _request_id(request_id)), channel, headers, body)


def response(
    request_id: int, status: int, state: bytes, channel: bytes, headers: Fields = (), body: bytes = b""
) -> bytes:
    """Write a response."""
    if not 100 <= status <= 999:  # noqa: PLR2004 - what three digits can say
        raise LocalProtocolError(f"not a status: {status}")
    return _message(b"%d %d %b" % (_request_id(request_id), status, _state(state)), channel, headers, body)


def event(
    name: bytes, request_id: int, state: bytes, channel: bytes, headers: Fields = (), body: bytes = b""
) -> bytes:
    """Write an event."""
    start = b"%b %d %b" % (_name(name), _request_id(request_id), _state(state))
    return _message(start, channel, headers, body)


def _message(start: bytes, channel: bytes, headers: Fields, body: bytes) -> bytes:
    fields = [(_CHANNEL_HEADER, check_channel(channel)), *headers]
    if any(name.lower() in _OURS for name, _ in fields[1:]):
        raise LocalProtocolError("Channel-Identifier and Content-Length are written from the other arguments")
    if body:
        fields.append((_LENGTH_HEADER, b"%d" % len(body)))
    rest = b"%b\r\n%b\r\n%b" % (start, Headers.of(fields).to_bytes(), body)
    return b"MRCP/2.0 %d %b" % (self_length(len(b"MRCP/2.0  ") + len(rest)), rest)


@lru_cache(maxsize=4096)  # a call for each forwarded message, with few different channels
def check_channel(channel: bytes) -> bytes:
    """Hand back a channel identifier that is to be written, or raise `LocalProtocolError`."""
    if not CHANNEL.fullmatch(channel):
        raise LocalProtocolError(f"not a channel identifier: {channel[:64]!r}")
    return channel


def _name(name: bytes) -> bytes:
    if check_token(name).isdigit():  # M-07
        raise LocalProtocolError(f"not the name of a method or an event: {name!r}")
    return name


def _request_id(number: int) -> int:
    if not 0 <= number <= HIGHEST_ID:
        raise LocalProtocolError(f"not a request-id: {number}")
    return number


def _state(state: bytes) -> bytes:
    if state not in STATES:
        raise LocalProtocolError(f"not a request-state: {state!r}")
    return state
