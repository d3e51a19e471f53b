"""What becomes of a test whose peer is missing."""

from pathlib import Path

import pytest

from tests import peers


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PATH", "/nonexistent")
    monkeypatch.delenv("MRCPBALANCE_REQUIRE_PEERS", raising=False)


def test_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    program.touch(mode=0o755)
    monkeypatch.setattr(peers, "PATH", str(tmp_path))
    assert peers.need("haproxy") == str(program)


def test_missing_is_skipped_with_the_package_named() -> None:
    with pytest.raises(
        pytest.skip.Exception, match=r"nginx is not installed \(Debian: nginx libnginx-mod-stream\)"
    ):
        peers.need("nginx")


def test_missing_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRCPBALANCE_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="Debian: tshark"):
        peers.need("tshark")


def test_every_peer_is_listed() -> None:
    with pytest.raises(KeyError):
        peers.need("asterisk")


def test_the_list_has_a_package_for_each() -> None:
    assert all(peers.packages().values())
