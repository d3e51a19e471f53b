"""Cutting the octets of an RTSP connection into messages."""

import re
from typing import Final

from mrcpwire._buffer import Buffer
from mrcpwire._errors import EXCERPT, RemoteProtocolError
from mrcpwire._lines import is_token
from mrcpwire._rtsp_head import fault, find_cseq, read_head, read_plain
from mrcpwire._rtsp_messages import Interleaved, Limits, Request, Response

Event = Request | Response | Interleaved

_BLANK_LINE: Final = re.compile(rb"\n\r?\n")  # the end of the line before it, and itself
_DEFAULT: Final = Limits()
_FRAME_HEAD: Final = 4  # "$", the channel, the length of the data


class Receiver(Buffer):
    """One direction of an RTSP connection: octets in, messages out.

    Faults that leave in doubt where the next message begins are raised, again at every later call.
    """

    __slots__ = ("_filler", "_message", "_need", "_start", "limits")

    def __init__(self, limits: Limits = _DEFAULT) -> None:
        super().__init__()
        self.limits = limits
        self._filler = 0  # CR and LF since the last message
        self._start = 0  # octets of the start-line, once it is there
        self._message: Request | Response | None = None  # its head was read, its body is awaited
        self._need = 0  # octets of that message

    def next_event(self) -> Event | None:
        """Give the next message, None while it isn't whole; raises `RemoteProtocolError`."""
        data = self._data
        if not data:
            if self._error is not None:
                raise self._error.with_traceback(None)
            return None
        if not self._scan and type(data) is bytes:
            event = read_plain(data, self._at, self.limits)
            if event is not None:
                self._filler = 0
                at = self._at + len(event.raw)
                if at == len(data):
                    self._data = b""
                    at = 0
                self._at = at
                return event
        try:
            return self._advance()
        except RemoteProtocolError as error:
            self._message = None
            self._fail(error)
            raise

    def _advance(self) -> Event | None:
        if self._message is None:
            self._skip_filler()
            if not self._held:
                return None
            if self._data[self._at] == ord("$"):
                return self._interleaved()
            self._head()
        message = self._message
        if message is None or self._held < self._need:
            self._unfinished()
            return None
        self._message = None
        message.raw = self._take(self._need)
        self._start = self._filler = 0
        return message

    def _unfinished(self) -> None:
        if self._ended:
            error = fault("truncated", "B.1", self._peek(0, EXCERPT), status=None)
            error.cseq = find_cseq(self._peek(0, self._held)) if self._message is None else self._message.cseq
            raise error

    def _skip_filler(self) -> None:
        room = self.limits.filler - self._filler
        ahead = self._peek(0, room + 1)
        size = len(ahead) - len(ahead.lstrip(b"\r\n"))
        if size > room:
            raise fault("filler", "R-01", ahead)
        if size:
            self._take(size)
            self._filler += size

    def _interleaved(self) -> Interleaved | None:
        frame = self._peek(0, _FRAME_HEAD)
        if len(frame) == _FRAME_HEAD:
            size = _FRAME_HEAD + int.from_bytes(frame[2:], "big")
            if size > self.limits.message:
                raise fault("too-large", "G-2", frame, status=413)
            if size <= self._held:
                self._filler = 0
                return Interleaved(frame[1], self._take(size))
        self._unfinished()
        return None

    def _head(self) -> None:
        """Read the head if it is whole by now; what can't become one is refused at once."""
        if not self._start and not self._start_line():
            return
        section, most = self._at + self._start, self.limits.header_section
        searched = max(section - 1, self._at + self._scan - 2)
        blank = _BLANK_LINE.search(self._data, searched, section + most + 2)
        octets = blank.start() + 1 - section if blank else self._held - self._start - 1
        if octets > most:
            error = fault("headers-too-long", "G-9", self._peek(0, EXCERPT))
            error.cseq = find_cseq(self._peek(0, self._start + most))
            raise error
        if not blank:
            self._scan = self._held
            return
        self._scan = blank.end() - self._at
        self._await_body(*read_head(self._peek(0, self._scan), self.limits))

    def _await_body(self, message: Request | Response, length: int) -> None:
        self._message = message
        self._need = message.body_at + length
        if self._need > self.limits.message:  # before any of it is waited for (G-2)
            error = fault("too-large", "G-2", message.raw, status=413)
            error.cseq = message.cseq
            raise error

    def _start_line(self) -> bool:
        """Find the end of the start-line; what doesn't look like RTSP at all is refused without waiting for a head."""
        if not is_token(self._peek(0, 1)):
            raise fault("bad-start-line", "R-03", self._peek(0, EXCERPT))
        at, most = self._at, self.limits.start_line
        newline = self._data.find(b"\n", at + self._scan, at + most + 2)
        if newline < 0 and self._held < most + 2:
            self._scan = self._held
            return False
        line = self._peek(0, newline - at if newline >= 0 else most + 2).removesuffix(b"\r")
        if len(line) > most:
            raise fault("start-line-too-long", "R-10", line, status=414)
        if b"RTSP/" not in line:
            raise fault("bad-start-line", "R-03", line)
        self._start = newline + 1 - at
        return True
