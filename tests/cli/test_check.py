"""`mrcpbalance check FILE`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mrcpbalance.cli import main
from tests.config.documents import BASE


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.toml"
    path.write_text(BASE)
    return path


def test_sound(file: Path) -> None:
    result = check(file)
    assert result.stdout == f"{file}: 1 pool, 1 backend, 1 listener: no faults\n"
    assert result.stderr == ""
    assert result.exit_code == 0


def test_counts(file: Path) -> None:
    file.write_text(BASE + '[pools.q.backends]\nc.tcp = "192.0.2.2:1"\nd.tcp = "192.0.2.3:1"\n')
    assert check(file).stdout == f"{file}: 2 pools, 3 backends, 1 listener: no faults\n"


def test_faults(file: Path) -> None:
    file.write_text(BASE.replace('pool = "p"', 'pool = "q"\nspeed = 1') + "[timeouts]\nidle = 5\n")
    result = check(file)
    assert result.stdout.splitlines() == [
        f'{file}:7: listeners.l.pool: no pool "q", expected "p"',
        f'{file}:8: listeners.l.speed: unknown key, expected "protocol", "bind", "pool", "match", "allow", "transports", "control", "control_bind", "contact_bind", "advertise", "stick_table", "framing" or "interleaved"',
        f'{file}:10: timeouts.idle: found 5, expected a duration from 1ms to 366d, like "250ms", "2s" or "1h30m"',
    ]
    assert result.stderr == ""
    assert result.exit_code == 1


def test_no_such_file(tmp_path: Path) -> None:
    result = check(tmp_path / "none.toml")
    assert result.stdout == (
        f"{tmp_path}/none.toml:1: -: can't be read (No such file or directory), expected a file that can\n"
    )
    assert result.exit_code == 1


def test_json(file: Path) -> None:
    result = check("--json", file)
    assert json.loads(result.stdout) == []
    assert result.exit_code == 0
    file.write_text(BASE.replace('"p"', '"q"'))
    result = check("--json", file)
    assert json.loads(result.stdout) == [
        {
            "file": str(file),
            "line": 7,
            "key": "listeners.l.pool",
            "problem": 'no pool "q"',
            "expected": 'expected "p"',
        }
    ]
    assert result.exit_code == 1


@pytest.mark.parametrize("arguments", [[], ["a.toml", "b.toml"], ["--strict", "a.toml"]])
def test_wrong_usage(arguments: list[str]) -> None:
    result = check(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: ")


def test_commands_are_found_by_their_modules() -> None:
    assert "check" in main.list_commands(click.Context(main))
    for name in ("_check", "chekc", ""):
        assert CliRunner().invoke(main, [name]).exit_code == 2


def test_names_that_the_terminal_cannot_show(file: Path) -> None:
    """Whatever stands in a file or its name, there is no traceback."""
    path = Path(os.fsdecode(os.fsencode(file.with_name("pr\u00f6xy-")) + b"\xff.toml"))
    path.write_text(BASE.replace("pools.p", 'pools."\u20ac/\u00fc"'))
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    run = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "check", os.fspath(path)]
    result = subprocess.run(run, capture_output=True, env=environment, check=False)
    assert result.returncode == 1
    assert result.stdout.splitlines()[0].endswith(
        rb'toml:1: pools."\u20ac/\xfc": the name has a "/", expected a name without "/" and control characters'
    )
    assert b"Traceback" not in result.stderr
    file.write_text(BASE)
    path.write_text(BASE)
    result = subprocess.run(run, capture_output=True, env=environment, check=False)
    assert result.returncode == 0
    assert b"no faults" in result.stdout


def test_no_socket_is_opened(file: Path) -> None:
    code = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith('socket.'): raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from mrcpbalance.cli import main\n"
        "main()\n"
    )
    run = [sys.executable, "-c", code, "check", os.fspath(file)]
    result = subprocess.run(run, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
