"""The quick way to read canonical messages: a memory of what was found without fault.

Traffic repeats itself. Callers count their requests from 1, so start-lines come again; a channel's messages often share
all that follows the start-line, to the octet. A message made of two known parts costs two look-ups, one with a new
number in its start-line hardly more. What isn't canonical is left to the rules in _mrcpv2_head; where both have an
answer it is the same.
"""

import re
from typing import Final, TypeVar

from mrcpwire._lines import TOKEN, is_token
from mrcpwire._mrcpv2_head import QUICK_MESSAGE, QUICK_SECTION
from mrcpwire._mrcpv2_messages import HIGHEST_ID, STATES, Kind, Section, Start

# What the memory may hold, some ten megabytes at worst. When a part of it is full that part starts anew, so a peer that
# never repeats itself makes the others pay for a fresh look now and then, and no more.
_MOST_STARTS: Final = 4096
_MOST_TAILS: Final = 16_384
_MOST_SECTIONS: Final = 4096
_MOST_NAMES: Final = 256
_MOST_SIZES: Final = 4096
_LONGEST_KEPT: Final = 512  # octets of a tail or section; nearly all are shorter
_LONGEST_BODY: Final = 64  # octets of a body that is likely to come again: a URI, not a text
_COUNTED: Final = 10_000  # request-ids below are likely to come again

# With these no start-line is longer than `QUICK_LINE`.
_LONGEST_NUMBER: Final = 19  # M-05
_LONGEST_NAME: Final = 64

_REQUEST, _RESPONSE, _EVENT = Kind.REQUEST, Kind.RESPONSE, Kind.EVENT  # an enum's own look-up is slow
_Told = TypeVar("_Told", Start, Section)

_starts: Final[dict[bytes, Start]] = {}
_tails: Final[dict[bytes, Section]] = {}  # by all that follows the start-line, from its line end on
_sections: Final[dict[bytes, Section]] = {}  # by the header section of messages with a body
_names: Final[set[bytes]] = set()  # of methods and events
_sizes: Final[dict[bytes, int]] = {}  # message-lengths, as their digits say them

# Bound methods: called once for each message.
known_start: Final = _starts.get
known_tail: Final = _tails.get

# From the end of the start-line through the blank line, with Content-Length behind Channel-Identifier as nearly
# everybody writes it. No other header may begin like one of the two (M-12, M-13). Each line is matched in one way
# only, so the work is linear. Groups aren't repeated possessively: up to Python 3.11.4 that never matches here.
_OTHERS: Final = rb"(?:(?![Cc](?:[Hh]|[Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee]))%b+:(?!  )[ -\xff]*+\r\n)*" % TOKEN
_CHANNEL: Final = rb"[Cc]hannel-[Ii]dentifier: ?([!-?A-~]++@[!-?A-~]++)\r\n"
_LENGTH: Final = rb"[Cc]ontent-[Ll]ength: ?([0-9]{1,10})\r\n"
_SECTION: Final = re.compile(
    rb"\r\n%b%b%b(?:%b%b)?\r\n" % (_OTHERS, _CHANNEL, _OTHERS, _LENGTH, _OTHERS)
).fullmatch


def read_start(line: bytes) -> Start | None:
    """Read a start-line without its line end; None where it isn't the quick way's business."""
    words = line.split(b" ")
    state, status = b"", 0
    if len(words) == 4:  # noqa: PLR2004 - the tokens of a request (M-06)
        version, length, name, number = words
        kind = _REQUEST
    elif len(words) == 5 and words[4] in STATES:  # noqa: PLR2004 - of an event or a response
        version, length, name, number, state = words
        kind = _EVENT
        if name.isdigit():
            status = int(number) if number.isdigit() and len(number) == 3 else -1  # noqa: PLR2004
            kind, name, number = _RESPONSE, b"", name
    else:
        return None
    size = _sizes.get(length) or _read_size(length)
    if (
        version != b"MRCP/2.0"
        or not size
        or (name not in _names and kind is not _RESPONSE and not _is_name(name))
        or not number.isdigit()
        or len(number) > 10  # noqa: PLR2004 - M-06
        or status < 0
    ):
        return None
    request_id = int(number)
    start = size, kind, name, request_id, status, state
    if request_id < _COUNTED:
        _keep(_starts, _MOST_STARTS, line, start)
    return start if request_id <= HIGHEST_ID else None


def _read_size(length: bytes) -> int:
    """Read a message-length (M-05); 0 where it isn't the quick way's business."""
    if not length.isdigit() or len(length) > _LONGEST_NUMBER:
        return 0
    size = int(length)
    if size > QUICK_MESSAGE:
        return 0
    if len(_sizes) < _MOST_SIZES:
        _sizes[length] = size
    return size


def _is_name(name: bytes) -> bool:
    """Tell whether this names a method or an event (M-07), and remember it."""
    if len(name) > _LONGEST_NAME or not is_token(name) or name.isdigit():
        return False
    if len(_names) < _MOST_NAMES:
        _names.add(name)
    return True


def read_tail(data: bytes, eol: int, end: int) -> Section | None:
    """Read what follows a start-line, from `eol` to `end` or as much of it as is there.

    None where it isn't canonical, or not of that length (M-15), or its header section isn't whole.
    """
    blank = data.find(b"\r\n\r\n", eol, eol + QUICK_SECTION) + 4
    section = data[eol:blank]
    found = _sections.get(section) or _read_section(section)
    if found is None or blank + found[2] != end:
        return None
    if found[2] <= _LONGEST_BODY and end - eol <= _LONGEST_KEPT and end <= len(data):
        _keep(_tails, _MOST_TAILS, data[eol:end], found)
    return found


def _read_section(section: bytes) -> Section | None:
    match = _SECTION(section)
    if match is None:
        return None
    channel, length = match.groups()
    found = channel, match.start(1), int(length or b"0")
    if found[2] and len(section) <= _LONGEST_KEPT:
        _keep(_sections, _MOST_SECTIONS, section, found)
    return found


def _keep(memory: dict[bytes, _Told], most: int, octets: bytes, told: _Told) -> None:
    if len(memory) >= most:
        memory.clear()
    memory[octets] = told
