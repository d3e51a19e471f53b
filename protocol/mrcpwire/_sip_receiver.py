"""Cutting the octets of a SIP connection into messages."""

from typing import Final

import attrs

from mrcpwire._buffer import Buffer
from mrcpwire._errors import EXCERPT
from mrcpwire._lines import is_token
from mrcpwire._sip_faults import SipError, fault
from mrcpwire._sip_head import Start, read_length, read_message, read_start
from mrcpwire._sip_headers import BLANK_LINE, SipHeaders
from mrcpwire._sip_messages import Limits, Request, Response
from mrcpwire._sip_write import answer_to

_PING: Final = b"\r\n\r\n"
_FILLER: Final = 64  # octets between messages that are looked at in one go
_DEFAULT: Final = Limits()


@attrs.frozen
class KeepAlive:
    """A ping between two messages (RFC 5626 section 4.4.1); the answer is one CRLF."""


Event = Request | Response | KeepAlive


@attrs.frozen(kw_only=True)
class _Head:
    """A head that was read, while its body is awaited."""

    start: Start
    headers: SipHeaders
    size: int
    total: int


class StreamReceiver(Buffer):
    """One direction of a SIP connection: octets in, messages out.

    A fault that leaves in doubt where the next message begins is raised, again at every later call (`fatal`). After
    another one the next call goes on behind the message that had it.
    """

    __slots__ = ("_head", "_line", "_ping", "limits")

    def __init__(self, limits: Limits = _DEFAULT) -> None:
        super().__init__()
        self.limits = limits
        self._head: _Head | None = None
        self._line = 0  # octets of the start-line, once it is there
        self._ping = b""  # the octets of a ping that came already

    def next_event(self) -> Event | None:
        """Give the next message or ping, None while it isn't whole; raises `SipError`."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            return self._advance()
        except SipError as error:
            if error.fatal:
                self._head = None
                self._fail(error)
            raise

    def _advance(self) -> Event | None:
        if self._head is None:
            if self._skip_filler():
                return KeepAlive()
            if not self._held:
                return None
            self._head = self._read_head()
        head = self._head
        if head is None or self._held < head.total:
            if self._ended:
                raise fault("truncated", "C.2", self._peek(0, EXCERPT), status=None)
            return None
        self._head = None
        self._line = 0
        raw = self._take(head.total)
        try:
            return read_message(head.start, head.headers, raw[head.size :], self.limits)
        except SipError as error:
            error.answer = answer_to(raw, error, self.limits)
            raise

    def _skip_filler(self) -> bool:
        """Skip CR and LF (RFC 3261 section 7.5) up to the end of a ping; tell whether there was one."""
        while self._held:
            ahead = self._peek(0, _FILLER)
            run = ahead[: len(ahead) - len(ahead.lstrip(b"\r\n"))]
            if not run:
                self._ping = b""
                return False
            seen = self._ping + run
            end = seen.find(_PING)
            if end >= 0:
                self._take(end + len(_PING) - len(self._ping))
                self._ping = b""
                return True
            self._take(len(run))
            self._ping = next((seen[-size:] for size in (3, 2, 1) if _PING.startswith(seen[-size:])), b"")
        return False

    def _read_head(self) -> _Head | None:
        """Read the head if it is whole by now; what can't become one is refused at once."""
        if not self._line and not self._find_line():
            return None
        at, most = self._at, self.limits.message
        blank = BLANK_LINE.search(self._data, at + max(self._line - 1, self._scan - 2), at + most)
        if blank is None and self._held < most:
            self._scan = self._held
            return None
        octets = self._peek(0, blank.end() - at if blank else most)
        try:
            return self._parse(octets, blank.start() + 1 - at if blank else None)
        except SipError as error:
            error.answer = answer_to(octets, error, self.limits)
            raise

    def _parse(self, octets: bytes, end: int | None) -> _Head:
        """Read a head whose headers end there, None where they don't."""
        if end is None:
            raise fault("too-large", "G-9", octets, status=513)
        start = read_start(octets[: self._line].removesuffix(b"\n").removesuffix(b"\r"), self.limits)
        headers = SipHeaders.parse(octets[self._line : end], most_lines=self.limits.header_lines)
        length = read_length(headers)
        if length is None:
            raise fault("no-length", "C.2", octets)
        total = len(octets) + length
        if total > self.limits.message:  # before any of it is waited for (G-2)
            raise fault("too-large", "G-9", octets, status=413)
        return _Head(start=start, headers=headers, size=len(octets), total=total)

    def _find_line(self) -> bool:
        """Find the end of the start-line; what isn't SIP is refused without waiting for a head."""
        at, most = self._at, self.limits.start_line
        if not is_token(self._peek(0, 1)):
            raise fault("bad-start-line", "C.2", self._peek(0, EXCERPT))
        newline = self._data.find(b"\n", at + self._scan, at + most + 2)
        if newline < 0:
            if self._held >= most + 2:
                raise fault("start-line-too-long", "G-9", self._peek(0, EXCERPT), status=414)
            self._scan = self._held
            return False
        line = self._peek(0, newline + 1 - at)
        if b"SIP/" not in line.upper():
            raise fault("bad-start-line", "C.2", line)
        self._line = len(line)
        return True
