"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import format_duration, parse, parse_duration
from tests.config.documents import BASE, faults_of

GOOD = {
    "250ms": 0.25,
    "2s": 2.0,
    "10m": 600.0,
    "15h": 54_000.0,
    "1d": 86_400.0,
    "1h30m": 5_400.0,
    "1d2h3m4s5ms": 93_784.005,
    "1m30s": 90.0,
    "1s1ms": 1.001,
    "0.5s": 0.5,
    "1.5h": 5_400.0,
    "0.001s": 0.001,
    "007s": 7.0,
    "366d": 31_622_400.0,
}


@pytest.mark.parametrize(("text", "seconds"), GOOD.items())
def test_good(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse(f'{BASE}[timeouts]\nidle = "{text}"\n', "f").timeouts.idle == seconds


BAD = {
    "15": "found 15",
    "1.5": "found 1.5",
    "true": "found true",
    "inf": "found inf",
    "07:32:00": "found a date or time",
    "['1s']": "found an array",
    "{ s = 1 }": "found a table",
    '""': 'found "" (not a duration)',
    '"15"': 'found "15" (not a duration)',
    '"15 h"': 'found "15 h" (not a duration)',
    '"1h 30m"': 'found "1h 30m" (not a duration)',
    '"15H"': 'found "15H" (not a duration)',
    '"15min"': 'found "15min" (not a duration)',
    '"h"': 'found "h" (not a duration)',
    '"5m1h"': 'found "5m1h" (not a duration)',
    '"1h1h"': 'found "1h1h" (not a duration)',
    '"1.h"': 'found "1.h" (not a duration)',
    '"1e3s"': 'found "1e3s" (not a duration)',
    '"-5s"': 'found "-5s" (not a duration)',
    '"+5s"': 'found "+5s" (not a duration)',
    '"5s\\n"': 'found "5s\\n" (not a duration)',
    '"\\u0661s"': 'found "\u0661s" (not a duration)',  # digits of other scripts
    '"1234567890s"': 'found "1234567890s" (not a duration)',
    '"0s"': 'found "0s" (too short)',
    '"0h0m"': 'found "0h0m" (too short)',
    '"0.9ms"': 'found "0.9ms" (too short)',
    '"366d1ms"': 'found "366d1ms" (too long)',
}


@pytest.mark.parametrize(("value", "problem"), BAD.items())
def test_bad(value: str, problem: str) -> None:
    expected = 'expected a duration from 1ms to 366d, like "250ms", "2s" or "1h30m"'
    assert faults_of(f"{BASE}[timeouts]\nidle = {value}\n") == [f"f:9: timeouts.idle: {problem}, {expected}"]


def test_zero_where_it_makes_sense() -> None:
    timeouts = parse(BASE + '[timeouts]\ndrain = "0s"\nlinger = "0s"\n', "f").timeouts
    assert timeouts.drain == timeouts.linger == 0.0


def test_bounds_of_others() -> None:
    text = (
        BASE
        + '[pools.p]\nqueue_timeout = 2\nhealth = { interval = "5ms" }\n[stick_tables.t]\nexpire = "400d"\n'
    )
    like = 'like "250ms", "2s" or "1h30m"'
    assert faults_of(text) == [
        f"f:9: pools.p.queue_timeout: found 2, expected a duration from 1ms to 366d, {like}",
        f'f:10: pools.p.health.interval: found "5ms" (too short), expected a duration from 10ms to 366d, {like}',
        f'f:12: stick_tables.t.expire: found "400d" (too long), expected a duration from 1ms to 366d, {like}',
    ]


@given(st.integers(0, 366 * 86_400_000))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text("0123456789.dhms -", max_size=12))
def test_what_is_read_can_be_written(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert abs(parse_duration(format_duration(seconds)) - seconds) <= 0.000_501
