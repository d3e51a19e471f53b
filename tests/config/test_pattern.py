"""Patterns: what they fit, what is none, and that they are as quick as they are harmless."""

import fnmatch
import re
import time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import Pattern

# pattern -> what it fits, what it doesn't
TABLE: Final[dict[str, tuple[list[str], list[str]]]] = {
    "/de/*": (["/de/", "/de/speechrecognizer", "/DE/a/b", "/de/\n"], ["/de", "/den/x", "x/de/", ""]),
    "de-?": (["de-1", "DE-ä"], ["de-", "de-12", "xde-1"]),
    "*": (["", "anything at all"], []),
    "**": (["", "x"], []),
    "": ([""], ["x"]),
    "*-recog": (["-recog", "de-recog", "-recog-recog"], ["recog", "de-recogx"]),
    "a*b*c": (["abc", "axxbyyc", "abbbc", "abcc"], ["ab", "acb", "xabc", "abcx"]),
    "ab*ba": (["abba", "ab-ba"], ["aba", "ab", "ba"]),
    "a*a": (["aa", "a-a"], ["a", ""]),
    "*ab*": (["ab", "xaby"], ["a", "ba"]),
    "[a-c]x": (["ax", "bx", "Cx"], ["dx", "x", "-x"]),
    "[!a-c]x": (["dx", "-x", "]x"], ["ax", "Bx", "x"]),
    "[abc-]": (["a", "-"], ["d", ""]),
    "[]]": (["]"], ["[", "[]"]),
    "[!]a]": (["b", "!"], ["]", "a"]),
    "[?*]": (["?", "*"], ["x"]),
    "[\\^]": (["^", "\\"], ["x"]),
    "[a^]": (["^", "a"], ["b"]),
    "a.c+": (["a.c+", "A.C+"], ["abc+", "a.cc"]),
    "]": (["]"], [""]),
    "a\\*": (["a\\", "a\\b"], ["a*", "ab"]),
}
CASES: Final = [
    (pattern, value, fits)
    for pattern, (good, bad) in TABLE.items()
    for fits, values in ((True, good), (False, bad))
    for value in values
]


@pytest.mark.parametrize(("pattern", "value", "fits"), CASES)
def test_table(pattern: str, value: str, *, fits: bool) -> None:
    assert Pattern(pattern).fits(value) is fits


BAD: Final = {
    "[": '"[" without "]"',
    "de-[a": '"[" without "]"',
    "[]": 'nothing in "[]"',
    "[!]": 'nothing in "[]"',
    "[z-a]": '"z-a" runs backwards',
}


@pytest.mark.parametrize(("pattern", "what"), BAD.items())
def test_bad(pattern: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(what)}$"):
        Pattern(pattern)


def test_they_are_the_same_by_their_text() -> None:
    assert Pattern("a*") == Pattern("a*")
    assert str(Pattern("a*")) == "a*"


TEXT: Final = st.text("abAB-/.", max_size=12)


@given(st.text("abAB-/.*?", max_size=8), TEXT)
def test_they_fit_what_file_names_fit(pattern: str, value: str) -> None:
    assert Pattern(pattern).fits(value) is fnmatch.fnmatchcase(value.lower(), pattern.lower())


@given(
    st.lists(st.sampled_from(["[ab]", "[!ab]", "[a-b]", "*", "?", "a", "c"]), max_size=8),
    st.text("abcd", max_size=10),
)
def test_they_know_classes_as_file_names_do(tokens: list[str], value: str) -> None:
    pattern = "".join(tokens)
    assert Pattern(pattern).fits(value) is fnmatch.fnmatchcase(value, pattern)


def test_no_value_makes_them_slow() -> None:
    pattern, value = Pattern("*a" * 60 + "b"), "a" * 60_000
    begun = time.process_time()
    assert not pattern.fits(value)
    assert time.process_time() - begun < 1.0  # one after the other it would take years
