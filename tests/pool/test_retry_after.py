"""Retry-After as peers write it."""

import pytest

from mrcpbalance.pool import retry_after

ROWS = {
    "none": (None, None),
    "seconds": (b"120", 120.0),
    "zeros": (b" 0005", 5.0),
    "comment": (b"18000;duration=3600 (in a meeting)", 18000.0),
    "date": (b"Fri, 31 Dec 1999 23:59:59 GMT", None),
    "huge": (b"9" * 40, None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("value", "seconds"), ROWS.values(), ids=ROWS)
def test_retry_after(value: bytes | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds
