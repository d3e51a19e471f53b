"""Counts and limits of a backend."""

from collections.abc import Mapping

import pytest

from mrcpbalance.pool import Obstacle
from mrcpbalance.pool._capacity import Capacity

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
        capacity.enter()
    for its in held:
        assert capacity.add(its)
    assert capacity.obstacle(resource) is obstacle


def test_what_is_given_back_can_be_taken_again() -> None:
    capacity = Capacity(CAPS)
    assert capacity.add("speechrecog")
    assert not capacity.add("speechrecog")
    capacity.drop("speechrecog")
    assert capacity.add("speechrecog")
    assert capacity.taken == {"speechrecog": 1}


def test_names_that_nobody_holds_are_not_kept() -> None:
    capacity = Capacity(CAPS)
    assert capacity.add("anything")
    assert capacity.taken == {"anything": 1}
    for _ in range(2):
        capacity.drop("anything")
    assert capacity.taken == {}


def test_other_limits_count_what_is_there() -> None:
    capacity = Capacity(None)
    for _ in range(2):
        capacity.enter()
        assert capacity.add("speechrecog")
    capacity.become({"speechrecog": 2})
    assert capacity.obstacle("speechrecog") is Obstacle.FULL_FOR_RESOURCE
    capacity.become(2)
    assert capacity.obstacle(None) is Obstacle.FULL
    capacity.become(None)
    assert capacity.obstacle(None) is None
