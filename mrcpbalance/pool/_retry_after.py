"""How long a backend asks to be left alone (RFC 2326 section 12.31, RFC 3261 section 20.33)."""

import re
from typing import Final

_SECONDS: Final = re.compile(rb"\s*0*([0-9]{1,9})(?![0-9])")


def retry_after(value: bytes | None) -> float | None:
    """Read a Retry-After in seconds, with or without a comment; None for a date, and for what can't be read."""
    found = None if value is None else _SECONDS.match(value)
    return None if found is None else float(found[1])
