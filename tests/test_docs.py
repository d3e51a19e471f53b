"""What the documentation shows is so: configurations are accepted, rules explained, references complete."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs._ext import rulebook
from mrcpbalance.cli import main
from mrcpbalance.config import parse
from mrcpbalance.simulator.load import parse_scenario
from tests.test_house import BELOW, allowed

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs/reference"
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


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{word} ")
        else:
            yield f"{name}{word}", command


COMMANDS = dict(commands(main))
# Each command has a heading, alone or with others: the text below it, and what is said below a later one of those that ask a proxy.
SECTIONS = re.split(r"^## ", (REFERENCE / "commands.md").read_text(), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_flag_is_in_the_reference(name: str) -> None:
    [section] = [
        text for text in SECTIONS if f"`{name}`" in text.partition("\n")[0].replace("mrcpbalance ", "")
    ]
    shared = next(text for text in SECTIONS if text.startswith("Asking a running proxy"))
    flags = [flag for option in COMMANDS[name].params for flag in option.opts if flag.startswith("--")]
    asks = "--admin" in flags
    said = section + (shared if asks else "")
    assert [flag for flag in flags if not re.search(rf"{flag}\b(?!-)", said)] == []


ROOM = re.compile(r"^\| `(\w+)` \| .* \| (.*) \|$", re.MULTILINE)


def test_the_table_of_rooms_is_the_plan() -> None:
    """What a room builds on brings what stands below that; the last row says `everything`."""
    rows = dict(ROOM.findall((ROOT / "docs/explanation/design.md").read_text()))
    assert rows.keys() == BELOW.keys()
    assert rows.pop("cli") == "everything"
    for room, said in rows.items():
        named = re.findall(r"`(\w+)`", said)
        assert {room}.union(*(allowed(one) for one in named)) == allowed(room), room


def noted() -> set[str]:
    """Find the events that code writes into the log."""
    return {
        call.args[0].value
        for path in (ROOT / "mrcpbalance").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "note"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_event_of_the_log_is_in_the_reference() -> None:
    told = re.findall(r"^\| (`.+?) \|", (REFERENCE / "log.md").read_text(), flags=re.MULTILINE)
    events = {word.strip("`") for words in told for word in words.split(", ")}
    assert len(noted()) > 20
    assert noted() - {"session-end"} - events == set()
