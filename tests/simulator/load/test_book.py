"""The account of a load: counts, causes, and times told within two per cent."""

from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.simulator.load import Book, Times
from mrcpbalance.simulator.load._book import CAUSES, OTHER


@given(st.lists(st.floats(1e-5, 100), min_size=1), st.floats(0.01, 1))
def test_percentiles_are_within_two_per_cent(seconds: list[float], share: float) -> None:
    times = Times()
    for one in seconds:
        times.add(one)
    found = times.percentile(share)
    exact = sorted(seconds)[-(-round(share * len(seconds) * 1e9) // 10**9) - 1]
    assert exact * 0.999 <= found <= max(exact * 1.021, min(seconds)) or found == times.most
    assert times.percentile(1.0) == max(seconds)


def test_of_nothing() -> None:
    assert (Times().percentile(0.5), Book().pass_rate) == (0.0, 0.0)
    assert next(Book().lines(0.0)) == "Sessions  0 in 0.0 s (0.0/s), at most 0 at a time"


def test_the_report() -> None:
    book = Book()
    for cause in (None, "SPEAK: 407, expected 2xx", None, None):
        book.began()
        book.took("set-up", 0.0123)
        book.ended(cause)
    book.held_back = 2
    assert list(book.lines(2.0)) == [
        "Sessions  4 in 2.0 s (2.0/s), at most 1 at a time",
        "Passed    3 (75.00 %)",
        "Failed    1",
        "        1  SPEAK: 407, expected 2xx",
        "Held back 2: too many were live when they were due (--most)",
        "",
        "                                     count        p50        p95        p99       most",
        "set-up                                   4    12.3 ms    12.3 ms    12.3 ms    12.3 ms",
    ]
    told = book.as_json(2.0)
    assert (told["pass_rate"], told["causes"]) == (0.75, {"SPEAK: 407, expected 2xx": 1})
    assert told["times_ms"] == {"set-up": {"count": 4, "p50": 12.3, "p95": 12.3, "p99": 12.3, "most": 12.3}}


def test_few_causes_are_kept_apart() -> None:
    book = Book()
    for number in range(CAUSES + 5):
        book.began()
        book.ended(f"cause {number}")
    assert len(book.causes) == CAUSES + 1
    assert book.causes[OTHER] == 5
