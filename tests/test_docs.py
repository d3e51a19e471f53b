"""What the documentation shows is so: configurations are accepted, rules are explained."""

import re
from pathlib import Path

import pytest

from docs._ext import rulebook
from mrcpbalance.config import parse
from mrcpbalance.simulator.load import parse_scenario

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)]
TOML = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = {
    f"{page.relative_to(ROOT)} {number}": block
    for page in PAGES
    for number, block in enumerate(TOML.findall(page.read_text()), 1)
}
THE_REST = """
[pools.any.backends.one]
rtsp = "192.0.2.11:1554"
[listeners.any]
protocol = "rtsp"
bind = "192.0.2.50:1554"
pool = "any"
"""


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_configurations_are_accepted(shown: str) -> None:
    if "[[steps]]" in shown:
        assert parse_scenario(shown, "shown.toml").steps
        return
    parse(shown if "[listeners" in shown else shown + THE_REST, "shown.toml")


def test_rules_that_code_or_tests_name_are_explained() -> None:
    named = rulebook.named(rulebook.SOURCES).keys() | rulebook.named(rulebook.TESTS).keys()
    assert sorted(named - rulebook.texts().keys()) == []


def test_the_table_names_code_and_tests() -> None:
    [rule] = [rule for rule in rulebook.rules("R") if rule.number == "R-20"]
    assert "protocol/mrcpwire/transport.py" in rule.code or "mrcpbalance/mrcpv1/_edits.py" in rule.code
    assert rule.tests
