"""The reference page, the examples and the classes say the same."""

import subprocess
import sys
import tomllib
from pathlib import Path

import attrs
import pytest

from mrcpbalance.config import Config, load
from mrcpbalance.config._sections import Rows, Section, Sections, settings
from mrcpbalance.config.reference import markdown

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*.toml"))


def test_the_page_is_up_to_date() -> None:
    page = ROOT / "docs/reference/configuration.md"
    assert page.read_text() == markdown(), (
        "run python -m mrcpbalance.config.reference > docs/reference/configuration.md"
    )


def test_the_page_is_written_by_a_command() -> None:
    run = [sys.executable, "-m", "mrcpbalance.config.reference"]
    assert subprocess.run(run, capture_output=True, encoding="utf-8", check=True).stdout == markdown()


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.name for file in EXAMPLES])
def test_examples_are_sound(file: Path) -> None:
    assert load(file).listeners


def test_the_full_example_shows_every_key() -> None:
    document = tomllib.loads((ROOT / "examples/full.toml").read_text())
    assert keys_of(Config) == shown_in(Config, document)


def keys_of(cls: type[object]) -> set[str]:
    """Give the names of every key that a table and the tables inside it may have."""
    keys = set()
    for field, setting in settings(cls):
        keys.add(f"{cls.__name__}.{field.name}")
        if isinstance(setting.kind, Section | Sections | Rows):
            keys |= keys_of(setting.kind.cls)
    return keys


def shown_in(cls: type[object], table: dict[str, object]) -> set[str]:
    """Give the names of the keys that a document has."""
    keys = set()
    for field, setting in settings(cls):
        value = table.get(field.name)
        if value is not None:
            keys.add(f"{cls.__name__}.{field.name}")
        if isinstance(value, dict | list) and isinstance(setting.kind, Section | Sections | Rows):
            tables = (
                value
                if isinstance(value, list)
                else value.values()
                if isinstance(setting.kind, Sections)
                else [value]
            )
            keys = keys.union(*(shown_in(setting.kind.cls, inner) for inner in tables))
    return keys


def test_the_full_example_shows_defaults() -> None:
    """Where a line doesn't say otherwise."""
    config = load(ROOT / "examples/full.toml")
    assert config.timeouts == Config(pools={}, listeners={}).timeouts
    assert config.limits == Config(pools={}, listeners={}).limits
    pool = config.pools["speech"]
    assert pool == attrs.evolve(
        config.pools["raw"],
        name="speech",
        backends=pool.backends,
        resource_names=pool.resource_names,
        fallback=pool.fallback,
    )
