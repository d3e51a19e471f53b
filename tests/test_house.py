"""The rules of the house: who may import whom, how long a file may be, and that what is written about it is so."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What stands directly below each room; it may import that, and what stands below that in turn.
BELOW: dict[str, set[str]] = {
    "mrcpwire": set(),
    "config": set(),
    "pool": {"config"},
    "sessions": {"pool"},
    "mrcpv1": {"mrcpwire", "pool", "sessions"},
    "mrcpv2": {"mrcpwire", "pool", "sessions"},
    "passthrough": {"pool", "sessions"},
    "observe": {"pool", "sessions"},
    "traces": {"mrcpwire"},
    "recording": {"sessions", "traces"},
    "tracing": {"mrcpwire", "sessions"},
    "simulator": {"mrcpwire", "config"},  # config: for `Address` alone
    "proxy": {"mrcpv1", "mrcpv2", "passthrough"},
    "replay": {"traces", "simulator"},
    "cli": {"recording", "proxy", "observe", "traces", "tracing", "simulator", "replay"},
}
WIRE_AND_CORE = ("mrcpwire", "pool", "sessions", "mrcpv1", "mrcpv2", "passthrough")
# What wire and core have handed in instead. `os`, `threading` and `time` are loaded by the interpreter and attrs
# anyway, so these are found by their import statements.
LOADED = {
    "asyncio",
    "logging",
    "random",
    "secrets",
    "select",
    "selectors",
    "socket",
    "ssl",
    "structlog",
    "subprocess",
    "trio",
}
IMPORTED = LOADED | {"os", "threading", "time"}

LINES = 400
LONG: dict[str, str] = {}  # file: why it is longer

SETUP = re.compile(r"^## Set up$(.*?)^## ", re.DOTALL | re.MULTILINE)
SH_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def folder(room: str) -> Path:
    return ROOT / "protocol/mrcpwire" if room == "mrcpwire" else ROOT / "mrcpbalance" / room


def modules(room: str) -> list[Path]:
    return sorted(folder(room).rglob("*.py"))


def module_name(path: Path) -> str:
    base = ROOT / "protocol" if path.is_relative_to(ROOT / "protocol") else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: Path) -> list[str]:
    name = module_name(path).split(".")
    return name if path.name == "__init__.py" else name[:-1]


def imported(path: Path) -> Iterator[str]:
    """Name what a file imports, dotted, whether at run time or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                package = package_of(path)
                start = ".".join(package[: len(package) - level + 1]) if level else ""
                origin = ".".join(part for part in (start, module) if part)
                yield from (f"{origin}.{alias.name}" for alias in names)


def room_of(name: str) -> str | None:
    """Tell which room a dotted name is in; None: in none."""
    first, _, rest = name.partition(".")
    if first == "mrcpwire":
        return first
    room = rest.partition(".")[0]
    return room if first == "mrcpbalance" and room in BELOW else None


def allowed(room: str) -> set[str]:
    return {room}.union(*(allowed(below) for below in BELOW[room]))


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.parent.name for path in (ROOT / "mrcpbalance").glob("*/__init__.py")}
    assert rooms <= BELOW.keys()


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_what_stands_below_it(room: str) -> None:
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in modules(room)
        for name in imported(path)
        if (other := room_of(name)) is not None and other not in allowed(room)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", WIRE_AND_CORE)
def test_wire_and_core_import_no_input_output_clock_or_chance(room: str) -> None:
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in modules(room)
        for name in imported(path)
        if name.partition(".")[0] in IMPORTED
    ]
    assert wrong == []


def test_wire_and_core_load_no_input_output_clock_or_chance() -> None:
    names = [module_name(path) for room in WIRE_AND_CORE for path in modules(room)]
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert LOADED & set(done.stdout.split()) == set()


@pytest.mark.parametrize("room", [*WIRE_AND_CORE, "config", "observe", "simulator", "traces", "replay"])
def test_a_room_has_its_wall_for_the_linter_too(room: str) -> None:
    places = (folder(room) / "ruff.toml", folder(room).parent / "ruff.toml")
    [wall] = [path for path in places if path.exists()]
    content = tomllib.loads(wall.read_text())
    assert (wall.parent / content["extend"]).resolve() == ROOT / "pyproject.toml"
    banned = content["lint"]["flake8-tidy-imports"]["banned-api"]
    forbidden = BELOW.keys() - allowed(room)
    above = {other if other == "mrcpwire" else f"mrcpbalance.{other}" for other in forbidden}
    assert ({"mrcpbalance"} if room == "mrcpwire" else above) <= banned.keys()
    if room in WIRE_AND_CORE:
        assert IMPORTED - {"selectors", "structlog", "subprocess"} <= banned.keys()


def source_files() -> list[Path]:
    return sorted(
        path
        for part in ("protocol", "mrcpbalance", "tests", "bench", "examples", "docs")
        for path in (ROOT / part).rglob("*.py")
        if "_build" not in path.parts
    )


def test_no_file_is_longer_than_a_reader_is_patient() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}
    assert {name: count for name, count in lengths.items() if count > LINES and name not in LONG} == {}
    assert [name for name in LONG if lengths.get(name, 0) <= LINES] == []  # a reason nobody needs any more


@pytest.mark.parametrize("module", [path.stem for path in modules("mrcpwire") if path.stem != "__init__"])
def test_a_wire_module_has_its_tests(module: str) -> None:
    """`_rtsp_head` is tested in `test_rtsp_head.py` or, with its like, in `test_rtsp.py`."""
    words = module.strip("_").split("_")
    names = ["test_" + "_".join(words[:count]) + ".py" for count in range(1, len(words) + 1)]
    spread = list((ROOT / "tests/mrcpwire").glob(f"test_{module.strip('_')}_*.py"))  # over several files
    assert spread or any((ROOT / "tests/mrcpwire" / name).exists() for name in names)


def test_folders_that_must_not_be_packages() -> None:
    """With an `__init__.py` there, every class would exist twice, or tests would import each other by accident."""
    assert not (ROOT / "protocol/__init__.py").exists()
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def readme_commands() -> list[str]:
    found = SETUP.search((ROOT / "README.md").read_text())
    assert found is not None
    return SH_BLOCK.findall(found[1])


def test_the_readme_sets_up_with_two_commands() -> None:
    demo, tests = readme_commands()
    assert demo.count("\n") == tests.count("\n") == 1
    assert demo.endswith("mrcpbalance demo\n")
    assert tests.endswith("pytest\n")


@pytest.mark.parametrize("number", [1, 2])
def test_the_commands_of_the_readme_are_what_continuous_integration_runs(number: int) -> None:
    script = (ROOT / ".ci/run").read_text()
    assert f"readme {number}\n" in script
    function = re.search(r"^readme_command\(\) \{$.*?^\}$", script, re.DOTALL | re.MULTILINE)
    assert function is not None
    done = subprocess.run(
        ["bash", "-c", f"{function[0]}\nreadme_command {number}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == readme_commands()[number - 1]


def test_changelog_fragments_are_named_for_towncrier() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    kinds = "|".join(kind["directory"] for kind in project["tool"]["towncrier"]["type"])
    good = re.compile(rf"(README|(\d+|\+[a-z0-9-]+)\.({kinds}))\.md")
    assert [path.name for path in (ROOT / "changelog.d").iterdir() if not good.fullmatch(path.name)] == []


@pytest.mark.parametrize("path", list(source_files()), ids=lambda path: path.name)
def test_no_group_is_repeated_possessively(path: Path) -> None:
    """Python 3.11 before 3.11.5, Debian 12's among them, matches `(...)*+` and its like wrongly (gh-106052)."""
    if "tests" not in path.parts:
        assert not re.search(r"\)(?:[*+?]|\{[0-9,]+\})\+(?!\+)[^ ]", path.read_text())
