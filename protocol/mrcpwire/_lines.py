"""What lines of text are made of in RTSP and MRCP alike: tokens, line ends, values that are safe to write."""

import re
from typing import Final

from mrcpwire._errors import LocalProtocolError

# RFC 2326 section 15.1 and RFC 6787 section 15 agree on a token: visible ASCII but for separators.
TOKEN: Final = rb"[!#$%&'*+\-.0-9A-Z^_`a-z|~]+"
BLANKS: Final = b" \t"

_TOKEN: Final = re.compile(TOKEN)
_UNSAFE: Final = re.compile(rb"[\r\n\0]")


def is_token(text: bytes) -> bool:
    """Tell whether this is a token: a method, an event, the name of a header."""
    return _TOKEN.fullmatch(text) is not None


def check_token(text: bytes) -> bytes:
    """Hand back a token that is to be written, or raise `LocalProtocolError`."""
    if not is_token(text):
        raise LocalProtocolError(f"not a token: {text[:64]!r}")
    return text


def check_value(text: bytes) -> bytes:
    """Hand back text that is to be written into a line, or raise `LocalProtocolError` for CR, LF or NUL."""
    if _UNSAFE.search(text):  # G-4
        raise LocalProtocolError(f"CR, LF or NUL in a value: {text[:64]!r}")
    return text
