"""Counters and their bound."""

from mrcpbalance.sessions import Tally


def test_codes_are_counted_each_and_beyond_the_bound_together() -> None:
    tally = Tally(codes=2)
    for code in ("rtsp.late", "rtsp.late", "sip.loop", "made-up.1", "made-up.2", "sip.loop"):
        tally.count(code)
    assert tally.anomalies == {"rtsp.late": 2, "sip.loop": 2, "other": 2}
    assert (tally.dropped, tally.refused, tally.retried) == (0, {}, {})


def test_a_code_names_the_rule_that_was_broken() -> None:
    tally = Tally(codes=2)
    for code, rule in (
        ("rtsp.no-cseq", "R-09"),
        ("sip.loop", ""),
        ("made-up", "R-01"),
        ("rtsp.no-cseq", "R-09"),
    ):
        tally.count(code, rule)
    assert tally.anomalies == {"rtsp.no-cseq": 2, "sip.loop": 1, "other": 1}
    assert tally.rules == {"rtsp.no-cseq": "R-09"}
