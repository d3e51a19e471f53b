"""What differs between what was captured and what came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces.replay import Fact, compare
from mrcpbalance.traces.replay._facts import Lane


def fact(about: str, says: str = "200", lane: Lane = "mrcp", kind: str = "answer") -> Fact:
    return Fact(lane=lane, key=(kind, about), about=about, says=says)


SPEAK, STOP = fact("SPEAK 1", "200 IN-PROGRESS"), fact("STOP 2", "200 COMPLETE")
MARK = fact("SPEECH-MARKER 1", "IN-PROGRESS", kind="event")
SETUP, INVITE = fact("SETUP speechsynth", "200", "rtsp"), fact("INVITE", "200", "sip")
BYE = fact("BYE", "", "sip", "request")

TABLE: dict[str, tuple[list[Fact], list[Fact], list[str]]] = {
    "equal": ([INVITE, SPEAK, STOP], [INVITE, SPEAK, STOP], []),
    "nothing": ([], [], []),
    "the same twice": ([MARK, MARK], [MARK, MARK], []),
    "once too often": ([MARK], [MARK, MARK], ["SPEECH-MARKER 1: expected nothing, got IN-PROGRESS"]),
    "missing": ([SPEAK, STOP], [SPEAK], ["STOP 2: expected 200 COMPLETE, got nothing"]),
    "another status": (
        [SPEAK],
        [fact("SPEAK 1", "407 COMPLETE")],
        ["SPEAK 1: expected 200 IN-PROGRESS, got 407 COMPLETE"],
    ),
    "another order": (
        [SPEAK, STOP],
        [STOP, SPEAK],
        ["STOP 2: expected to come after SPEAK 1, got it came before"],
    ),
    "lanes have no order among them": ([INVITE, SPEAK], [SPEAK, INVITE], []),
    "a set-up that no backend takes": (
        [INVITE, SETUP],
        [fact("INVITE", "503", "sip"), fact("SETUP speechsynth", "503", "rtsp")],
        ["INVITE: expected 200, got 503 (S-03)", "SETUP speechsynth: expected 200, got 503 (R-27)"],
    ),
    "a request answered at the end": (
        [],
        [fact("SPEAK 1", "501 COMPLETE"), fact("SPEAK 2", "405 COMPLETE"), BYE],
        [
            "SPEAK 1: expected nothing, got 501 COMPLETE (M-30)",
            "SPEAK 2: expected nothing, got 405 COMPLETE (M-20)",
            "BYE: expected nothing, got this request (M-30)",
        ],
    ),
}


@pytest.mark.parametrize(("expected", "got", "told"), TABLE.values(), ids=TABLE)
def test_table(expected: list[Fact], got: list[Fact], told: list[str]) -> None:
    assert [str(difference) for difference in compare(expected, got)] == told


FACTS = st.lists(
    st.builds(
        fact,
        st.sampled_from(["A 1", "B 2"]),
        st.sampled_from(["200", "407"]),
        st.sampled_from(["mrcp", "sip"]),
    )
)


@given(FACTS)
def test_anything_equals_itself(facts: list[Fact]) -> None:
    assert compare(facts, facts) == []


@given(FACTS, FACTS)
def test_no_difference_means_the_same_in_each_lane(expected: list[Fact], got: list[Fact]) -> None:
    if not compare(expected, got):
        for lane in ("mrcp", "sip"):
            assert [one for one in expected if one.lane == lane] == [one for one in got if one.lane == lane]
