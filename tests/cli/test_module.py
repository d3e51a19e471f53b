"""`python -m mrcpbalance` is the command."""

import subprocess
import sys


def test_the_module_is_the_command() -> None:
    asked = [sys.executable, "-m", "mrcpbalance", "--help"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said.startswith("Usage: mrcpbalance [OPTIONS] COMMAND")
