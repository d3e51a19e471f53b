"""What the words of the command line choose."""

from pathlib import Path

import pytest

from bench.choice import HELD_IN_HASTE, choose_kinds, choose_rows
from bench.cli import main
from bench.proxies import Mrcpbalance
from bench.rows import HELD, HELD_CALLS, ROWS


def test_rows() -> None:
    assert choose_rows("", 100_000) == list(ROWS)
    assert [row.name for row in choose_rows("stream,v1-64", 100_000)] == ["stream", "v1-64"]
    with pytest.raises(ValueError, match="no row v3: there are v1-64, "):
        choose_rows("v3", 100_000)


def test_no_more_sessions_than_files() -> None:
    (memory,) = choose_rows("memory", 3_000)
    assert memory.held == 1_000
    assert choose_rows("memory", 1_000_000)[0].held == HELD


def test_calls_held() -> None:
    assert choose_rows("held", 20_000)[0].held == HELD_CALLS
    assert choose_rows("held", 20_000, quick=True)[0].held == HELD_IN_HASTE
    assert choose_rows("held", 1_500)[0].held == 470


def test_peers_and_further_versions(tmp_path: Path) -> None:
    (tmp_path / "mrcpbalance").mkdir()
    (tmp_path / "mrcpbalance" / "__init__.py").write_text("raise ImportError('empty')")
    chosen = choose_kinds("direct", [], [f"old={tmp_path}", str(tmp_path)])
    assert chosen.kinds[0].name == "direct"
    assert {
        Mrcpbalance(name=name, checkout=tmp_path): "ImportError: empty" for name in ("old", "mrcpbalance-3")
    }.items() <= chosen.left_out.items()


def test_unknown_and_double_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no peer squid: there are haproxy, nginx, kamailio, direct"):
        choose_kinds("squid", [], [])
    with pytest.raises(ValueError, match="two proxies are called x"):
        choose_kinds("", [], ["x=/a", "x=/b"])
    assert main(["--rows", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("no row nothing")
