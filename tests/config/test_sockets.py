"""Addresses that meet, and backends that are the proxy itself (G-8)."""

import pytest

from mrcpbalance.config import parse
from tests.config.documents import faults_of


def document(*binds: str, backend: str = "192.0.2.1:1", more: str = "") -> str:
    """Write listeners, the n-th bound on line 6n - 1, as PROTOCOL[/TRANSPORT]://ADDRESS tells; all use one backend."""
    lines = [f'pools.p.backends.b = {{ rtsp = "{backend}", sip = "{backend}", mrcp = "{backend}" }}', "", ""]
    for index, text in enumerate(binds):
        speaks, _, bind = text.partition("://")
        protocol, _, transport = speaks.partition("/")
        lines += [f"[listeners.l{index}]", f'bind = "{bind}"', f'protocol = "{protocol}"', 'pool = "p"']
        lines += ['advertise = "192.0.2.9"' if protocol == "sip" else ""]
        lines += [f'transports = ["{transport}"]' if transport else ""]
    return "\n".join([*lines, more])


MEET = {
    "same": ("rtsp://127.0.0.1:1554", "rtsp://127.0.0.1:1554"),
    "wildcard after one": ("rtsp://127.0.0.1:1554", "rtsp://0.0.0.0:1554"),
    "one after a wildcard": ("rtsp://0.0.0.0:1554", "rtsp://127.0.0.1:1554"),
    "IPv6 wildcard after one": ("rtsp://[2001:db8::1]:1554", "rtsp://[::]:1554"),
    "wildcards": ("rtsp://0.0.0.0:1554", "rtsp://0.0.0.0:1554"),
    "localhost and IPv4": ("rtsp://127.0.0.1:1554", "rtsp://localhost:1554"),
    "localhost and IPv6": ("rtsp://localhost:1554", "rtsp://[::1]:1554"),
    "name and wildcard": ("rtsp://[::]:1554", "rtsp://proxy.example.net:1554"),
    "names": ("rtsp://proxy:1554", "rtsp://proxy:1554"),
    "protocols on TCP": ("rtsp://127.0.0.1:1554", "mrcp://127.0.0.1:1554"),
    "sip over TCP": ("sip://127.0.0.1:1554", "rtsp://127.0.0.1:1554"),
    "sip over UDP": ("sip://0.0.0.0:5060", "sip/udp://127.0.0.1:5060"),
    "auto": ("auto://127.0.0.1:1554", "mrcp://127.0.0.1:1554"),
}


@pytest.mark.parametrize(("first", "second"), MEET.values(), ids=MEET)
def test_meet(first: str, second: str) -> None:
    assert faults_of(document(first, second)) == [
        f'f:11: listeners.l1.bind: "{second.partition("://")[2]}" is taken by listeners.l0.bind, expected an address of its own'
    ]


APART = {
    "ports": ("rtsp://127.0.0.1:1554", "rtsp://127.0.0.1:1555"),
    "hosts": ("rtsp://127.0.0.1:1554", "rtsp://127.0.0.2:1554"),
    "families": ("rtsp://0.0.0.0:1554", "rtsp://[::]:1554"),
    "wildcard of another family": ("rtsp://0.0.0.0:1554", "rtsp://[::1]:1554"),
    "names": ("rtsp://a.example.net:1554", "rtsp://b.example.net:1554"),
    "name and address": ("rtsp://a.example.net:1554", "rtsp://127.0.0.1:1554"),
    "free ports": ("rtsp://127.0.0.1:0", "rtsp://127.0.0.1:0"),
    "ranges": ("rtsp://127.0.0.1:1550-1554", "rtsp://127.0.0.1:1555-1560"),
    "transports": ("sip/udp://127.0.0.1:5060", "rtsp://127.0.0.1:5060"),
    "transports of sip": ("sip/udp://127.0.0.1:5060", "sip/tcp://127.0.0.1:5060"),
}


@pytest.mark.parametrize(("first", "second"), APART.values(), ids=APART)
def test_apart(first: str, second: str) -> None:
    assert len(parse(document(first, second), "f").listeners) == 2


def taken(address: str, by: str) -> str:
    return f'"{address}" is taken by {by}, expected an address of its own'


def test_ranges_meet_once() -> None:
    assert faults_of(document("rtsp://127.0.0.1:1550-1560", "rtsp://127.0.0.1:1558-1570")) == [
        f"f:11: listeners.l1.bind: {taken('127.0.0.1:1558', 'listeners.l0.bind')}"
    ]


def test_every_pair_is_told() -> None:
    assert faults_of(document("rtsp://127.0.0.1:1", "rtsp://127.0.0.1:1", "rtsp://0.0.0.0:1")) == [
        f"f:11: listeners.l1.bind: {taken('127.0.0.1:1', 'listeners.l0.bind')}",
        f"f:17: listeners.l2.bind: {taken('0.0.0.0:1', 'listeners.l0.bind')}",
        f"f:17: listeners.l2.bind: {taken('0.0.0.0:1', 'listeners.l1.bind')}",
    ]


def test_control_bind_and_admin_meet_listeners() -> None:
    more = 'control_bind = "127.0.0.1:1554"\n[admin]\nbind = "localhost:1554"'
    assert faults_of(document("rtsp://127.0.0.1:1554", "sip://127.0.0.1:5060", more=more)) == [
        f"f:16: listeners.l1.control_bind: {taken('127.0.0.1:1554', 'listeners.l0.bind')}",
        f"f:18: admin.bind: {taken('localhost:1554', 'listeners.l0.bind')}",
        f"f:18: admin.bind: {taken('localhost:1554', 'listeners.l1.control_bind')}",
    ]


def test_own_control_bind() -> None:
    assert faults_of(document("sip://127.0.0.1:5060", more='control_bind = "127.0.0.1:5060"')) == [
        f"f:10: listeners.l0.control_bind: {taken('127.0.0.1:5060', 'listeners.l0.bind')}"
    ]


def test_own_contact_bind() -> None:
    assert faults_of(document("sip/udp://127.0.0.1:5060", more='contact_bind = "127.0.0.1:5055-5060"')) == [
        f"f:10: listeners.l0.contact_bind: {taken('127.0.0.1:5060', 'listeners.l0.bind')}"
    ]


def test_admin_on_a_unix_socket_meets_nothing() -> None:
    assert parse(document("rtsp://127.0.0.1:1554", more='[admin]\nbind = "unix:/run/sock"'), "f").admin


LOOPS = {
    "same": ("rtsp://127.0.0.1:1554", "127.0.0.1:1554", ["rtsp", "mrcp"]),
    "not on loopback": ("mrcp://192.0.2.7:1544", "192.0.2.7:1544", ["rtsp", "mrcp"]),
    "in a range": ("rtsp://127.0.0.1:1550-1560", "127.0.0.1:1554", ["rtsp", "mrcp"]),
    "by name": ("rtsp://127.0.0.1:1554", "localhost:1554", ["rtsp", "mrcp"]),
    "on loopback, under a wildcard": ("rtsp://0.0.0.0:1554", "127.0.0.5:1554", ["rtsp", "mrcp"]),
    "on IPv6 loopback, under a wildcard": ("rtsp://[::]:1554", "[::1]:1554", ["rtsp", "mrcp"]),
    "over UDP": ("sip/udp://127.0.0.1:5060", "127.0.0.1:5060", ["sip"]),
    "over both": ("sip://127.0.0.1:5060", "127.0.0.1:5060", ["rtsp", "mrcp", "sip"]),
}


@pytest.mark.parametrize(("bind", "backend", "keys"), LOOPS.values(), ids=LOOPS)
def test_loops(bind: str, backend: str, keys: list[str]) -> None:
    itself = f'"{backend}" is the proxy itself (listeners.l0.bind), expected the address of a speech server'
    assert faults_of(document(bind, backend=backend)) == [
        f"f:1: pools.p.backends.b.{key}: {itself}" for key in keys
    ]


def test_control_bind_loops() -> None:
    text = document("sip://127.0.0.1:5060", backend="127.0.0.1:1544", more='control_bind = "127.0.0.1:1544"')
    itself = '"127.0.0.1:1544" is the proxy itself (listeners.l0.control_bind), expected the address of a speech server'
    assert faults_of(text) == [f"f:1: pools.p.backends.b.{key}: {itself}" for key in ("rtsp", "mrcp")]


NO_LOOPS = {
    "another port": ("rtsp://127.0.0.1:1554", "127.0.0.1:1555"),
    "another host": ("rtsp://127.0.0.1:1554", "127.0.0.2:1554"),
    "another transport": ("sip/tcp://127.0.0.1:5060", "192.0.2.1:5060"),
    "elsewhere, under a wildcard": ("rtsp://0.0.0.0:1554", "192.0.2.1:1554"),
    "another family's loopback": ("rtsp://0.0.0.0:1554", "[::1]:1554"),
    "a name": ("rtsp://0.0.0.0:1554", "asr.example.net:1554"),
}


@pytest.mark.parametrize(("bind", "backend"), NO_LOOPS.values(), ids=NO_LOOPS)
def test_no_loops(bind: str, backend: str) -> None:
    assert parse(document(bind, backend=backend), "f").listeners
