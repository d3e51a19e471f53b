"""Addresses, ranges of ports, hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import Address, parse
from tests.config.documents import BASE, SIP, faults_of
from tests.strategies import addresses

LOOSE = BASE.replace("127.0.0.1:1554", "127.0.0.1:0")  # no backend is this listener

REMOTES = {
    "192.0.2.1:1": Address("192.0.2.1", 1),
    "192.0.2.1:65535": Address("192.0.2.1", 65_535),
    "192.0.2.1:01554": Address("192.0.2.1", 1554),
    "[2001:db8::1]:1554": Address("2001:db8::1", 1554),
    "[2001:DB8:0:0::1]:1554": Address("2001:db8::1", 1554),
    "[fe80::1%eth0]:1554": Address("fe80::1%eth0", 1554),
    "[::ffff:192.0.2.1]:1554": Address("192.0.2.1", 1554),
    "localhost:1554": Address("localhost", 1554),
    "ASR-1.Example.net:1554": Address("asr-1.example.net", 1554),
    "asr.example.net.:1554": Address("asr.example.net.", 1554),
    "asr_1:1554": Address("asr_1", 1554),
    "4asr:1554": Address("4asr", 1554),
    "xn--bcher-kva.example:1554": Address("xn--bcher-kva.example", 1554),
}


@pytest.mark.parametrize(("text", "address"), REMOTES.items())
def test_remote(text: str, address: Address) -> None:
    backend = parse(LOOSE.replace("192.0.2.1:1554", text), "f").pools["p"].backends["b"]
    assert backend.rtsp == address


@given(addresses)
def test_what_is_written_reads_back(address: Address) -> None:
    backend = parse(LOOSE.replace("192.0.2.1:1554", str(address)), "f").pools["p"].backends["b"]
    assert backend.rtsp == address


BAD_REMOTES = {
    "1554": "found 1554",
    "true": "found true",
    "['192.0.2.1:1']": "found an array",
    '""': 'found "" (no port)',
    '"1554"': 'found "1554" (no port)',
    '"192.0.2.1"': 'found "192.0.2.1" (no port)',
    '"192.0.2.1:"': 'found "192.0.2.1:" (no port)',
    '":1554"': 'found ":1554" (no host)',
    '"192.0.2.1:0"': 'found "192.0.2.1:0" (port 0 is not from 1 to 65535)',
    '"192.0.2.1:65536"': 'found "192.0.2.1:65536" (port 65536 is not from 1 to 65535)',
    '"192.0.2.1:123456"': 'found "192.0.2.1:123456" (the port is not a number from 1 to 65535)',
    '"192.0.2.1:rtsp"': 'found "192.0.2.1:rtsp" (the port is not a number from 1 to 65535)',
    '"192.0.2.1:+1"': 'found "192.0.2.1:+1" (the port is not a number from 1 to 65535)',
    '"192.0.2.1: 1"': 'found "192.0.2.1: 1" (the port is not a number from 1 to 65535)',
    '"192.0.2.1:1-2"': 'found "192.0.2.1:1-2" (the port is not a number from 1 to 65535)',
    '"192.0.2.256:1554"': 'found "192.0.2.256:1554" (not an address)',
    '"192.0.2:1554"': 'found "192.0.2:1554" (not an address)',
    '"192.0.2.011:1554"': 'found "192.0.2.011:1554" (not an address)',
    '"asr.1:1554"': 'found "asr.1:1554" (not an address)',
    '"2001:db8::1:1554"': 'found "2001:db8::1:1554" (IPv6 without brackets)',
    '"[2001:db8::1::2]:1554"': 'found "[2001:db8::1::2]:1554" (not an address)',
    '"[192.0.2.1]:1554"': 'found "[192.0.2.1]:1554" (not an address)',
    '"[2001:db8::1:1554"': 'found "[2001:db8::1:1554" (not an address)',
    '"[2001:db8::1]"': 'found "[2001:db8::1]" (no port)',
    '"[2001:db8::1]x:1"': 'found "[2001:db8::1]x:1" (not an address)',
    '"rtsp://192.0.2.1:1554"': 'found "rtsp://192.0.2.1:1554" (not a host and a port)',
    '"asr 1:1554"': 'found "asr 1:1554" (not a host name)',
    '"-asr:1554"': 'found "-asr:1554" (not a host name)',
    '"asr..net:1554"': 'found "asr..net:1554" (not a host name)',
    '"b\u00fccher.example:1554"': 'found "b\u00fccher.example:1554" (not a host name)',
    '"192.0.2.1:1554\\n"': 'found "192.0.2.1:1554\\n" (the port is not a number from 1 to 65535)',
    '"0.0.0.0:1554"': 'found "0.0.0.0:1554" (a wildcard)',
    '"[::]:1554"': 'found "[::]:1554" (a wildcard)',
}


@pytest.mark.parametrize(("value", "problem"), BAD_REMOTES.items())
def test_bad_remote(value: str, problem: str) -> None:
    text = BASE.replace('"192.0.2.1:1554"', value)
    assert faults_of(text) == [
        f'f:2: pools.p.backends.b.rtsp: {problem}, expected "HOST:PORT", IPv6 in brackets'
    ]


def test_long_names() -> None:
    label = "a" * 63
    longest = f"{label}.{label}.{label}.{'a' * 61}"
    assert parse(BASE.replace("192.0.2.1", longest), "f").pools["p"].backends["b"].rtsp == Address(
        longest, 1554
    )
    for host in (longest + "a", "a" + label):
        (fault,) = faults_of(BASE.replace("192.0.2.1", host))
        assert "(not a host name)" in fault


BINDS = {
    "127.0.0.1:0": (Address("127.0.0.1", 0),),
    "0.0.0.0:1554": (Address("0.0.0.0", 1554),),
    "[::]:1554": (Address("::", 1554),),
    "localhost:1554": (Address("localhost", 1554),),
    "127.0.0.1:8001-8003": tuple(Address("127.0.0.1", port) for port in (8001, 8002, 8003)),
    "[::1]:8001-8001": (Address("::1", 8001),),
    "127.0.0.1:1-1000": tuple(Address("127.0.0.1", port) for port in range(1, 1001)),
}


@pytest.mark.parametrize(("text", "bind"), BINDS.items())
def test_bind(text: str, bind: tuple[Address, ...]) -> None:
    assert parse(BASE.replace("127.0.0.1:1554", text), "f").listeners["l"].bind == bind


@given(addresses, st.integers(0, 999))
def test_ranges_read_back(address: Address, more: int) -> None:
    last = min(65_535, address.port + more)
    bind = parse(BASE.replace("127.0.0.1:1554", f"{address}-{last}"), "f").listeners["l"].bind
    assert bind == tuple(Address(address.host, port) for port in range(address.port, last + 1))


BAD_BINDS = {
    "1554": "found 1554",
    '["127.0.0.1:1554"]': "found an array",
    '"127.0.0.1"': 'found "127.0.0.1" (no port)',
    '"*:1554"': 'found "*:1554" (not a host name)',
    '":1554"': 'found ":1554" (no host)',
    '"127.0.0.1:-1"': 'found "127.0.0.1:-1" (no port)',
    '"127.0.0.1:8001-"': 'found "127.0.0.1:8001-" (no port)',
    '"127.0.0.1:8003-8001"': 'found "127.0.0.1:8003-8001" (the range runs downward)',
    '"127.0.0.1:8001-9001"': 'found "127.0.0.1:8001-9001" (more than 1000 ports)',
    '"127.0.0.1:0-5"': 'found "127.0.0.1:0-5" (port 0 is not from 1 to 65535)',
    '"127.0.0.1:65535-65536"': 'found "127.0.0.1:65535-65536" (port 65536 is not from 1 to 65535)',
    '"127.0.0.1:1-2-3"': 'found "127.0.0.1:1-2-3" (the port is not a number from 1 to 65535)',
}


@pytest.mark.parametrize(("value", "problem"), BAD_BINDS.items())
def test_bad_bind(value: str, problem: str) -> None:
    expected = 'expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets'
    text = BASE.replace('"127.0.0.1:1554"', value)
    assert faults_of(text) == [f"f:6: listeners.l.bind: {problem}, {expected}"]


def test_control_bind() -> None:
    assert parse(SIP + 'control_bind = "[::1]:0"\n', "f").listeners["l"].control_bind == (Address("::1", 0),)
    assert parse(SIP + 'control_bind = "127.0.0.1:1-2"\n', "f").listeners["l"].control_bind == (
        Address("127.0.0.1", 1),
        Address("127.0.0.1", 2),
    )


ADVERTISED = {
    "192.0.2.50": "192.0.2.50",
    "2001:DB8::50": "2001:db8::50",
    "[2001:db8::50]": "2001:db8::50",
    "proxy.example.net": "proxy.example.net",
}


@pytest.mark.parametrize(("text", "host"), ADVERTISED.items())
def test_advertise(text: str, host: str) -> None:
    assert parse(f'{SIP}advertise = "{text}"\n', "f").listeners["l"].advertise == host


BAD_ADVERTISED = {
    "5": "found 5",
    '""': 'found "" (no host)',
    '"192.0.2.50:5060"': 'found "192.0.2.50:5060" (not an address)',
    '"sip:proxy"': 'found "sip:proxy" (not an address)',
    '"0.0.0.0"': 'found "0.0.0.0" (a wildcard)',
    '"[::]"': 'found "[::]" (a wildcard)',
}


@pytest.mark.parametrize(("value", "problem"), BAD_ADVERTISED.items())
def test_bad_advertise(value: str, problem: str) -> None:
    expected = "expected the address of one host, without a port"
    assert faults_of(f"{SIP}advertise = {value}\n") == [f"f:8: listeners.l.advertise: {problem}, {expected}"]


ADMINS: dict[str, Address | str] = {
    "127.0.0.1:8090": Address("127.0.0.1", 8090),
    "127.9.9.9:0": Address("127.9.9.9", 0),
    "[::1]:8090": Address("::1", 8090),
    "localhost:8090": Address("localhost", 8090),
    "unix:/run/mrcpbalance.sock": "/run/mrcpbalance.sock",
    "unix:/" + "a" * 106: "/" + "a" * 106,
}


@pytest.mark.parametrize(("text", "bind"), ADMINS.items())
def test_admin(text: str, bind: Address | str) -> None:
    admin = parse(f'{BASE}[admin]\nbind = "{text}"\n', "f").admin
    assert admin
    assert admin.bind == bind


BAD_ADMINS = {
    "8090": "found 8090",
    '"127.0.0.1"': 'found "127.0.0.1" (no port)',
    '"/run/sock"': 'found "/run/sock" (no port)',
    '"unix:"': 'found "unix:" (it is empty)',
    '"unix:run/sock"': 'found "unix:run/sock" (the path is not absolute)',
    '"unix:/a\\u0000"': 'found "unix:/a\\x00" (it has characters that don\'t print)',
    f'"unix:/{"a" * 107}"': f'found "unix:/{"a" * 53}\u2026" (the path is longer than 107 octets)',
}


@pytest.mark.parametrize(("value", "problem"), BAD_ADMINS.items())
def test_bad_admin(value: str, problem: str) -> None:
    expected = 'expected "HOST:PORT", IPv6 in brackets, or "unix:/PATH"'
    assert faults_of(f"{BASE}[admin]\nbind = {value}\n") == [f"f:9: admin.bind: {problem}, {expected}"]
