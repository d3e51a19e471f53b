"""What was found wrong: in the file, in the packets, in what the peers said."""

from collections import Counter
from typing import Final

import attrs

from ._limits import Limits


@attrs.frozen(kw_only=True)
class Finding:
    """One thing worth knowing.

    `code` is stable, for scripts. `rule` is the number of the wire rule that was broken, "" where none was.
    `time` is in nanoseconds since 1970, `packet` the packet's place in the file, from 1; None where they make no sense.
    """

    code: str
    text: str
    rule: str = ""
    time: int | None = None
    packet: int | None = None


# What happens to many packets alike is counted and told once.
_COUNTED: Final = {
    "snapped": "{n} packets were cut short by the capture's snapshot length",
    "bad-packet": "{n} packets have headers that make no sense",
    "lost-fragments": "{n} IP datagrams lack fragments",
    "too-many-fragments": "{n} IP datagrams were given up because too many were incomplete at a time",
    "duplicates": "{n} packets were captured twice and count once",
    "implausible-sequence": "{n} TCP segments lie far from all others of their connection and were left out",
    "too-many-connections": "{n} TCP connections were forgotten because too many were followed at a time",
    "salvaged": "{n} SIP messages were cut short by the capture; what was left was read",
    "too-many-sessions": "{n} sessions were judged early because too many were followed at a time",
}


class Findings:
    """Collects them, a bounded number; what goes beyond is counted by code."""

    def __init__(self, most: int = Limits().findings) -> None:
        self._most = most
        self._found: list[Finding] = []
        self._left_out: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._firsts: dict[str, int] = {}

    def add(self, finding: Finding) -> None:
        """Keep one, or count it."""
        if len(self._found) < self._most:
            self._found.append(finding)
        else:
            self._left_out[finding.code] += 1

    def count(self, code: str, packet: int) -> None:
        """Note one more packet of which only the number will be told."""
        self._counts[code] += 1
        self._firsts.setdefault(code, packet)

    def all(self) -> list[Finding]:
        """Give what was collected, then what was counted."""
        counted = [
            Finding(code=code, text=_COUNTED[code].format(n=count), packet=self._firsts[code])
            for code, count in self._counts.items()
        ]
        beyond = [
            Finding(code=code, text=f"{count} more of the kind “{code}”")
            for code, count in self._left_out.items()
        ]
        return [*self._found, *counted, *beyond]
