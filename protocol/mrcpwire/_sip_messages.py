"""SIP messages: start-line, headers, body, and what the headers say."""

import functools
import re
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._lines import TOKEN
from mrcpwire._sip_faults import fault
from mrcpwire._sip_headers import SipHeaders, check_text, split_values
from mrcpwire._sip_reasons import reason_phrase
from mrcpwire._sip_values import NameAddr, Via

_URI: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*+:[!#-;=?-~]++")
_METHOD: Final = re.compile(TOKEN)
_CSEQ: Final = re.compile(rb"0*+([0-9]{1,10})[ \t]++(%b)" % TOKEN)
_CALL_ID: Final = re.compile(rb"[!-~]++")
_HOPS: Final = re.compile(rb"0*+([0-9]{1,3})")
_MEDIA_TYPE: Final = re.compile(rb"(%b)[ \t]*+/[ \t]*+(%b)[ \t]*+(?:;.*)?" % (TOKEN, TOKEN), re.DOTALL)
_LAST_CSEQ: Final = (1 << 31) - 1
_MOST_HOPS: Final = 255
_ENTITY: Final = (b"Content-Type", b"Content-Encoding", b"Content-Language", b"Content-Disposition")


@attrs.frozen(kw_only=True)
class Limits:
    """How long the parts of a message may be (G-9)."""

    message: int = 65_536  # octets
    header_lines: int = 128
    vias: int = 70
    start_line: int = 2048  # octets


@attrs.frozen(kw_only=True)
class Message:
    """What requests and responses share.

    A message has one Content-Length, and it is right. What the properties read is cached; they raise `SipError` where
    a header is missing or unsound, which can't happen for a message that was received.
    """

    headers: SipHeaders
    body: bytes = b""

    @functools.cached_property
    def vias(self) -> tuple[Via, ...]:
        """The way of the request, last hop first."""
        values = self.headers.values(b"via")
        if not values:
            raise fault("no-via", "C.2", b"", fatal=False)
        return tuple([Via.parse(value) for value in values])

    @functools.cached_property
    def from_(self) -> NameAddr:
        """Who sent the request."""
        return self._party(b"from")

    @functools.cached_property
    def to(self) -> NameAddr:
        """Whom the request is for."""
        return self._party(b"to")

    @functools.cached_property
    def call_id(self) -> bytes:
        """The call's id; case counts."""
        value = self._one(b"call-id")
        if not value or not _CALL_ID.fullmatch(value):
            raise fault("bad-call-id", "C.2", value or b"", fatal=False)
        return value

    @functools.cached_property
    def cseq(self) -> tuple[int, bytes]:
        """The number, at most 2**31 - 1, and the method."""
        value = self._one(b"cseq")
        match = _CSEQ.fullmatch(value or b"")
        if match is None or int(match[1]) > _LAST_CSEQ:
            raise fault("bad-cseq", "C.2", value or b"", fatal=False)
        return int(match[1]), match[2]

    @functools.cached_property
    def contact(self) -> NameAddr | None:
        """The first Contact; None where there is none, or it is "*"."""
        values = self.headers.values(b"contact")
        found = [NameAddr.parse(value) for value in values if value != b"*"]
        return found[0] if found else None

    @functools.cached_property
    def max_forwards(self) -> int | None:
        """Hops that are left, 0 to 255."""
        value = self._one(b"max-forwards")
        if value is None:
            return None
        match = _HOPS.fullmatch(value)
        if match is None or int(match[1]) > _MOST_HOPS:
            raise fault("bad-max-forwards", "C.2", value, fatal=False)
        return int(match[1])

    @functools.cached_property
    def content_type(self) -> bytes | None:
        """The media type of the body in lower case, without parameters."""
        value = self._one(b"content-type")
        if value is None:
            return None
        match = _MEDIA_TYPE.fullmatch(value)
        if match is None:
            raise fault("bad-content-type", "C.2", value, fatal=False)
        return b"%b/%b" % (match[1].lower(), match[2].lower())

    @functools.cached_property
    def record_route(self) -> tuple[NameAddr, ...]:
        """The Record-Route values, in order."""
        return tuple([NameAddr.parse(value) for value in self.headers.values(b"record-route")])

    @functools.cached_property
    def route(self) -> tuple[NameAddr, ...]:
        """The Route values, in order."""
        return tuple([NameAddr.parse(value) for value in self.headers.values(b"route")])

    def with_headers(self, headers: SipHeaders) -> Self:
        """Put in another header section."""
        return attrs.evolve(self, headers=headers)

    def with_body(self, body: bytes, content_type: bytes | None = None) -> Self:
        """Put in another body; without one, the headers that describe it go too."""
        headers = self.headers if body else self.headers.without(*_ENTITY)
        if content_type is not None:
            headers = headers.with_(b"Content-Type", content_type)
        return attrs.evolve(self, headers=headers, body=body)

    def _one(self, name: bytes) -> bytes | None:
        """Give the value of a header that may be there once."""
        values = self.headers.get_all(name)
        if len(values) > 1:
            raise fault("two-" + name.decode(), "C.6", values[1], fatal=False)
        return values[0] if values else None

    def _party(self, name: bytes) -> NameAddr:
        value = self._one(name)
        if not value:
            raise fault("no-" + name.decode(), "C.2", b"", fatal=False)
        return NameAddr.parse(value)


@attrs.frozen(kw_only=True)
class Request(Message):
    """A SIP request (RFC 3261 section 7.1)."""

    method: bytes
    uri: bytes
    headers: SipHeaders
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        if not _METHOD.fullmatch(self.method) or not _URI.fullmatch(self.uri):
            raise LocalProtocolError(f"no request line: {self.method[:64]!r} {self.uri[:64]!r}")
        _settle(self)

    def to_bytes(self) -> bytes:
        """Write it."""
        return b"%b %b SIP/2.0\r\n%b\r\n%b" % (self.method, self.uri, self.headers.to_bytes(), self.body)


@attrs.frozen(kw_only=True)
class Response(Message):
    """A SIP response (RFC 3261 section 7.2)."""

    status: int
    reason: bytes
    headers: SipHeaders
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        if not 100 <= self.status <= 699:  # noqa: PLR2004  the six classes
            raise LocalProtocolError(f"not a status: {self.status}")
        check_text(self.reason)
        _settle(self)

    def to_bytes(self) -> bytes:
        """Write it."""
        return b"SIP/2.0 %d %b\r\n%b\r\n%b" % (self.status, self.reason, self.headers.to_bytes(), self.body)


def _settle(message: Message) -> None:
    """Make the Content-Length right."""
    length = b"%d" % len(message.body)
    values = message.headers.get_all(b"content-length")
    if len(values) != 1 or not values[0].isdigit() or int(values[0]) != len(message.body):
        object.__setattr__(message, "headers", message.headers.with_(b"Content-Length", length))


__all__ = ["Limits", "Message", "Request", "Response", "reason_phrase", "split_values"]
