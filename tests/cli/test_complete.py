"""Shell completion: each shell is given a script, and names come from the proxy that answers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.cli.test_ask import GOOD, answering

POOLS: Final = json.dumps(
    {
        "pools": [
            {"name": "speech", "backends": [{"name": "asr-1"}, {"name": "asr-2"}]},
            {"name": "spare", "backends": [{"name": "asr-1"}]},
        ]
    }
)
PROGRAM: Final = [sys.executable, "-c", "from mrcpbalance.cli import main; main(prog_name='mrcpbalance')"]
GUIDE: Final = Path(__file__).parents[2] / "docs/how-to/operate.md"


def complete(shell: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Ask as a shell does: for its script, or for what may stand in place of the last word."""
    asked = {"_MRCPBALANCE_COMPLETE": f"{shell}_{'complete' if words else 'source'}"}
    if words:
        asked |= {"COMP_WORDS": " ".join(("mrcpbalance", *words)), "COMP_CWORD": str(len(words))}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MRCPBALANCE")}
    return subprocess.run(PROGRAM, env={**kept, **asked, **env}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(shell: str) -> None:
    done = complete(shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_MRCPBALANCE_COMPLETE={shell}_complete" in done.stdout
    assert f"_MRCPBALANCE_COMPLETE={shell}_source mrcpbalance" in GUIDE.read_text()


def test_bash_takes_the_script(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(complete("bash").stdout)
    done = subprocess.run(
        ["bash", "-c", f". {script} && complete -p mrcpbalance"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("complete ")


def offered(*words: str, **env: str) -> list[str]:
    done = complete("bash", *words, **env)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


def test_commands() -> None:
    assert offered("dr") == ["drain"]


@pytest.mark.parametrize("order", ["drain", "enable", "disable"])
def test_backends(order: str) -> None:
    with answering(POOLS) as stub:
        assert offered(order, "--admin", stub.where, "speech") == ["speech/asr-1", "speech/asr-2"]
        assert offered(order, "sp", MRCPBALANCE_ADMIN=stub.where) == [
            "speech/asr-1",
            "speech/asr-2",
            "spare/asr-1",
        ]


def test_options() -> None:
    with answering(POOLS) as stub:
        assert offered("sessions", "--backend", "asr", MRCPBALANCE_ADMIN=stub.where) == ["asr-1", "asr-2"]
        assert offered("explain", "--pool", "spa", MRCPBALANCE_ADMIN=stub.where) == ["spare"]


def test_where_the_file_says_with_its_token(tmp_path: Path) -> None:
    file, token = tmp_path / "proxy.toml", tmp_path / "token"
    token.write_text("s3cret")
    with answering(POOLS) as stub:
        file.write_text(f'{GOOD}[admin]\nbind = "{stub.where}"\ntoken_file = "{token}"\n')
        assert offered("drain", "--config", str(file), "spare") == ["spare/asr-1"]
    assert stub.tokens == ["Bearer s3cret"]


def test_nothing_is_said_when_nobody_answers(tmp_path: Path) -> None:
    assert offered("drain", "--admin", f"unix:{tmp_path}/none", "") == []
    assert offered("drain", "--admin", "no-place", "") == []
    assert offered("drain", "--config", f"{tmp_path}/none", "") == []
    with answering("{}") as stub:
        assert offered("drain", "--admin", stub.where, "") == []
