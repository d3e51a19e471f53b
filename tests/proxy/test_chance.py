"""Random ids: as long as asked for, each new."""

import os

import pytest

from mrcpbalance.proxy.chance import STOCK, Chance


@pytest.mark.parametrize("octets", [1, 8, 12, 16, STOCK])
def test_length(octets: int) -> None:
    digits = Chance().mint(octets)
    assert len(bytes.fromhex(digits)) == octets


def test_no_octet_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def urandom(size: int) -> bytes:
        nonlocal asked
        asked += 1
        return b"".join(number.to_bytes(4) for number in range(asked * size // 4, (asked + 1) * size // 4))

    monkeypatch.setattr(os, "urandom", urandom)
    chance = Chance()
    minted = [chance.mint(12) for _ in range(3 * STOCK // 12)]
    assert asked == 4  # the rest of a stock that is too short for an id is not used
    assert "00000400" in minted[0]
    numbers = [text[at : at + 8] for text in minted for at in (0, 8, 16)]
    assert len(set(numbers)) == len(numbers)


def test_two_differ() -> None:
    assert Chance().mint(16) != Chance().mint(16)
