"""Cutting the octets of an MRCPv2 connection into messages (A.7)."""

import re
from typing import Final

from mrcpwire._buffer import Buffer
from mrcpwire._errors import RemoteProtocolError
from mrcpwire._mrcpv2_head import QUICK_SECTION, Head, Limits, Policy, StartLine, fault, read_head, read_start
from mrcpwire._mrcpv2_messages import Message, Parts
from mrcpwire._mrcpv2_quick import known_start, known_tail, read_tail
from mrcpwire._mrcpv2_quick import read_start as read_new_start

_MAGIC: Final = b"MRCP/"
_LINE_END: Final = re.compile(rb"\r?\n|\r[^\n]")  # or a CR that ends no line (M-08)
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")  # the end of the line before it, and itself
_DEFAULT: Final = Limits()
_MANY: Final = 1 << 20  # messages; more than any read holds


def _may_wait(data: bytes, eol: int, end: int) -> bool:
    """Tell whether a message that isn't whole has no fault so far; lengths that disagree don't wait (M-16)."""
    if len(data) - eol < QUICK_SECTION and not _BLANK_LINE.search(data, eol):
        return True
    return read_tail(data, eol, end) is not None


class Receiver(Buffer):
    """One direction of an MRCPv2 connection: octets in, messages out.

    After a fault there is no search for the next message (G-1): the same error is raised at every later call.
    """

    __slots__ = ("_clean", "_filler", "_head", "_repaired", "limits", "policy")

    def __init__(self, policy: Policy, limits: Limits = _DEFAULT) -> None:
        super().__init__()
        self.policy = policy
        self.limits = limits
        self._filler = 0  # CR and LF since the last message
        self._repaired = False  # the lengths of the last message did not agree
        self._head: Head | None = None  # of the message whose body is awaited
        self._clean = (
            limits.quick
        )  # the quick way is open: a message begins, and nothing is to be kept in mind

    def next_event(self) -> Message | None:
        """Give the next message, None while it isn't whole; raises `RemoteProtocolError`."""
        messages = self.next_parts(1)
        return Message(messages[0]) if messages else None

    def next_events(self, most: int = _MANY) -> list[Message]:
        """Give the messages that are whole by now, at most so many; none when more octets are wanted.

        What is whole before a fault is given before the fault is raised.
        """
        return [Message(parts) for parts in self.next_parts(most)]

    def next_parts(self, most: int = _MANY) -> list[Parts]:
        """Do the same for who handles every message that passes: a call for each costs as much as reading it."""
        messages: list[Parts] = []
        if not self._data and self._error is None:
            return messages
        try:
            while len(messages) < most and not (self._clean and self._read_quickly(messages, most)):
                message = self._advance()
                if message is None:
                    break
                messages.append(message)
        except RemoteProtocolError as error:
            self._fail(error)
            self._clean = False
            if not messages:
                raise
        return messages

    def _read_quickly(self, messages: list[Parts], most: int) -> bool:
        """Take canonical messages up to the first that isn't; tell whether that leaves nothing to the rules.

        Everything about one message is written out here, as calls would cost as much as what they do.
        """
        data, at = self._data, self._at
        if isinstance(data, bytearray):
            return False
        until, room, by_rule = len(data), most - len(messages), False
        while at < until and room:
            eol = data.find(b"\r", at)
            line = data[at:eol]
            start = known_start(line) or read_new_start(line)
            if start is None:
                by_rule = True
                break
            end = at + start[0]
            if end > until:
                by_rule = self._ended or not _may_wait(data, eol, end)
                break
            section = known_tail(data[eol:end]) or read_tail(data, eol, end)
            if section is None:
                by_rule = True
                break
            messages.append((data[at:end], start, section, None))
            at = end
            room -= 1
        if at != self._at:
            self._scan = 0
            if at == until:
                self._data = b""
                at = 0
            self._at = at
        return not by_rule

    def _advance(self) -> Parts | None:
        """Go by the rules."""
        if not self._data:
            if self._error is not None:
                raise self._error.with_traceback(None)
            return None
        head = self._head or self._read_head()
        if head is None or self._held < head.total:
            self._head = head
            self._clean = self._clean and head is None and not self._filler
            if self._ended and self._data:
                raise fault("truncated", "M-18", self._peek(0, 64))
            return None
        message = head.parts(self._take(head.total))
        if isinstance(self._data, bytearray):
            self._data = bytes(self._data)
        self._head = None
        self._filler = 0
        self._repaired = head.total != head.start.size
        self._clean = self.limits.quick and not self._repaired
        return message

    def _read_head(self) -> Head | None:
        """Read the head if it is whole by now; what can't become one is refused at once."""
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

    def _read_start(self) -> tuple[StartLine, int] | None:
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
