"""A configuration from `--listen` and `--backend` alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import (
    Address,
    BackendConfig,
    Config,
    ConfigError,
    HealthConfig,
    ListenerConfig,
    PoolConfig,
    from_flags,
)
from tests.strategies import addresses


def test_one_of_each() -> None:
    backend = BackendConfig(name="192.0.2.11:1554", rtsp=Address("192.0.2.11", 1554))
    listener = ListenerConfig(
        name="rtsp", protocol="rtsp", bind=(Address("127.0.0.1", 1554),), pool="default"
    )
    assert from_flags(["rtsp://127.0.0.1:1554"], ["192.0.2.11:1554"]) == Config(
        pools={"default": PoolConfig(name="default", backends={"192.0.2.11:1554": backend})},
        listeners={"rtsp": listener},
    )


def test_backends_take_their_address_for_every_protocol() -> None:
    config = from_flags(["rtsp://127.0.0.1:1", "tcp://127.0.0.1:2", "mrcp://[::1]:3"], ["asr=192.0.2.11:9"])
    address = Address("192.0.2.11", 9)
    assert config.pools["default"].backends == {
        "asr": BackendConfig(name="asr", rtsp=address, mrcp=address, tcp=address)
    }


def test_listeners_are_named_for_their_protocols() -> None:
    listens = [
        "sip://127.0.0.1:0",
        "rtsp://127.0.0.1:0",
        "sip://[::1]:0",
        "sip://127.0.0.1:5060",
        "tcp://127.0.0.1:1-3",
    ]
    listeners = from_flags(listens, ["192.0.2.1:1"]).listeners
    assert {name: listener.bind[0] for name, listener in listeners.items()} == {
        "sip": Address("127.0.0.1", 0),
        "rtsp": Address("127.0.0.1", 0),
        "sip-2": Address("::1", 0),
        "sip-3": Address("127.0.0.1", 5060),
        "tcp": Address("127.0.0.1", 1),
    }
    assert len(listeners["tcp"].bind) == 3


def test_auto_probes_nothing() -> None:
    address = Address("192.0.2.1", 1)
    expected = BackendConfig(
        name="a", rtsp=address, sip=address, mrcp=address, tcp=address, sip_transport="tcp"
    )
    pool = from_flags(["auto://127.0.0.1:0"], ["a=192.0.2.1:1"]).pools["default"]
    assert pool == PoolConfig(name="default", health=HealthConfig(probe="none"), backends={"a": expected})
    pool = from_flags(["auto://127.0.0.1:0", "sip://127.0.0.1:0"], ["a=192.0.2.1:1"]).pools["default"]
    assert pool.backends["a"].sip_transport == "udp"


HOST_PORT = 'expected "HOST:PORT", IPv6 in brackets'
BAD = {
    "nothing": (
        [],
        [],
        ["--listen: missing, expected PROTOCOL://HOST:PORT", "--backend: missing, expected HOST:PORT"],
    ),
    "no backend": (["rtsp://127.0.0.1:0"], [], ["--backend: missing, expected HOST:PORT"]),
    "no listener": ([], ["192.0.2.1:1"], ["--listen: missing, expected PROTOCOL://HOST:PORT"]),
    "no protocol": (
        ["127.0.0.1:1"],
        ["192.0.2.1:1"],
        ["--listen 127.0.0.1:1: no protocol, expected PROTOCOL://HOST:PORT"],
    ),
    "unknown protocol": (
        ["rstp://127.0.0.1:1"],
        ["192.0.2.1:1"],
        ['--listen rstp://127.0.0.1:1: unknown protocol "rstp", did you mean "rtsp"?'],
    ),
    "no port": (
        ["rtsp://127.0.0.1"],
        ["192.0.2.1"],
        [
            '--listen rtsp://127.0.0.1: found "127.0.0.1" (no port), expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets',
            f'--backend 192.0.2.1: found "192.0.2.1" (no port), {HOST_PORT}',
        ],
    ),
    "one fault for all protocols": (
        ["rtsp://127.0.0.1:0", "mrcp://127.0.0.1:0"],
        ["a:99999"],
        [f'--backend a:99999: found "a:99999" (port 99999 is not from 1 to 65535), {HOST_PORT}'],
    ),
    "name with a slash": (
        ["tcp://127.0.0.1:0"],
        ["a/b=192.0.2.1:1"],
        ['--backend a/b=192.0.2.1:1: the name has a "/", expected a name without "/" and control characters'],
    ),
    "no name": (
        ["tcp://127.0.0.1:0"],
        ["=192.0.2.1:1"],
        ['--backend =192.0.2.1:1: the name is empty, expected a name without "/" and control characters'],
    ),
    "name twice": (
        ["tcp://127.0.0.1:0"],
        ["a=192.0.2.1:1", "a=192.0.2.2:1"],
        ['--backend a=192.0.2.2:1: another backend is "a", expected names that differ'],
    ),
    "wildcard for sip": (
        ["sip://0.0.0.0:5060"],
        ["192.0.2.1:5060"],
        [
            "--listen sip://0.0.0.0:5060: advertise missing, expected the address callers reach the proxy by, as bind is a wildcard"
        ],
    ),
    "taken": (
        ["tcp://127.0.0.1:1-3", "rtsp://127.0.0.1:2"],
        ["192.0.2.1:1"],
        [
            '--listen rtsp://127.0.0.1:2: "127.0.0.1:2" is taken by listeners.tcp.bind, expected an address of its own'
        ],
    ),
    "loop": (
        ["rtsp://127.0.0.1:1554"],
        ["127.0.0.1:1554"],
        [
            '--backend 127.0.0.1:1554: "127.0.0.1:1554" is the proxy itself (listeners.rtsp.bind), expected the address of a speech server'
        ],
    ),
    "several, in their order": (
        ["tcp://*:1", "x"],
        ["b", "\n"],
        [
            '--listen tcp://*:1: found "*:1" (not a host name), expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets',
            "--listen x: no protocol, expected PROTOCOL://HOST:PORT",
            f'--backend b: found "b" (no port), {HOST_PORT}',
            '--backend \\n: the name has characters that don\'t print, expected a name without "/" and control characters',
            f'--backend \\n: found "\\n" (no port), {HOST_PORT}',
        ],
    ),
}


@pytest.mark.parametrize(("listens", "backends", "faults"), BAD.values(), ids=BAD)
def test_bad(listens: list[str], backends: list[str], faults: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        from_flags(listens, backends)
    assert [str(fault) for fault in raised.value.faults] == [f"command line: {fault}" for fault in faults]
    assert all(fault.line is None for fault in raised.value.faults)


@given(addresses, st.sampled_from(("rtsp", "sip", "mrcp", "tcp", "auto")))
def test_any_address(address: Address, protocol: str) -> None:
    config = from_flags([f"{protocol}://127.0.0.1:0"], [str(address)])
    backend = config.pools["default"].backends[str(address)]
    assert getattr(backend, "tcp" if protocol == "auto" else protocol) == address


@given(st.lists(st.text(max_size=20), max_size=3), st.lists(st.text(max_size=20), max_size=3))
def test_any_flags(listens: list[str], backends: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        from_flags(listens, backends)
    assert all(len(str(fault).splitlines()) == 1 for fault in raised.value.faults)
