"""Where keys stand, against what tomllib finds."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings

from mrcpbalance.config._faults import Path, dotted
from mrcpbalance.config._positions import key_lines
from tests.strategies import toml_texts

GOOD = {
    "nothing": ("", ""),
    "comments": ("# [a]\n\n  # b = 1", ""),
    "pairs": ("a = 1\n\n  b = 2 # c = 3\nd=4", "a:1 b:3 d:4"),
    "dotted": ("a . b.c = 1\na.d = 2", "a:1 a.b:1 a.b.c:1 a.d:2"),
    "quoted": ('"#" = 1\n\'a.b\' = 2\n"\\u0041\\"" = 3\n"" = 4', r'"#":1 "a.b":2 "A\"":3 "":4'),
    "header": ("\n[a.b]\nc = 1", "a:2 a.b:2 a.b.c:3"),
    "blanks in a header": ("[ a . b ] # c", "a:1 a.b:1"),
    "header after its inner table's": ("[a.b]\n[a]\nc = 1", "a.b:1 a:2 a.c:3"),
    "header after a dotted key's table": ("[a]\nb.c = 1\n[d]", "a:1 a.b:2 a.b.c:2 d:3"),
    "array": ("a = [\n 1,\n\n [2, # ]\n 3],\n]\nb = 1", "a:1 a[0]:2 a[1]:4 a[1][0]:4 a[1][1]:5 b:7"),
    "empty array": ("a = [ # ]\n]\nb = []", "a:1 b:3"),
    "inline tables": (
        "a = { b.c = 1, d = [{}, { e = 2 }] }\nf = {}",
        "a:1 a.b:1 a.b.c:1 a.d:1 a.d[0]:1 a.d[1]:1 a.d[1].e:1 f:2",
    ),
    "inline tables over lines": (
        "a = [\n { b = 1 },\n { b = '''\n\n''', c = 2 },\n]",
        "a:1 a[0]:2 a[0].b:2 a[1]:3 a[1].b:3 a[1].c:5",
    ),
    "arrays of tables": (
        "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\n[[a.d]]\n[[a.d]]\n[[a]]\n[a.c]",
        "a:1 a[0]:1 a[0].b:2 a[1]:3 a[1].b:4 a[1].c:5 a[1].d:6 a[1].d[0]:6 a[1].d[1]:7 a[2]:8 a[2].c:9",
    ),
    "strings": (
        'a = "[b] # = \\" \\\\"\nb = \'\\\'\nc = """\n[x]\ny = 1\\"""\n""""\nd = \'\'\'\n[x]\n\'\'\'\'\'\ne = """"a"""""\nf = 1',
        "a:1 b:2 c:3 d:7 e:10 f:11",
    ),
    "dates": ("a = 1979-05-27 07:32:00\nb = [07:32:00, 1979-05-27]", "a:1 b:2 b[0]:2 b[1]:2"),
    "CRLF": ("a = 1\r\n[b]\r\nc = [\r\n1]\r\n", "a:1 b:2 b.c:3 b.c[0]:4"),
}


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD)
def test_good(text: str, expected: str) -> None:
    lines = key_lines(text)
    assert {f"{dotted(path)}:{line}" for path, line in lines.items()} == set(expected.split())
    assert set(lines) == {path for path, _ in everything(tomllib.loads(text))}


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(toml_texts())
def test_every_key_has_the_line_of_its_value(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    found = dict(everything(document))
    lines = key_lines(text)
    assert set(lines) == set(found)
    for path, value in found.items():
        if number := re.search(r"100[0-9]{3}", "" if isinstance(value, dict | list) else str(value)):
            assert lines[path] == text.count("\n", 0, text.index(number[0])) + 1


def everything(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Give every value inside a value, with its path."""
    items: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, inner in items:
        yield (*path, key), inner
        yield from everything(inner, (*path, key))
