"""Cutting the octets of an MRCPv2 connection into messages (A.7)."""

import re
from typing import Final

from mrcpwire._buffer import Buffer
from mrcpwire._errors import RemoteProtocolError
from mrcpwire._mrcpv2_head import Head, Limits, Policy, Start, fault, read_head, read_start
from mrcpwire._mrcpv2_messages import Message
from mrcpwire._mrcpv2_quick import known_section, known_start, learn_section, learn_start

_MAGIC: Final = b"MRCP/"
_LINE_END: Final = re.compile(rb"\r?\n|\r[^\n]")  # or a CR that ends no line (M-08)
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")  # the end of the line before it, and itself
_DEFAULT: Final = Limits()


class Receiver(Buffer):
    """One direction of an MRCPv2 connection: octets in, messages out.

    After a fault there is no search for the next message (G-1): the same error is raised at every later call.
    """

    __slots__ = ("_filler", "_head", "_repaired", "_until", "limits", "policy")

    def __init__(self, policy: Policy, limits: Limits = _DEFAULT) -> None:
        super().__init__()
        self.policy = policy
        self.limits = limits
        self._filler = 0  # CR and LF since the last message
        self._repaired = False  # the lengths of the last message did not agree
        self._head: Head | None = None  # of the message whose body is awaited
        self._until = 0

    def next_event(self) -> Message | None:
        """Give the next message, None while it isn't whole; raises `RemoteProtocolError`."""
        try:
            until = self._until
            if not until:
                return self._advance(None, 0)
            # The quick way, written out here: calls would cost as much as what they do.
            data: bytes = self._data  # type: ignore[assignment]  # it is open to bytes alone
            at = self._at
            eol = data.find(b"\r", at)
            start = None
            if eol > at:
                start = known_start(data[at:eol]) or learn_start(data, at, eol, self.limits)
                if start is not None:
                    found = known_section(data[eol : eol + start.head])
                    if found is None or found[1] != start.body:
                        found = learn_section(start, data, at, eol)
                    if found is not None:
                        end = at + start.size
                        if end < until:
                            self._at = end
                            raw = data[at:end]
                        elif end == until:
                            self._data = b""
                            self._at = self._until = 0
                            raw = data[at:]
                        else:
                            return self._await_rest(start, eol)
                        made = Message()
                        made.raw = raw
                        made.received = start.size
                        made.kind = start.kind
                        made.channel = found[0]
                        made.channel_at = eol - at + found[2]
                        made.request_id = start.request_id
                        made.name = start.name
                        made.status = start.status
                        made.state = start.state
                        made.anomaly = None
                        return made
            return self._by_rule(start, eol)
        except RemoteProtocolError as error:
            self._fail(error)
            self._until = 0
            raise

    def receive_data(self, data: bytes) -> None:
        """Take octets as they came from the peer; after a fault they are dropped."""
        super().receive_data(data)
        self._choose()

    def _choose(self) -> None:
        """Decide whether the quick way is open, and up to where."""
        clean = self._head is None and not self._filler and not self._repaired
        quick = clean and self.limits.quick and type(self._data) is bytes
        self._until = len(self._data) if quick else 0
        if quick:
            self._scan = 0

    def _advance(self, start: Start | None, line: int) -> Message | None:
        """Go by the rules; the start-line and its octets may be known already."""
        if not self._data:
            if self._error is not None:
                raise self._error.with_traceback(None)
            return None
        head = self._head or self._read_head(start, line)
        if head is None or self._held < head.total:
            self._head = head
            self._expect_more()
            return None
        message = head.message(self._take(head.total))
        if isinstance(self._data, bytearray):
            self._data = bytes(self._data)
        self._head = None
        self._filler = 0
        self._repaired = head.total != head.start.size
        self._choose()
        return message

    def _await_rest(self, start: Start, eol: int) -> Message | None:
        """Wait for the rest of a message, unless its head only seems whole.

        Where the octets end early, fewer than `start.head` were looked up; what was found may be a section that ends
        right there. Then the lengths disagree, which must not wait (M-16).
        """
        if eol + start.head > self._until:
            return self._by_rule(start, eol)
        self._expect_more()
        return None

    def _by_rule(self, start: Start | None, eol: int) -> Message | None:
        """Go on by the rules with what the quick way read; a CR alone is no line end (M-08)."""
        known = start if self._data.startswith(b"\r\n", eol) else None
        return self._advance(known, eol + 2 - self._at)

    def _expect_more(self) -> None:
        if self._ended and self._data:
            raise fault("truncated", "M-18", self._peek(0, 64))

    def _read_head(self, start: Start | None, line: int) -> Head | None:
        """Read the head if it is whole by now; what can't become one is refused at once."""
        if start is None:
            found = self._read_start()
            if found is None:
                return None
            start, line = found
        data, at, limits = self._data, self._at, self.limits
        section = at + line
        first = max(section - 1, at + self._scan - 2)
        blank = _BLANK_LINE.search(data, first, section + limits.header_section)
        if blank is None:
            if len(data) - section >= limits.header_section:
                raise fault("headers-too-long", "G-9", self._peek(0, 64))
            self._scan = self._held
            return None
        return read_head(start, self._peek(0, blank.end() - at), self.policy, limits)

    def _read_start(self) -> tuple[Start, int] | None:
        """Read the start-line if it is whole by now; also give its octets with its line end."""
        self._skip_filler()
        data, at, limits = self._data, self._at, self.limits
        if not _MAGIC.startswith(data[at : at + len(_MAGIC)]):  # M-02
            rule = ("desync", "M-17") if self._repaired else ("bad-start-line", "M-02")
            raise fault(*rule, self._peek(0, 64))
        end = _LINE_END.search(data, at, at + limits.start_line + 2)
        if end is None:
            if self._held >= limits.start_line + 2:
                raise fault("start-line-too-long", "G-9", self._peek(0, 64))
            return None
        line = bytes(data[at : end.start()])
        if end[0][:1] == b"\r" and end[0] != b"\r\n":
            raise fault("bad-start-line", "M-08", line)
        if len(line) > limits.start_line:
            raise fault("start-line-too-long", "G-9", line)
        return read_start(line, limits), end.end() - at

    def _skip_filler(self) -> None:  # M-01
        room = self.limits.filler - self._filler
        ahead = self._peek(0, room + 1)
        size = len(ahead) - len(ahead.lstrip(b"\r\n"))
        if size > room:
            raise fault("filler", "M-01", ahead)
        if size:
            self._take(size)
            self._filler += size
