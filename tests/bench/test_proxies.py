"""The configurations, and one load through each peer that is installed."""

import os
import sys
from pathlib import Path

import pytest

from bench.compile import Programs
from bench.measure import Manner, Timing, stack
from bench.process import BenchError, answers, free_ports
from bench.proxies import Backends, Front, Haproxy, Kamailio, Kind, Mrcpbalance, Nginx, mrcpbalance_config
from bench.rows import ROWS, Row
from mrcpbalance.config import Address, parse

BACKENDS = Backends(exchange=(11, 12), stream=(21, 22), sip=(31, 32))
PORTS: dict[Front, int] = {front: 40 + number for number, front in enumerate(Mrcpbalance().fronts)}
SHORT = Timing(warm=0.02, seconds=0.1)

STUB = """
import sys
def main(args=None):
    if args is None:
        sys.exit({status})
"""


def row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def test_our_own_configuration_is_free_of_faults() -> None:
    config = parse(mrcpbalance_config(PORTS, BACKENDS), "bench.toml")
    assert {name: listener.bind for name, listener in config.listeners.items()} == {
        front: (Address("127.0.0.1", port),) for front, port in PORTS.items()
    }
    assert config.listeners["stream"].protocol == "tcp"
    for pool, ports in {"speech": BACKENDS.exchange, "stream": BACKENDS.stream}.items():
        assert config.pools[pool].health.probe == "none"
        tcp = [backend.tcp for backend in config.pools[pool].backends.values()]
        assert tcp == [Address("127.0.0.1", port) for port in ports]
    assert config.listeners["sip"].transports == ("udp",)
    sip = [backend.sip for backend in config.pools["speech"].backends.values()]
    assert sip == [Address("127.0.0.1", port) for port in BACKENDS.sip]


CARRIED = [
    (kind, name) for kind in (Haproxy(), Nginx()) for name in ("v1-64", "mrcp-64", "control", "stream")
]


@pytest.mark.parametrize(
    ("kind", "name"),
    [*CARRIED, (Kamailio(), "calls")],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_peers_carry_the_load(kind: Kind, name: str, programs: Programs) -> None:
    if reason := kind.missing():
        (pytest.fail if os.environ.get("MRCPBALANCE_REQUIRE_PEERS") == "1" else pytest.skip)(reason)
    with stack(kind, programs, Manner(), tuned=name == "stream") as running:
        sample = running.measure(row(name), SHORT)
    assert sample.rate
    assert sample.cpu
    assert sample.proxy_busy
    assert not list(Path("/tmp").glob(f"{running.home.name}*"))


def test_which_rows_suit() -> None:
    assert row("control").suits(Haproxy().fronts)
    assert row("calls").suits(Kamailio().fronts)
    assert not row("control").suits(Kamailio().fronts)
    assert not row("calls").suits(Haproxy().fronts)
    assert all(one.suits(Mrcpbalance().fronts) for one in ROWS)


def test_nobody_answers(unused_udp_port: int) -> None:
    assert not answers(unused_udp_port)


@pytest.fixture
def unused_udp_port() -> int:
    return free_ports(1)[0]


def test_an_interpreter_without_it_is_told() -> None:
    assert "No such file" in (Mrcpbalance(python="/nowhere/python").missing() or "")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "tree" / "mrcpbalance"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return package.parent


def test_another_checkout_is_used(checkout: Path) -> None:
    (checkout / "mrcpbalance" / "cli.py").write_text(STUB.format(status=0))
    kind = Mrcpbalance(name="other", checkout=checkout)
    assert kind.missing() is None
    assert str(checkout) in kind.describe()
    (checkout / "mrcpbalance" / "cli.py").write_text("raise ImportError('half of it')")
    assert kind.missing() == "ImportError: half of it"


def test_its_last_words_come_with_the_error(checkout: Path, tmp_path: Path) -> None:
    (checkout / "mrcpbalance" / "cli.py").write_text(STUB.format(status="'no such port'"))
    kind = Mrcpbalance(python=sys.executable, checkout=checkout)
    with (
        pytest.raises(BenchError, match="ended with status 1: no such port"),
        kind.run(BACKENDS, tmp_path, tuned=False),
    ):
        pass
