"""Durations as people write them: "250ms", "2s", "1h30m"."""

import re
from decimal import Decimal
from typing import Final

LONGEST: Final = 366 * 86_400.0
"""Seconds; longer ones are slips, and clocks of timers need an end."""

_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}  # milliseconds
_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_DURATION: Final = re.compile("".join(rf"(?:({_NUMBER}){unit})?" for unit in _UNITS))


def parse_duration(text: str) -> float:
    """Give the seconds of "1h30m": units d h m s ms, large before small, each once; ValueError says what is wrong."""
    match = _DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError("not a duration")
    parts = zip(match.groups(), _UNITS.values(), strict=True)
    milliseconds = sum((Decimal(number) * unit for number, unit in parts if number), start=Decimal(0))
    return float(milliseconds / 1000)


def format_duration(seconds: float) -> str:
    """Write seconds, whole in milliseconds, so that `parse_duration` gives them back."""
    rest = round(seconds * 1000)
    text = ""
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
