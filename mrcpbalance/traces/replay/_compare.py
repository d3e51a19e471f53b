"""How what came differs from what was captured."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

import attrs

from ._facts import Fact, Key

_REFUSED: Final = ("408", "500", "502", "503", "504")


@attrs.frozen(kw_only=True)
class Difference:
    """One difference: `expected` is "" for what nobody expected, `got` for what never came.

    `rule` is the rule by which a proxy in between makes such a difference, "" where none does.
    """

    about: str
    expected: str
    got: str
    rule: str = ""

    def __str__(self) -> str:
        text = f"{self.about}: expected {self.expected or 'nothing'}, got {self.got or 'nothing'}"
        return f"{text} ({self.rule})" if self.rule else text


def compare(expected: Sequence[Fact], got: Sequence[Fact]) -> list[Difference]:
    """Compare one session: what is there, what it says, and in which order it came on each lane."""
    waiting: defaultdict[tuple[str, Key], deque[int]] = defaultdict(deque)
    for place, fact in enumerate(got):
        waiting[fact.lane, fact.key].append(place)
    found: list[Difference] = []
    last: dict[str, tuple[int, Fact]] = {}
    for wanted in expected:
        places = waiting[wanted.lane, wanted.key]
        if not places:
            found.append(_difference(wanted, None))
            continue
        place = places.popleft()
        if got[place].says != wanted.says:
            found.append(_difference(wanted, got[place]))
        before = last.get(wanted.lane)
        if before is not None and place < before[0]:
            found.append(_disorder(wanted, before[1]))
        else:
            last[wanted.lane] = (place, wanted)
    left = sorted(place for places in waiting.values() for place in places)
    return found + [_difference(None, got[place]) for place in left]


def _difference(wanted: Fact | None, came: Fact | None) -> Difference:
    about = (wanted or came or _NOTHING).about
    return Difference(about=about, expected=_words(wanted), got=_words(came), rule=_rule(about, wanted, came))


_NOTHING: Final = Fact(lane="connection", key=(), about="")


def _words(fact: Fact | None) -> str:
    if fact is None:
        return ""
    return fact.says or "this request"


def _disorder(late: Fact, before: Fact) -> Difference:
    return Difference(about=late.about, expected=f"to come after {before.about}", got="it came before")


def _rule(about: str, wanted: Fact | None, came: Fact | None) -> str:
    """Name the rule by which a proxy makes such a difference."""
    says = came.says if came is not None else ""
    if about == "INVITE" and says.startswith(_REFUSED):
        return "S-03"
    if about.startswith("SETUP ") and says.startswith(_REFUSED):
        return "R-27"
    if came is not None and came.lane == "mrcp" and says.endswith("COMPLETE"):
        return {"405": "M-20", "501": "M-30"}.get(says[:3], "")
    if came is not None and came.key == ("request", "BYE") and wanted is None:
        return "M-30"
    if about.startswith("TEARDOWN") and wanted is None:
        return "R-22"
    return ""
