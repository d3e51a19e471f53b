"""A property that is worked out once."""

import pytest

from mrcpwire._kept import kept


class Word:
    """Something with a property that counts how often it is worked out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read = 0

    @kept
    def length(self) -> int:
        """How long it is."""
        self.read += 1
        return len(self.text)

    @kept
    def number(self) -> int:
        self.read += 1
        return int(self.text)


def test_it_is_worked_out_once_for_each_instance() -> None:
    one, two = Word("one"), Word("three")
    assert [one.length, one.length, two.length, one.length] == [3, 3, 5, 3]
    assert (one.read, two.read) == (1, 1)


def test_what_it_raises_is_not_kept() -> None:
    word = Word("x")
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            _ = word.number
    assert word.read == 2


def test_the_class_has_the_property_itself() -> None:
    assert isinstance(Word.length, kept)
    assert Word.length.__doc__ == "How long it is."
