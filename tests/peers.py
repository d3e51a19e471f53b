"""Other people's programs that some tests need; `.ci/run` installs what `peers.txt` names."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def packages() -> dict[str, list[str]]:
    """Read which Debian packages bring which program."""
    lines = Path(__file__).with_name("peers.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {program: packages for program, *packages in rows}


def need(program: str) -> str:
    """Find the program; without it the test is skipped, or fails when MRCPBALANCE_REQUIRE_PEERS is 1."""
    wanted = packages()[program]
    path = shutil.which(program, path=PATH)
    if path is not None:
        return path
    missing = f"{program} is not installed (Debian: {' '.join(wanted)})"
    if os.environ.get("MRCPBALANCE_REQUIRE_PEERS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
