"""What peers sent, and spans of time, written for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces import show, span

SHOWN = {
    b"plain": "plain",
    b"caf\xc3\xa9": "café",
    b"\xff\xfe": "\\xff\\xfe",
    b"\x1b[31mred\r\n\0": "\\x1b[31mred\\x0d\\x0a\\x00",
    "\u202eevil\u2028".encode(): "\\u202eevil\\u2028",
    b"x" * 400: "x" * 300 + "…",
}
SPANS = {0: "0.00 ms", 59_000: "0.06 ms", 9_994_000: "9.99 ms", 9_999_000: "10.0 ms", 877_000_000: "877 ms",
         999_600_000: "1.00 s", 2_214_000_000: "2.21 s", 31_500_000_000: "31.5 s", 130_110_000_000: "130 s"}  # fmt: skip


@pytest.mark.parametrize(("octets", "text"), SHOWN.items())
def test_show(octets: bytes, text: str) -> None:
    assert show(octets) == text


@given(st.binary(max_size=50))
def test_nothing_shown_moves_a_cursor(octets: bytes) -> None:
    """G-11."""
    assert all(
        character.isprintable() or character == "\u3000" or ord(character) > 0x9F
        for character in show(octets)
    )


@pytest.mark.parametrize(("nanoseconds", "text"), SPANS.items())
def test_span(nanoseconds: int, text: str) -> None:
    assert span(nanoseconds) == text
