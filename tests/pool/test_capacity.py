"""Counts and limits of a backend."""

from collections.abc import Mapping

import pytest

from mrcpbalance.pool import Obstacle
from mrcpbalance.pool._capacity import MOST_PEAKS, Capacity, Peak

CAPS = {"speechrecog": 1, "speechsynth": 2}

# limits, sessions and resources held -> obstacle for one more session with the resource
FULL = {
    "no limit": (None, 9, ["speechrecog"] * 9, "speechrecog", None),
    "room in all": (2, 1, [], "speechrecog", None),
    "full in all": (2, 2, [], "speechrecog", Obstacle.FULL),
    "full in all, resource not known": (2, 2, [], None, Obstacle.FULL),
    "none at all": (0, 0, [], None, Obstacle.FULL),
    "room for the resource": (CAPS, 1, ["speechsynth"], "speechsynth", None),
    "no room for the resource": (CAPS, 1, ["speechrecog"], "speechrecog", Obstacle.FULL_FOR_RESOURCE),
    "room for another resource": (CAPS, 1, ["speechrecog"], "speechsynth", None),
    "a resource without a limit": (CAPS, 9, ["speechrecog"], "recorder", None),
    "resource not known": (CAPS, 9, ["speechrecog", "speechsynth", "speechsynth"], None, None),
}


@pytest.mark.parametrize(("limits", "sessions", "held", "resource", "obstacle"), FULL.values(), ids=FULL)
def test_obstacle(
    limits: int | Mapping[str, int] | None,
    sessions: int,
    held: list[str],
    resource: str | None,
    obstacle: Obstacle | None,
) -> None:
    capacity = Capacity(limits)
    for _ in range(sessions):
        capacity.enter(0.0)
    for its in held:
        assert capacity.add(its, 0.0)
    assert capacity.obstacle(resource) is obstacle


def test_what_is_given_back_can_be_taken_again() -> None:
    capacity = Capacity(CAPS)
    assert capacity.add("speechrecog", 0.0)
    assert not capacity.add("speechrecog", 0.0)
    capacity.drop("speechrecog")
    assert capacity.add("speechrecog", 0.0)
    assert capacity.taken == {"speechrecog": 1}


def test_names_that_nobody_holds_are_not_kept() -> None:
    capacity = Capacity(CAPS)
    assert capacity.add("anything", 0.0)
    assert capacity.taken == {"anything": 1}
    for _ in range(2):
        capacity.drop("anything")
    assert capacity.taken == {}


def test_other_limits_count_what_is_there() -> None:
    capacity = Capacity(None)
    for _ in range(2):
        capacity.enter(0.0)
        assert capacity.add("speechrecog", 0.0)
    capacity.become({"speechrecog": 2})
    assert capacity.obstacle("speechrecog") is Obstacle.FULL_FOR_RESOURCE
    capacity.become(2)
    assert capacity.obstacle(None) is Obstacle.FULL
    capacity.become(None)
    assert capacity.obstacle(None) is None


def test_the_peak_is_the_most_at_a_time_and_when_it_was_first() -> None:
    capacity = Capacity(None)
    assert (capacity.peak.count, capacity.peaks) == (0, {})
    for now in (1.0, 2.0):
        capacity.enter(now)
        assert capacity.add("speechrecog", now)
    capacity.leave()
    capacity.drop("speechrecog")
    capacity.enter(3.0)  # as many as before: the first time counts
    assert capacity.add("speechrecog", 3.0)
    assert capacity.add("speechsynth", 4.0)
    assert capacity.peak == Peak(2, 2.0)
    assert capacity.peaks == {"speechrecog": Peak(2, 2.0), "speechsynth": Peak(1, 4.0)}
    capacity.enter(5.0)
    assert capacity.peak == Peak(3, 5.0)


def test_the_whole_counts_what_its_parts_hold() -> None:
    whole = Capacity(None)
    parts = [Capacity({"speechrecog": 1}, whole), Capacity(None, whole)]
    for now, part in enumerate(parts):
        part.enter(now)
        assert part.add("speechrecog", now)
    assert not parts[0].add("speechrecog", 2.0)
    for part in parts:
        part.drop("speechrecog")
        part.leave()
    parts[1].enter(3.0)
    assert (whole.sessions, whole.taken) == (1, {})
    assert (whole.peak, whole.peaks) == (Peak(2, 1.0), {"speechrecog": Peak(2, 1.0)})
    assert [part.peak.count for part in parts] == [1, 1]


def test_peaks_of_names_that_callers_make_up_are_bounded() -> None:
    capacity = Capacity(None)
    for number in range(2 * MOST_PEAKS):
        assert capacity.add(f"made-up-{number}", 0.0)
    assert capacity.add("made-up-0", 1.0)
    assert len(capacity.peaks) == MOST_PEAKS
    assert capacity.peaks["made-up-0"] == Peak(2, 1.0)
