"""Counters and their bound."""

from mrcpbalance.sessions import Tally


def test_codes_are_counted_each_and_beyond_the_bound_together() -> None:
    tally = Tally(codes=2)
    for code in ("rtsp.late", "rtsp.late", "sip.loop", "made-up.1", "made-up.2", "sip.loop"):
        tally.count(code)
    assert tally.anomalies == {"rtsp.late": 2, "sip.loop": 2, "other": 2}
    assert (tally.dropped, tally.refused, tally.retried) == (0, 0, 0)
