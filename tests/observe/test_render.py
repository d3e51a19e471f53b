"""How log lines look, and what can't be smuggled into them (G-11)."""

import enum
import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import Address, LogConfig
from mrcpbalance.observe._render import ITEM_LIMIT, TRACEBACK_LIMIT, VALUE_LIMIT, plain, renderer
from mrcpbalance.observe._writer import Entry

as_json = renderer(LogConfig(format="json"))
as_console = renderer(LogConfig(format="console"))
AT = 1_700_000_000.0625


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no\x1b")


def entry(event: str = "event", **fields: object) -> Entry:
    return Entry(AT, event, fields)


PLAIN = {
    "nothing": (None, None),
    "bool": (True, True),
    "int": (7, 7),
    "float": (0.25, 0.25),
    "not a number": (float("nan"), "nan"),
    "endless": (float("-inf"), "-inf"),
    "text": ("é", "é"),
    "enum": (Colour.RED, "red"),
    "int enum": (Number.ONE, 1),
    "octets": (b"a\xff\x00", "a\\xff\x00"),
    "address": (Address("::1", 554), "[::1]:554"),
    "tuple": (("a", 1), ["a", 1]),
    "set": (frozenset({"b", "a"}), ["a", "b"]),
    "mapping": ({1: Colour.RED}, {"1": "red"}),
    "long text": ("x" * 2000, "x" * VALUE_LIMIT + "… (2000 characters)"),
    "long list": (list(range(999)), list(range(ITEM_LIMIT))),
    "long set": (set(range(1000, 1999)), list(range(1000, 1000 + ITEM_LIMIT))),
    "long mapping": (dict.fromkeys(range(999)), {str(number): None for number in range(ITEM_LIMIT)}),
}


@pytest.mark.parametrize(("value", "expected"), PLAIN.values(), ids=PLAIN)
def test_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_json() -> None:
    assert as_json(entry("backend-down", backend="asr-1", level="warning", after=2.5)) == (
        b'{"timestamp":"2023-11-14T22:13:20.062Z","level":"warning","event":"backend-down",'
        b'"backend":"asr-1","after":2.5}\n'
    )


def test_console() -> None:
    text = as_console(entry("backend-down", backend="asr 1", level="warning")).decode()
    assert text.split() == ["2023-11-14T22:13:20.062Z", "[warning", "]", "backend-down", "backend='asr", "1'"]


@pytest.mark.parametrize("render", [as_json, as_console])
def test_fields_do_not_replace_what_every_line_has(render: object) -> None:
    assert callable(render)
    text = render(Entry(AT, "real", {"event": "false", "timestamp": "never", "a": 1})).decode()
    assert "real" in text
    assert "false" not in text
    assert "never" not in text


@given(st.text(), st.text(), st.text())
def test_every_event_is_one_line_of_printable_characters(event: str, value: str, inner: str) -> None:
    made = entry(event, value=value, several=[inner, {inner: value}])
    for line in (as_json(made).decode("ascii"), as_console(made).decode()):
        assert line.endswith("\n")
        assert line[:-1].isprintable()
    read = json.loads(as_json(made))
    assert read["event"] == event
    assert read["value"] == value


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - naive, as told
def test_timestamps_have_one_width(at: datetime) -> None:
    stamp = json.loads(as_json(Entry(at.timestamp(), "event", {})))["timestamp"]
    assert len(stamp) == len("2023-11-14T22:13:20.062Z")
    assert stamp.endswith("Z")


def failure(text: str) -> Exception:
    try:
        raise ValueError(text)  # noqa: TRY301 - a traceback is wanted
    except ValueError as error:
        return error


def test_a_traceback_in_json_stays_on_the_line() -> None:
    line = as_json(entry(exc_info=failure("no\x1b[2J\ngood")))
    assert line.count(b"\n") == 1
    read = json.loads(line)
    assert "exc_info" not in read
    assert read["exception"].startswith("Traceback")
    assert read["exception"].endswith("good")


def test_a_traceback_on_the_console_can_not_fake_a_line() -> None:
    first, *rest = (
        as_console(entry(exc_info=failure("no\x1b[2J\n2023-11-14T22:13:20.062Z faked"))).decode().splitlines()
    )
    assert "event" in first
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_a_long_traceback_keeps_its_end() -> None:
    read = json.loads(as_json(entry(exc_info=failure("x" * 50_000 + "end"))))
    assert len(read["exception"]) == TRACEBACK_LIMIT
    assert read["exception"].endswith("end")


def test_a_value_that_cannot_be_shown_costs_one_line() -> None:
    read = json.loads(as_json(entry("news", value=Hostile())))
    assert read["event"] == "log-line-lost"
    assert read["level"] == "error"
    assert read["of"] == "news"
    assert "RuntimeError" in read["why"]
    assert as_console(entry("news", value=Hostile())).decode()[:-1].isprintable()
