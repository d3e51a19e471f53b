"""Scenarios as people write them: what is read, and what is refused in which words."""

import math
from pathlib import Path

import pytest

from mrcpbalance.config import ConfigError
from mrcpbalance.simulator.load import Scenario, Step, find_scenario, known_scenarios, parse_scenario

EXAMPLES = Path(__file__).parents[3] / "examples/scenarios"


def test_those_that_come_along() -> None:
    known = known_scenarios()
    assert {"recognise", "speak", "two-resources", "barge-in", "hang-up", "crash"} <= known.keys()
    assert [name for name, scenario in known.items() if not scenario.description or not scenario.steps] == []
    assert [name for name, scenario in known.items() if scenario.drops] == ["crash"]
    assert find_scenario("speak") == known["speak"]


@pytest.mark.parametrize("file", list(EXAMPLES.glob("*.toml")), ids=lambda file: file.name)
def test_examples(file: Path) -> None:
    assert find_scenario(str(file)).steps


def test_all_of_it() -> None:
    text = """
description = "words"
resources = ["speechsynth", "speechrecog"]
[[steps]]
do = "request"
method = "recognize"
resource = "speechrecog"
headers = { Content-Type = "text/uri-list" }
body = "a\\nb"
status = 407
state = "COMPLETE"
cause = "004 grammar-load-failure"
time = "1s"
[[steps]]
do = "event"
event = "start-of-input"
[[steps]]
do = "hang-up"
how = "drop"
"""
    assert parse_scenario(text, "mine") == Scenario(
        name="mine",
        description="words",
        resources=("speechsynth", "speechrecog"),
        steps=(
            Step(
                do="request",
                method="RECOGNIZE",
                resource="speechrecog",
                headers={"Content-Type": "text/uri-list"},
                body="a\nb",
                status=407,
                state="COMPLETE",
                cause="004 grammar-load-failure",
                time=1.0,
            ),
            Step(do="event", event="START-OF-INPUT"),
            Step(do="hang-up", how="drop"),
        ),
    )


def test_patience() -> None:
    assert [Step(do="request").patience, Step(do="event").patience] == [10.0, 60.0]
    assert Step(do="event", time=3.0).patience == 3.0
    assert math.isinf(Step(do="wait", time=3.0).patience)


BAD = {
    "": ["mine:1: -: the scenario says nothing, expected at least `resources`"],
    "resources = []": [
        "mine:1: resources: found an empty array, expected an array of names of resources",
    ],
    "resorces = []": ['mine:1: resorces: unknown key, did you mean "resources"?'],
    "steps = 1": ["mine:1: steps: found 1, expected tables [[steps]]"],
    "steps = [1]": ["mine:1: steps[0]: found 1, expected a table [[steps]]"],
    "[[steps]]\nmethod = 'SPEAK'": [
        'mine:1: steps[0].do: missing, expected "request", "event", "say", "wait", "add", "remove", "refresh" or "hang-up"'
    ],
    "[[steps]]\ndo = 'reqest'": ['mine:2: steps[0].do: found "reqest", did you mean "request"?'],
    "[[steps]]\ndo = 'request'": ['mine:1: steps[0].method: missing, expected one with do = "request"'],
    "[[steps]]\ndo = 'wait'": ['mine:1: steps[0].time: missing, expected one with do = "wait"'],
    "[[steps]]\ndo = 'wait'\ntime = '1s'\nstatus = 200": [
        'mine:4: steps[0].status: doesn\'t go with do = "wait", expected only time'
    ],
    "[[steps]]\ndo = 'request'\nmethod = 'SPEAK AT'": [
        'mine:3: steps[0].method: found "SPEAK AT" (not one word of ASCII), expected a name of MRCP\'s like "RECOGNIZE"'
    ],
    "[[steps]]\ndo = 'request'\nmethod = 'SPEAK'\nheaders = { A = \"b\\nc\" }": [
        'mine:4: steps[0].headers.A: found "b\\nc" (not one printable line), expected one line of text'
    ],
    "[[steps]]\ndo = 'say'\naudio = 'none.wav'": [
        "mine:3: steps[0].audio: found \"none.wav\" (none.wav: [Errno 2] No such file or directory: 'none.wav'), expected the name of a file of audio"
    ],
    "[[steps]]\ndo = 'hang-up'\n[[steps]]\ndo = 'refresh'": [
        "mine:1: steps[0]: steps follow a hang-up, expected it to be the last"
    ],
}


@pytest.mark.parametrize(("text", "faults"), BAD.items())
def test_faults(text: str, faults: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(text, "mine")
    assert [str(fault) for fault in caught.value.faults] == faults


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="no such scenario, expected a file, or one of barge-in, "):
        find_scenario("recognize")
