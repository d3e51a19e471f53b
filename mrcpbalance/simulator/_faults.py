"""What a simulated server can be told to do wrong, and where.

A point is "accept", the name of an RTSP method ("SETUP"), of an MRCP method ("RECOGNIZE") or event
("RECOGNITION-COMPLETE"), or "*" for every message the server would send. `times` is how often a fault strikes, None for
ever; `share`, from 0 to 1, at how many of the points.
"""

import random
from collections.abc import Iterable
from typing import TypeVar

import attrs


@attrs.frozen(kw_only=True)
class _Fault:
    at: str
    times: int | None = None
    share: float = 1.0


@attrs.frozen(kw_only=True)
class Refuse(_Fault):
    """Answer with this RTSP status (or MRCP status, where there is no RTSP)."""

    status: int = 503


@attrs.frozen(kw_only=True)
class Delay(_Fault):
    """Let this many seconds pass; the session's later requests wait behind it."""

    seconds: float


@attrs.frozen(kw_only=True)
class Silence(_Fault):
    """Send nothing."""


@attrs.frozen(kw_only=True)
class Drop(_Fault):
    """Send the first `octets` of what was due (None: all of it), then end the connection, by default with a reset."""

    octets: int | None = 0
    reset: bool = True


@attrs.frozen(kw_only=True)
class Garbage(_Fault):
    """Send these octets in place of what was due."""

    octets: bytes = b"\x00\xff not a protocol\r\n\r\n"


F = TypeVar("F", bound=_Fault)
Fault = Refuse | Delay | Silence | Drop | Garbage


@attrs.define
class Faults:
    """The faults of one server; may be changed while it runs."""

    _left: list[tuple[Fault, int | None]] = attrs.field(factory=list)

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> "Faults":
        """Collect faults."""
        made = cls()
        for fault in faults:
            made.add(fault)
        return made

    def add(self, fault: Fault) -> None:
        """Add one; it strikes from now on."""
        self._left.append((fault, fault.times))

    def clear(self) -> None:
        """Behave again."""
        self._left.clear()

    def take(self, kinds: type[F] | tuple[type[F], ...], *points: str) -> list[F]:
        """Take what strikes at these names of one point, in the order added, and count it as used."""
        struck: list[F] = []
        kept: list[tuple[Fault, int | None]] = []
        for fault, left in self._left:
            if not isinstance(fault, kinds) or fault.at not in points or not _strikes(fault):
                kept.append((fault, left))
                continue
            struck.append(fault)
            if left is None or left > 1:
                kept.append((fault, left and left - 1))
        self._left = kept
        return struck


def _strikes(fault: Fault) -> bool:
    return fault.share >= 1 or random.random() < fault.share  # noqa: S311 - chance, not secrecy
