"""RTSP messages as they came: every octet kept, only what routing needs is read."""

from typing import Final

import attrs

from mrcpwire._headers import Headers

# Responses that never have a body, whatever their Content-Length says (RFC 2326 section 4.4, rule 1).
NO_BODY: Final = frozenset([*range(100, 200), 204, 304])


@attrs.frozen(kw_only=True)
class Limits:
    """How long the parts of a message may be, in octets; more is refused before it is waited for."""

    start_line: int = 2048  # URIs name a host and a resource
    header_section: int = 65_536
    header_lines: int = 256
    header_line: int = 16_384  # one header with its folds
    message: int = 8 * 1024 * 1024  # grammars come in bodies
    filler: int = 64  # CR and LF between two messages
    # A head up to this long can't break any limit but that of the message: no header is shorter than "a:" CRLF.
    plain: int = attrs.field(init=False, repr=False, eq=False)

    @plain.default
    def _plain(self) -> int:
        return min(self.start_line, self.header_section, self.header_line, 4 * self.header_lines)


class Message:
    """What requests and responses share.

    `raw` is the whole message exactly as it came, `body_at` where its body begins. `cseq` is the CSeq's digits as
    sent, at most 19 of them, None when it is missing or isn't a number (R-07, R-08). `session` is the id without its
    parameters (R-09). `fault` is the code of what is wrong with a message whose framing is sound: one of
    rtsp.no-cseq, rtsp.bad-cseq (R-07), rtsp.bad-session, rtsp.two-sessions (R-09), rtsp.bad-uri (R-10); the first
    two only when there is nothing else.

    Only a `Receiver` makes messages; it fills the slots directly, as a call with so many arguments costs twice as much.
    """

    __slots__ = ("_headers", "body_at", "cseq", "fault", "raw", "session")

    raw: bytes
    body_at: int
    cseq: bytes | None
    session: bytes | None
    fault: str | None
    _headers: Headers

    @property
    def headers(self) -> Headers:
        """Every header, as it came."""
        try:
            return self._headers
        except AttributeError:  # not asked for before
            section = self.raw.index(b"\n") + 1
            octets = self.raw[section : self.body_at].removesuffix(b"\n").removesuffix(b"\r")
            self._headers = Headers.split(octets)
            return self._headers

    @property
    def body(self) -> bytes:
        """The octets behind the headers."""
        return self.raw[self.body_at :]

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Message) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.raw)


class Request(Message):
    """An RTSP request, from either side: servers send them too (RFC 2326 section 6).

    `proxy_require` is the first value of that header, None without one (section 12.27).
    """

    __slots__ = ("method", "proxy_require", "uri")

    method: bytes
    uri: bytes
    proxy_require: bytes | None

    def __repr__(self) -> str:
        return f"<Request {self.method!r} {self.uri!r} cseq={self.cseq!r} session={self.session!r}>"


class Response(Message):
    """An RTSP response (RFC 2326 section 7); `reason` is empty where there was none (R-03)."""

    __slots__ = ("reason", "status")

    status: int
    reason: bytes

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason!r} cseq={self.cseq!r} session={self.session!r}>"


@attrs.define
class Interleaved:
    """Binary data between messages (RFC 2326 section 10.12); `raw` has its four octets of framing (R-02)."""

    channel: int
    raw: bytes
