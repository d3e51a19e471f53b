"""The quick way to read canonical heads: a regular expression, and a memory of what it has matched.

Traffic repeats itself: start-lines differ in a length and a small number, and a channel's messages often share their
header section to the octet. So start-lines and header sections that were found without fault are kept, and a message
made of known ones costs two look-ups. What isn't canonical is left to _mrcpv2_head; where both have an answer it is
the same.
"""

import re
from typing import Final

from mrcpwire._lines import TOKEN
from mrcpwire._mrcpv2_head import QUICK_LINE, QUICK_MESSAGE, QUICK_SECTION, Limits, Start, match_start

# What the memory may hold, some ten megabytes at worst. When it is full it starts anew, so a peer that never repeats
# itself makes the others pay for the regular expressions now and then, and no more.
_MOST_STARTS: Final = 4096
_MOST_SECTIONS: Final = 16_384
_LONGEST_KEPT: Final = 512  # octets of a header section; nearly all are shorter

# What a header section says: the channel, the length of the body, where in the section the channel begins.
Section = tuple[bytes, int, int]

_starts: Final[dict[bytes, Start]] = {}
_sections: Final[dict[bytes, Section]] = {}

# Bound methods: called once or twice for each message.
known_start: Final = _starts.get
known_section: Final = _sections.get

# From the end of the start-line through the blank line, with Content-Length behind Channel-Identifier as nearly
# everybody writes it. No other header may begin like one of the two (M-12, M-13). Each line is matched in one way
# only, so the work is linear. Groups aren't repeated possessively: up to Python 3.11.4 that never matches here.
_OTHERS: Final = rb"(?:(?![Cc](?:[Hh]|[Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee]))%b+:(?!  )[ -\xff]*+\r\n)*" % TOKEN
_CHANNEL: Final = rb"[Cc]hannel-[Ii]dentifier: ?([!-?A-~]++@[!-?A-~]++)\r\n"
_LENGTH: Final = rb"[Cc]ontent-[Ll]ength: ?([0-9]{1,10})\r\n"
_SECTION: Final = re.compile(
    rb"\r\n%b%b%b(?:%b%b)?\r\n" % (_OTHERS, _CHANNEL, _OTHERS, _LENGTH, _OTHERS)
).match


def learn_start(data: bytes, at: int, eol: int, limits: Limits) -> Start | None:
    """Read the start-line from `at` to the CR at `eol`; None where it isn't the quick way's business."""
    if eol - at > QUICK_LINE or not data.startswith(b"\r\n", eol):
        return None
    line = data[at:eol]
    start = match_start(line, limits)
    if start is None or start.line is not line or start.size > QUICK_MESSAGE:
        return None
    if len(_starts) >= _MOST_STARTS:
        _starts.clear()
    _starts[line] = start
    return start


def learn_section(start: Start, data: bytes, at: int, eol: int) -> Section | None:
    """Read the header section behind the start-line from `at` to `eol`; None where it isn't canonical or whole."""
    match = _SECTION(data, eol)
    if match is None:
        return None
    end = match.end()
    channel, length = match.groups()
    body = int(length) if length else 0
    if end - eol > QUICK_SECTION or end - at + body != start.size:  # M-15
        return None
    found = (channel, body, match.start(1) - eol)
    if end - eol <= _LONGEST_KEPT:
        if len(_sections) >= _MOST_SECTIONS:
            _sections.clear()
        _sections[data[eol:end]] = found
        start.head = end - eol
        start.body = body
    return found
