"""How things are written for people; of what peers sent no control character gets through (G-11)."""

import re
from typing import Final

from ._limits import MILLISECOND, SECOND

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LONGEST: Final = 300


def show(octets: bytes, longest: int = _LONGEST) -> str:
    """Decode as UTF-8; what isn't, and what would move a terminal's cursor, becomes an escape."""
    text = octets[: longest + 1].decode("utf-8", "backslashreplace")
    text = _CONTROL.sub(_escape, text)
    return text if len(text) <= longest else text[:longest] + "…"


def span(nanoseconds: int) -> str:
    """Write a span of time: three digits, more where there are hours."""
    for unit, name in ((MILLISECOND, "ms"), (SECOND, "s")):
        value = nanoseconds / unit
        if value < 999.5 or name == "s":  # noqa: PLR2004  what would be rounded to 1000 is a second
            break
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0  # noqa: PLR2004  as many as make three
    return f"{value:.{digits}f} {name}"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004
