"""SIP messages: start-line, headers and body, and what the headers say."""

import re
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._kept import kept
from mrcpwire._lines import TOKEN, check_token
from mrcpwire._sip_faults import fault
from mrcpwire._sip_headers import SipHeaders, check_text
from mrcpwire._sip_uri import URI
from mrcpwire._sip_values import NameAddr, Via

_URI: Final = re.compile(URI)
_CSEQ: Final = re.compile(rb"(?=[0-9])0*+([0-9]{0,10})[ \t]++(%b)" % TOKEN)
_CALL_ID: Final = re.compile(rb"[!-~]+")
_HOPS: Final = re.compile(rb"(?=[0-9])0*+([0-9]{0,3})")
_MEDIA_TYPE: Final = re.compile(rb"(%b+)[ \t]*+/[ \t]*+(%b+)[ \t]*+(?:;.*)?" % (TOKEN, TOKEN), re.DOTALL)
_LAST_CSEQ: Final = (1 << 31) - 1
_MOST_HOPS: Final = 255
_DESCRIBE_BODY: Final = (b"Content-Type", b"Content-Encoding", b"Content-Language", b"Content-Disposition")


@attrs.frozen(kw_only=True)
class Limits:
    """How long a message and its parts may be (G-9)."""

    message: int = 65_536  # octets
    header_lines: int = 128
    vias: int = 70  # values of Via; of Contact, Route and Record-Route as well
    start_line: int = 2048  # octets


@attrs.frozen(kw_only=True, slots=False)
class Message:
    """What requests and responses share.

    Each has one Content-Length, and it is right. What the properties read is kept; they raise `SipError` where a
    header is missing or unsound, which can't happen to a message that was received.
    """

    headers: SipHeaders
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        size = b"%d" % len(self.body)
        found = self.headers.lengths()
        if found != [size] and not (len(found) == 1 and _is_number(found[0], size)):
            object.__setattr__(self, "headers", self.headers.with_(b"Content-Length", size))

    @kept
    def vias(self) -> tuple[Via, ...]:
        """The hops of the request, the last one first; at least one."""
        values = self.headers.values(b"via")
        if not values:
            raise fault("no-via", "C.2", b"", fatal=False)
        return tuple([Via.parse(value) for value in values])

    @kept
    def from_(self) -> NameAddr:
        """Who sends the request."""
        return self._party(b"from")

    @kept
    def to(self) -> NameAddr:
        """Whom the request is for."""
        return self._party(b"to")

    @kept
    def call_id(self) -> bytes:
        """The call's id; case counts."""
        return self._match(b"call-id", _CALL_ID)[0]

    @kept
    def cseq(self) -> tuple[int, bytes]:
        """The number, at most 2**31 - 1, and the method."""
        match = self._match(b"cseq", _CSEQ)
        number = int(match[1] or b"0")
        if number > _LAST_CSEQ:
            raise fault("bad-cseq", "C.2", match[0], fatal=False)
        return number, match[2]

    @kept
    def contact(self) -> NameAddr | None:
        """The first Contact; None without one, and for "*"."""
        found = [NameAddr.parse(value) for value in self.headers.values(b"contact") if value != b"*"]
        return found[0] if found else None

    @kept
    def max_forwards(self) -> int | None:
        """How many hops are left, at most 255."""
        if b"max-forwards" not in self.headers:
            return None
        match = self._match(b"max-forwards", _HOPS)
        hops = int(match[1] or b"0")
        if hops > _MOST_HOPS:
            raise fault("bad-max-forwards", "C.6", match[0], fatal=False)
        return hops

    @kept
    def content_type(self) -> bytes | None:
        """The media type of the body in lower case, without parameters."""
        if b"content-type" not in self.headers:
            return None
        match = self._match(b"content-type", _MEDIA_TYPE)
        return b"%b/%b" % (match[1].lower(), match[2].lower())

    @kept
    def record_route(self) -> tuple[NameAddr, ...]:
        """The proxies that want to stay on the way."""
        return self._addresses(b"record-route")

    @kept
    def route(self) -> tuple[NameAddr, ...]:
        """The proxies that are still to be passed."""
        return self._addresses(b"route")

    def with_headers(self, headers: SipHeaders) -> Self:
        """Put in another header section."""
        return attrs.evolve(self, headers=headers)

    def with_body(self, body: bytes, content_type: bytes | None = None) -> Self:
        """Put in another body; the headers that describe a body go with the last of it."""
        headers = self.headers if body else self.headers.without(*_DESCRIBE_BODY)
        if content_type is not None:
            headers = headers.with_(b"Content-Type", content_type)
        return attrs.evolve(self, headers=headers, body=body)

    def _one(self, name: bytes) -> bytes:
        """Give the value of a header that is there once, and not empty."""
        values = self.headers.get_all(name)
        if len(values) > 1:
            raise fault(f"two-{name.decode()}", "C.6", b", ".join(values), fatal=False)
        if not values or not values[0]:
            raise fault(f"no-{name.decode()}", "C.2", b"", fatal=False)
        return values[0]

    def _match(self, name: bytes, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        value = self._one(name)
        match = pattern.fullmatch(value)
        if match is None:
            raise fault(f"bad-{name.decode()}", "C.2", value, fatal=False)
        return match

    def _party(self, name: bytes) -> NameAddr:
        value = self._one(name)
        party = NameAddr.parse(value)
        tags = [tag for found, tag in party.params if found.lower() == b"tag"]
        if len(tags) > 1 or (tags and not tags[0]):
            raise fault("bad-tag", "C.2", value, fatal=False)
        return party

    def _addresses(self, name: bytes) -> tuple[NameAddr, ...]:
        return tuple([NameAddr.parse(value) for value in self.headers.values(name)])


@attrs.frozen(kw_only=True, slots=False)
class Request(Message):
    """A SIP request (RFC 3261 section 7.1)."""

    method: bytes
    uri: bytes
    headers: SipHeaders
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        check_token(self.method)
        if not _URI.fullmatch(self.uri):  # G-4
            raise LocalProtocolError(f"not a URI: {self.uri[:64]!r}")
        Message.__attrs_post_init__(self)

    def to_bytes(self) -> bytes:
        """Write it."""
        return b"%b %b SIP/2.0\r\n%b\r\n%b" % (self.method, self.uri, self.headers.to_bytes(), self.body)


@attrs.frozen(kw_only=True, slots=False)
class Response(Message):
    """A SIP response (RFC 3261 section 7.2); `reason` may be empty."""

    status: int
    reason: bytes
    headers: SipHeaders
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        if not 100 <= self.status <= 699:  # noqa: PLR2004  the six classes
            raise LocalProtocolError(f"not a status: {self.status}")
        check_text(self.reason)
        Message.__attrs_post_init__(self)

    def to_bytes(self) -> bytes:
        """Write it."""
        return b"SIP/2.0 %d %b\r\n%b\r\n%b" % (self.status, self.reason, self.headers.to_bytes(), self.body)


def _is_number(text: bytes, number: bytes) -> bool:
    """Tell whether this is the number, leading zeros or not."""
    return text.isdigit() and text.lstrip(b"0") == number.lstrip(b"0")
