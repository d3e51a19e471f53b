"""The wall around the wire formats: attrs and the I/O-free standard library, nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mrcpwire

SOURCES = sorted(Path(mrcpwire.__file__).parent.glob("*.py"))
PURE = {
    "attrs",
    "binascii",
    "collections",
    "enum",
    "functools",
    "heapq",
    "ipaddress",
    "itertools",
    "math",
    "re",
    "typing",
}

# What Python loads anyway, or attrs brings along, is not to be blamed on mrcpwire.
PROGRAM = """
import importlib, pkgutil, sys
import {pure}
before = set(sys.modules)
import mrcpwire
for module in pkgutil.iter_modules(mrcpwire.__path__, "mrcpwire."):
    importlib.import_module(module.name)
print(*sorted(set(sys.modules) - before))
"""


def test_loads_nothing_else() -> None:
    program = PROGRAM.format(pure=", ".join(sorted(PURE)))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    ours = {f"mrcpwire.{path.stem}" for path in SOURCES} - {"mrcpwire.__init__"} | {"mrcpwire"}
    others = {name for name in loaded - ours if name.partition(".")[0] not in PURE}
    assert loaded >= ours
    assert others == set()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_imports_nothing_else(source: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    assert {name.partition(".")[0] for name in imported} <= PURE | {"mrcpwire"}
