"""Patterns as shells have them for file names. Matching takes no more than time in proportion to both lengths."""

import re
from functools import lru_cache
from typing import Final

import attrs

_TOKEN: Final = re.compile(r"\[(!?)(\]?[^\]]*)\]|(.)", re.DOTALL)
_RANGE: Final = re.compile(r"(.)-(.)|(.)", re.DOTALL)


@attrs.frozen
class Pattern:
    """`*` stands for any characters, `?` for one, `[a-z_]` for one of these, `[!a-z]` for one that is none of these.

    Case doesn't matter. ValueError says what is wrong.
    """

    text: str = attrs.field()

    @text.validator
    def _can_be_read(self, _field: object, text: str) -> None:
        _parts(text)

    def fits(self, value: str) -> bool:
        """Tell whether the whole of a value is of this form."""
        first, *others = _parts(self.text)
        found = first.match(value)
        if found is None or not others:
            return found is not None and found.end() == len(value)
        at = found.end()
        *between, last = others
        for part in between:  # the first place is as good as any: what is between may be of any length
            found = part.search(value, at)
            if found is None:
                return False
            at = found.end()
        end = len(value) - last.groups  # it matches as many characters as it has groups
        return end >= at and last.match(value, end) is not None

    def __str__(self) -> str:
        """Write it as the configuration does."""
        return self.text


@lru_cache(1_024)
def _parts(text: str) -> tuple[re.Pattern[str], ...]:
    """Give what stands between the stars; each token is a group of one character."""
    parts = [""]
    for token in _TOKEN.finditer(text):
        negated, members, plain = token.groups()
        if plain == "*":
            parts.append("")
        elif plain == "[":
            raise ValueError('"[" without "]"')
        elif plain is None:
            parts[-1] += f"({_members(members, negated=bool(negated))})"
        else:
            parts[-1] += "(.)" if plain == "?" else f"({re.escape(plain)})"
    return tuple(re.compile(part, re.IGNORECASE | re.DOTALL) for part in parts)


def _members(text: str, *, negated: bool) -> str:
    members = ""
    for first, last, single in _RANGE.findall(text):
        if first > last:
            raise ValueError(f'"{first}-{last}" runs backwards')
        members += re.escape(single) if single else f"{re.escape(first)}-{re.escape(last)}"
    if not members:
        raise ValueError('nothing in "[]"')
    return f"[{'^' if negated else ''}{members}]"
