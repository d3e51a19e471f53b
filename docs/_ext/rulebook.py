"""The numbered wire rules: what each says, and which files of the project name it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
RULES = ROOT / "docs/reference/rules.toml"
SOURCES = ("protocol", "mrcpbalance")
TESTS = ("tests",)

NUMBER = re.compile(r"\b([MRSDEFG])-(\d{1,2})\b(?!-)")


@attrs.frozen
class Rule:
    """One rule, and the files that name it (paths from the root of the project)."""

    number: str
    text: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


def texts() -> dict[str, str]:
    """Read what each rule says."""
    groups: dict[str, dict[str, str]] = tomllib.loads(RULES.read_text())
    return {number: text for group in groups.values() for number, text in group.items()}


def named(folders: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Find which files in these folders name which rule."""
    found: dict[str, set[str]] = {}
    for path in _files(folders):
        for letter, digits in NUMBER.findall(path.read_text()):
            number = f"{letter}-{int(digits):02d}" if letter != "G" else f"G-{int(digits)}"
            found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return {number: tuple(sorted(paths)) for number, paths in found.items()}


def rules(letter: str) -> Iterator[Rule]:
    """Give the rules of one letter that the code implements, in order."""
    code, tests = named(SOURCES), named(TESTS)
    for number, text in texts().items():
        if number.startswith(f"{letter}-") and number in code:
            yield Rule(number, text, code[number], tests.get(number, ()))


def _files(folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))
