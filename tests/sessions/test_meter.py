"""Request times and completion causes: bounded labels, whatever peers say."""

import pytest

from mrcpbalance.sessions import Histogram, Meter, Meters
from mrcpbalance.sessions._meter import BOUNDS, CAUSES, METHODS, MOST_WORDINGS


def test_requests() -> None:
    meter = Meter()
    for seconds in (0.01, 0.011, 2.5):
        meter.done(b"RECOGNIZE", seconds)
    meter.done(b"SPEAK", 0.0)
    assert list(meter.methods) == [b"RECOGNIZE", b"SPEAK"]
    histogram = meter.methods[b"RECOGNIZE"]
    assert histogram.buckets()[:2] == [("0.01", 1), ("0.05", 2)]
    assert histogram.buckets()[-1] == ("+Inf", 3)
    assert round(histogram.sum, 6) == 2.521


def test_names_are_bounded() -> None:
    meter = Meter()
    for number in range(1000):
        meter.done(b"X-%d" % number, 1.0)
        meter.completed(b"999 x-%d" % number)
        meter.completed(b"%d success" % number)
    assert list(meter.methods) == [b"other"]
    assert meter.methods[b"other"].buckets()[-1] == ("+Inf", 1000)
    assert meter.causes == {b"other": 1000, b"success": 1000}
    assert len(meter._names) == MOST_WORDINGS


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b"000 success", b"success"),
        (b"001  NO-MATCH ", b"no-match"),
        (b"normal", b"normal"),
        (b"000", b"other"),
        (b"", b"other"),
        (None, b"other"),
        (b"004 made-up", b"other"),
    ],
)
def test_causes(said: bytes | None, name: bytes) -> None:
    meter = Meter()
    for _ in range(2):
        meter.completed(said)
    assert meter.causes == {name: 2}


def test_meters_are_made_once() -> None:
    meters = Meters()
    assert meters.of("speech", "a", "mrcpv1") is meters.of("speech", "a", "mrcpv1")
    assert meters.of("speech", "a", "mrcpv1") is not meters.of("speech", "a", "mrcp")
    assert set(meters.live) == {("speech", "a", "mrcpv1"), ("speech", "a", "mrcp")}


def test_what_is_known() -> None:
    assert list(BOUNDS) == sorted(BOUNDS)
    assert {b"RECOGNIZE", b"SPEAK", b"RECORD", b"VERIFY", b"DEFINE-GRAMMAR"} <= METHODS
    assert {b"success", b"no-match", b"normal", b"barge-in"} <= CAUSES


def test_a_value_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    assert histogram.buckets() == [("1.0", 2), ("2.0", 3), ("+Inf", 4)]
    assert histogram.sum == 12.0
