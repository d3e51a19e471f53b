"""Histograms: each value counts in the first bucket that holds it, bounds included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.observe.totals import SESSION_BOUNDS, SETUP_BOUNDS
from mrcpbalance.sessions import Histogram


@pytest.mark.parametrize("bounds", [SESSION_BOUNDS, SETUP_BOUNDS])
def test_bounds_rise(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))


@given(st.lists(st.floats(min_value=0, max_value=100, allow_nan=False)))
def test_buckets_are_cumulative(values: list[float]) -> None:
    histogram = Histogram((0.5, 1.0, 50.0))
    for value in values:
        histogram.observe(value)
    expected = [(str(bound), sum(value <= bound for value in values)) for bound in (0.5, 1.0, 50.0)]
    assert histogram.buckets() == [*expected, ("+Inf", len(values))]
    assert histogram.sum == sum(values)
