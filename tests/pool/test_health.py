"""Health by traffic and by probes: its table, its times, its trial."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given

from mrcpbalance.config import HealthConfig
from mrcpbalance.pool import Obstacle, State
from mrcpbalance.pool import _health as module
from mrcpbalance.pool._health import LONGEST, SEEN, TRANSITIONS, Condition, Health, Step
from tests.strategies import health_walks

CONFIG = HealthConfig(interval=5.0, fall=3)
UP, DOWN, PROBATION, TRIAL = Condition.UP, Condition.DOWN, Condition.PROBATION, Condition.TRIAL

# f: a failure, a: an answer, b, g: a bad or a good probe, t: a session takes a seat, l: it leaves, w: a minute and more goes by
SCRIPTS = {
    (UP, Step.FAILED): "f",
    (UP, Step.FELL): "fff",
    (UP, Step.ANSWERED): "a",
    (UP, Step.TRIED): "t",
    (DOWN, Step.FAILED): "fffaff",
    (DOWN, Step.FELL): "ffff",
    (DOWN, Step.ANSWERED): "fffa",
    (DOWN, Step.ROSE): "bbbgg",
    (DOWN, Step.WAITED): "fffw",
    (DOWN, Step.TRIED): "ffft",
    (PROBATION, Step.FAILED): "fffaf",
    (PROBATION, Step.FELL): "fffwf",
    (PROBATION, Step.ANSWERED): "fffwa",
    (PROBATION, Step.ROSE): "fffwgg",
    (PROBATION, Step.TRIED): "fffwt",
    (TRIAL, Step.FAILED): "fffatf",
    (TRIAL, Step.FELL): "fffwtf",
    (TRIAL, Step.ANSWERED): "fffwta",
    (TRIAL, Step.ROSE): "fffwtgg",
    (TRIAL, Step.TRIED): "fffwtt",
    (TRIAL, Step.LEFT): "fffwtl",
}


class Recorder(dict[Condition, Mapping[Step, Condition]]):
    """The table, remembering the last row used."""

    last: tuple[Condition, Step]

    def __getitem__(self, condition: Condition) -> Mapping[Step, Condition]:
        recorder = self

        class Row(dict[Step, Condition]):
            def __getitem__(self, step: Step) -> Condition:
                recorder.last = (condition, step)
                return super().__getitem__(step)

        return Row(super().__getitem__(condition))


def walk(health: Health, script: str) -> None:
    now = 0.0
    seat: object = None
    for letter in script:
        match letter:
            case "f":
                health.failed(now)
            case "a":
                health.answered(now)
            case "b":
                health.probed("no answer", now)
            case "g":
                health.probed(None, now)
            case "t":
                new = object()
                health.tried(new, now)
                seat = seat or new
            case "l":
                health.left(seat)
                seat = None
            case _:
                now += 100.0
                health.at(now)


def unheard(state: State) -> None:
    """Tell nobody."""


def test_every_row_has_a_script() -> None:
    assert set(SCRIPTS) == {(condition, step) for condition, row in TRANSITIONS.items() for step in row}
    assert set(TRANSITIONS) == set(Condition) == set(SEEN)
    assert {step for row in TRANSITIONS.values() for step in row} == set(Step)


@pytest.mark.parametrize(("row", "script"), SCRIPTS.items(), ids=SCRIPTS.values())
def test_rows(row: tuple[Condition, Step], script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Recorder(TRANSITIONS)
    monkeypatch.setattr(module, "TRANSITIONS", table)
    health = Health(CONFIG, unheard)
    walk(health, script)
    assert table.last == row
    assert health.at(-math.inf) is TRANSITIONS[row[0]][row[1]]


def test_failures_count_in_a_row_only() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "ffaff")
    assert health.at(0.0) is UP
    health.failed(0.0)
    assert health.at(0.0) is DOWN
    assert (health.failures, health.failed_at) == (5, 0.0)


def test_the_time_down_doubles_up_to_a_cap_and_starts_anew_after_an_answer() -> None:
    health = Health(CONFIG, unheard)
    now = 0.0
    walk(health, "ff")
    for wait in [5.0, 10.0, 20.0, 40.0, 80.0, 80.0]:
        health.failed(now)
        assert health.at(now + wait - 0.001) is DOWN
        assert health.at(now + wait) is PROBATION
        now += wait
    assert wait == LONGEST * CONFIG.interval
    health.answered(now)
    for _ in range(3):
        health.failed(now)
    assert health.at(now + 5.0) is PROBATION


def test_a_failure_while_down_does_not_prolong_it() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "fff")
    health.failed(4.0)
    assert health.failed_at == 4.0
    assert health.at(5.0) is PROBATION


def test_one_session_at_a_time_tries() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "fff")
    assert health.obstacle(0.0) is Obstacle.DOWN
    assert health.obstacle(5.0) is None
    first, second = object(), object()
    health.tried(first, 5.0)
    assert health.obstacle(5.0) is Obstacle.PROBATION
    health.tried(second, 5.0)  # for want of anything better
    health.left(second)
    assert health.at(5.0) is TRIAL
    health.left(first)
    assert health.obstacle(5.0) is None


def test_who_left_after_the_verdict_changes_nothing() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "fff")
    seat = object()
    health.tried(seat, 5.0)
    health.answered(5.0)
    health.left(seat)
    assert health.at(5.0) is UP


def test_recall_cuts_the_time_down_short() -> None:
    health = Health(CONFIG, unheard)
    health.recall()
    assert health.at(0.0) is UP
    walk(health, "fff")
    health.recall()
    assert health.at(0.0) is PROBATION


def test_probes_that_fail_take_it_down_until_some_succeed() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "bbgbb")
    assert health.at(0.0) is UP
    health.probed("no answer in 2s", 0.0)
    assert (health.obstacle(0.0), health.reason) == (Obstacle.DOWN, "no answer in 2s")
    assert health.at(1000.0) is DOWN
    walk(health, "gbg")
    assert health.at(0.0) is DOWN
    walk(health, "g")
    assert health.at(0.0) is UP
    assert health.failures == 6
    walk(health, "ff")
    assert health.at(0.0) is UP


def test_nobody_tries_what_probes_say_is_down() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "fffb")
    assert health.obstacle(100.0) is Obstacle.DOWN
    health.probed(None, 100.0)
    assert health.at(100.0) is PROBATION
    health.probed(None, 101.0)
    assert health.at(101.0) is UP


def test_probes_do_not_cut_short_what_traffic_has_shown() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "fffgggg")
    assert health.obstacle(4.9) is Obstacle.DOWN
    assert health.at(5.0) is PROBATION


def test_what_answers_probes_and_fails_sessions_is_tried_more_and_more_seldom() -> None:
    health = Health(CONFIG, unheard)
    now = 0.0
    for wait in [5.0, 10.0, 20.0]:
        for _ in range(3):
            health.failed(now)
        health.probed(None, now)
        health.probed(None, now)
        assert health.at(now + wait - 0.001) is DOWN
        now += wait
        health.probed(None, now)
        assert health.at(now) is UP
    health.answered(now)  # a session that succeeds makes up for all of it
    for _ in range(3):
        health.failed(now)
    assert health.at(now + 5.0) is PROBATION


def test_recall_puts_it_on_probation_against_its_probes() -> None:
    health = Health(CONFIG, unheard)
    walk(health, "bbb")
    health.recall()
    assert health.at(0.0) is PROBATION


def test_changes_are_told_once() -> None:
    told: list[State] = []
    health = Health(CONFIG, told.append)
    walk(health, "fffffwtlta")
    assert told == [State.DOWN, State.PROBATION, State.UP]


@given(health_walks)
def test_no_walk_leaves_the_table(walk: list[tuple[str, float]]) -> None:
    health = Health(CONFIG, unheard)
    now, seats = 0.0, [object()]
    for what, wait in walk:
        now += wait
        match what:
            case "failed":
                health.failed(now)
            case "answered":
                health.answered(now)
            case "tried":
                seats.append(object())
                health.tried(seats[-1], now)
            case "left":
                health.left(seats.pop() if len(seats) > 1 else seats[0])
            case _:
                health.recall()
        assert (health.obstacle(now) is None) == (health.at(now) in {UP, PROBATION})
    assert health.at(now + LONGEST * CONFIG.interval) is not DOWN
