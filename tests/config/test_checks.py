"""What holds between keys."""

import importlib.util
from typing import Final

import pytest

from mrcpbalance.config import parse
from tests.config.documents import BASE, SIP, faults_of

BAD: Final[dict[str, tuple[str, ...]]] = {
    "no such pool": (
        BASE.replace('pool = "p"', 'pool = "q"', 1),
        'f:7: listeners.l.pool: no pool "q", expected "p"',
    ),
    "no such pool of several": (
        BASE
        + """\
[pools.speech.backends.b]
rtsp = "192.0.2.1:1554"
[listeners.m]
protocol = "rtsp"
bind = "127.0.0.1:1"
pool = "speach"
""",
        'f:13: listeners.m.pool: no pool "speach", did you mean "speech"?',
    ),
    "no such stick table": (
        BASE
        + """\
[listeners.m]
protocol = "auto"
bind = "127.0.0.1:1"
pool = "p"
stick_table = "clients"

[stick_tables.client]
""",
        'f:12: listeners.m.stick_table: no stick table "clients", did you mean "client"?',
    ),
    "no stick table at all": (
        BASE
        + """\
[listeners.m]
protocol = "auto"
bind = "127.0.0.1:1"
pool = "p"
stick_table = "clients"
""",
        'f:12: listeners.m.stick_table: no stick table "clients", expected a table [stick_tables.TABLE]',
    ),
    "pool without backends": (
        BASE + "[pools.q]\nretries = 1\n",
        "f:8: pools.q.backends: missing, expected at least one table [pools.POOL.backends.BACKEND]",
    ),
    "pool with an empty table of backends": (
        BASE + "[pools.q.backends]\n",
        "f:8: pools.q.backends: found an empty table, expected at least one table [pools.POOL.backends.BACKEND]",
    ),
    "pool without backends and used": (
        BASE
        + """\
[pools.q]
retries = -1
[listeners.m]
protocol = "tcp"
bind = "127.0.0.1:1"
pool = "q"
""",
        "f:8: pools.q.backends: missing, expected at least one table [pools.POOL.backends.BACKEND]",
        "f:9: pools.q.retries: found -1, expected a whole number from 0 to 100",
    ),
    "backend without an address": (
        BASE + "[pools.p.backends.c]\nweight = 2\n",
        'f:8: pools.p.backends.c: no address, expected at least one of "rtsp", "sip", "mrcp" or "tcp"',
    ),
    "no backend speaks rtsp": (
        BASE.replace('rtsp = "192', 'tcp = "192', 1),
        'f:7: listeners.l.pool: pool "p" has no backend with an address for "rtsp", expected at least one with rtsp = "HOST:PORT"',
    ),
    "no backend speaks sip": (
        BASE.replace('protocol = "rtsp"', 'protocol = "sip"', 1),
        'f:7: listeners.l.pool: pool "p" has no backend with an address for "sip", expected at least one with sip = "HOST:PORT"',
    ),
    "no backend speaks mrcp": (
        BASE.replace('protocol = "rtsp"', 'protocol = "mrcp"', 1),
        'f:7: listeners.l.pool: pool "p" has no backend with an address for "mrcp", expected at least one with mrcp = "HOST:PORT"',
    ),
    "no backend speaks tcp": (
        BASE.replace('protocol = "rtsp"', 'protocol = "tcp"', 1),
        'f:7: listeners.l.pool: pool "p" has no backend with an address for "tcp", expected at least one with tcp = "HOST:PORT"',
    ),
    "control_bind on rtsp": (
        BASE + 'control_bind = "127.0.0.1:1544"\n',
        'f:8: listeners.l.control_bind: doesn\'t fit here, expected only beside protocol "sip" or "auto"',
    ),
    "stick_table on rtsp": (
        BASE + 'stick_table = "t"\n[stick_tables.t]\n',
        'f:8: listeners.l.stick_table: doesn\'t fit here, expected only beside protocol "tcp" or "auto"',
    ),
    "all of sip on rtsp": (
        BASE
        + """\
transports = ["udp"]
control = "proxied"
advertise = "192.0.2.9"
framing = "repair"
""",
        'f:8: listeners.l.transports: doesn\'t fit here, expected only beside protocol "sip"',
        'f:9: listeners.l.control: doesn\'t fit here, expected only beside protocol "sip" or "auto"',
        'f:10: listeners.l.advertise: doesn\'t fit here, expected only beside protocol "sip" or "auto"',
        'f:11: listeners.l.framing: doesn\'t fit here, expected only beside protocol "sip", "mrcp" or "auto"',
    ),
    "interleaved on sip": (
        SIP + "interleaved = true\n",
        'f:8: listeners.l.interleaved: doesn\'t fit here, expected only beside protocol "rtsp" or "auto"',
    ),
    "stick_table on sip": (
        SIP + 'stick_table = "t"\n[stick_tables.t]\n',
        'f:8: listeners.l.stick_table: doesn\'t fit here, expected only beside protocol "tcp" or "auto"',
    ),
    "transports on auto": (
        BASE.replace('protocol = "rtsp"', 'protocol = "auto"\ntransports = ["tcp"]', 1),
        'f:6: listeners.l.transports: doesn\'t fit here, expected only beside protocol "sip"',
    ),
    "control_bind where control is direct": (
        SIP + 'control = "direct"\ncontrol_bind = "127.0.0.1:1544"\n',
        'f:9: listeners.l.control_bind: doesn\'t fit here, expected only beside control "proxied"',
    ),
    "ports that two processes can't both have": (
        SIP
        + 'control_bind = "127.0.0.1:1544"\ncontact_bind = "127.0.0.1:5070"\n[process]\nreuse_port = true\n',
        "f:8: listeners.l.control_bind: one port, which two processes can't both have, expected a range or port 0 beside process.reuse_port",
        "f:9: listeners.l.contact_bind: one port, which two processes can't both have, expected a range or port 0 beside process.reuse_port",
    ),
    "sip_transport without sip": (
        BASE.replace("rtsp =", 'sip_transport = "tcp"\nrtsp =', 1),
        'f:2: pools.p.backends.b.sip_transport: doesn\'t fit here, expected only beside an address for "sip"',
    ),
    "what is RTSP's without rtsp": (
        SIP.replace("sip =", 'request_uri = "keep"\nkeepalive = "answer"\ninsert_cseq = true\nsip =', 1),
        'f:2: pools.p.backends.b.request_uri: doesn\'t fit here, expected only beside an address for "rtsp"',
        'f:3: pools.p.backends.b.keepalive: doesn\'t fit here, expected only beside an address for "rtsp"',
        'f:4: pools.p.backends.b.insert_cseq: doesn\'t fit here, expected only beside an address for "rtsp"',
    ),
    "wildcard without advertise": (
        SIP.replace("127.0.0.1:5060", "0.0.0.0:5060", 1),
        "f:4: listeners.l.advertise: missing, expected the address callers reach the proxy by, as bind is a wildcard",
    ),
    "IPv6 wildcard without advertise": (
        SIP.replace("127.0.0.1:5060", "[::]:5060", 1),
        "f:4: listeners.l.advertise: missing, expected the address callers reach the proxy by, as bind is a wildcard",
    ),
    "advertise with a port": (
        SIP + 'advertise = "192.0.2.50:5060"\n',
        'f:8: listeners.l.advertise: found "192.0.2.50:5060" (not an address), expected the address of one host, without a port',
    ),
    "advertise a wildcard": (
        SIP.replace('127.0.0.1:5060"', '0.0.0.0:5060"\nadvertise = "0.0.0.0"', 1),
        'f:7: listeners.l.advertise: found "0.0.0.0" (a wildcard), expected the address of one host, without a port',
    ),
    "admin for all without a token": (
        BASE + '[admin]\nbind = "0.0.0.0:8090"\n',
        "f:8: admin.token_file: missing, expected the path of a file, as bind is neither loopback nor a unix socket",
    ),
    "admin with a token for readers alone": (
        BASE + '[admin]\nread_token_file = "/etc/read"\n',
        "f:9: admin.read_token_file: doesn't fit here, expected only beside token_file",
    ),
    "admin for all with a token for readers alone": (
        BASE + '[admin]\nbind = "0.0.0.0:8090"\nread_token_file = "/etc/read"\n',
        "f:8: admin.token_file: missing, expected the path of a file, as bind is neither loopback nor a unix socket",
    ),
    "admin by name without a token": (
        BASE + '[admin]\nbind = "proxy.example.net:8090"\n',
        "f:8: admin.token_file: missing, expected the path of a file, as bind is neither loopback nor a unix socket",
    ),
}


@pytest.mark.parametrize(("text", "lines"), [(text, lines) for text, *lines in BAD.values()], ids=BAD)
def test_bad(text: str, lines: list[str]) -> None:
    assert faults_of(text) == lines


def test_very_many_names_are_not_all_told() -> None:
    pools = "".join(
        f'[pools.speech-{number}]\nbackends.b.rtsp = "192.0.2.1:1"\n' for number in range(100, 130)
    )
    shown = ", ".join(f'"speech-{number}"' for number in range(100, 120))
    assert faults_of(pools + BASE.replace('pool = "p"', 'pool = "x"')) == [
        f'f:67: listeners.l.pool: no pool "x", expected one of {shown} …'
    ]


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http", "opentelemetry"]
)
def test_traces_without_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def find_spec(name: str) -> object:
        if missing == "opentelemetry":
            raise ModuleNotFoundError("No module named 'opentelemetry'")
        return None if name == missing else object()

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    assert faults_of(BASE + "[tracing]\n") == [
        "f:8: tracing: needs OpenTelemetry, which isn't installed, install it: pip install 'mrcpbalance[otel]'"
    ]
    assert parse(BASE, "f").tracing is None
