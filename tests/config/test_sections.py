"""Tables, their keys and their names."""

from typing import Final

import pytest

from tests.config.documents import BASE, faults_of

BAD: Final[dict[str, tuple[str, ...]]] = {
    "unknown table": (
        BASE + "[timeout]\n",
        'f:8: timeout: unknown key, did you mean "timeouts"?',
    ),
    "unknown table like none": (
        BASE + "[zzz]\n",
        'f:8: zzz: unknown key, expected "pools", "listeners", "stick_tables", "timeouts", "limits", "admin", "tracing", "record", "process" or "log"',
    ),
    "unknown key of a pool": (
        BASE + '[pools.p]\npolcy = "first"\n',
        'f:9: pools.p.polcy: unknown key, did you mean "policy"?',
    ),
    "unknown key of a probe": (
        BASE + '[pools.p.health]\nintervall = "5s"\n',
        'f:9: pools.p.health.intervall: unknown key, did you mean "interval"?',
    ),
    "unknown key of a backend": (
        BASE.replace("rtsp =", "weigth = 2\nrtsp =", 1),
        'f:2: pools.p.backends.b.weigth: unknown key, did you mean "weight"?',
    ),
    "unknown key of a listener": (
        BASE + "listen = true\n",
        'f:8: listeners.l.listen: unknown key, expected "protocol", "bind", "pool", "match", "allow", "transports", "control", "control_bind", "contact_bind", "advertise", "stick_table", "framing" or "interleaved"',
    ),
    "unknown key of a stick table": (
        BASE + '[stick_tables.t]\nexpires = "1h"\n',
        'f:9: stick_tables.t.expires: unknown key, did you mean "expire"?',
    ),
    "unknown timeout": (
        BASE + '[timeouts]\nconect = "1s"\n',
        'f:9: timeouts.conect: unknown key, did you mean "connect"?',
    ),
    "unknown limit": (
        BASE + "[limits]\nconnection = 5\n",
        'f:9: limits.connection: unknown key, did you mean "connections"?',
    ),
    "unknown key for the log": (
        BASE + '[log]\nlevel = "info"\n',
        'f:9: log.level: unknown key, expected "format", "transcript", "transcript_redact" or "transcript_entries"',
    ),
    "odd unknown key": (
        BASE + '"a \\"b\\" \\u0007" = 1\n',
        'f:8: listeners.l."a \\"b\\" \\x07": unknown key, expected "protocol", "bind", "pool", "match", "allow", "transports", "control", "control_bind", "contact_bind", "advertise", "stick_table", "framing" or "interleaved"',
    ),
    "long unknown key": (
        BASE + "x" * 100 + " = 1",
        'f:8: listeners.l."xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": unknown key, expected "protocol", "bind", "pool", "match", "allow", "transports", "control", "control_bind", "contact_bind", "advertise", "stick_table", "framing" or "interleaved"',
    ),
    "protocol is missing": (
        BASE.replace('protocol = "rtsp"\n', "", 1),
        'f:4: listeners.l.protocol: missing, expected "rtsp", "sip", "mrcp", "tcp" or "auto"',
    ),
    "bind is missing": (
        BASE.replace('bind = "127.0.0.1:1554"\n', "", 1),
        'f:4: listeners.l.bind: missing, expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets',
    ),
    "pool is missing": (
        BASE.replace('pool = "p"\n', "", 1),
        "f:4: listeners.l.pool: missing, expected the name of a pool",
    ),
    "all are missing": (
        BASE.replace('protocol = "rtsp"\nbind = "127.0.0.1:1554"\npool = "p"\n', "", 1),
        'f:4: listeners.l.protocol: missing, expected "rtsp", "sip", "mrcp", "tcp" or "auto"',
        'f:4: listeners.l.bind: missing, expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets',
        "f:4: listeners.l.pool: missing, expected the name of a pool",
    ),
    "listener is no table": (
        BASE + "[listeners]\nm = 3\n",
        "f:9: listeners.m: found 3, expected a table [listeners.LISTENER]",
    ),
    "pool is no table": (
        BASE + '[pools]\nq = "asr"\n',
        'f:9: pools.q: found "asr", expected a table [pools.POOL]',
    ),
    "backend is no table": (
        BASE + '[pools.p.backends]\nc = "192.0.2.1:1554"\n',
        'f:9: pools.p.backends.c: found "192.0.2.1:1554", expected a table [pools.POOL.backends.BACKEND]',
    ),
    "health is no table": (
        BASE + "[pools.p]\nhealth = true\n",
        "f:9: pools.p.health: found true, expected a table [pools.POOL.health]",
    ),
    "timeouts are no table": (
        BASE.replace("[pools.p.backends.b]", 'timeouts = "1s"\n[pools.p.backends.b]', 1),
        'f:1: timeouts: found "1s", expected a table [timeouts]',
    ),
    "slash": (
        BASE + '[pools."a/b".backends.c]\ntcp = "192.0.2.1:1"\n',
        'f:8: pools."a/b": the name has a "/", expected a name without "/" and control characters',
    ),
    "empty": (
        BASE + '[pools.p.backends.""]\ntcp = "192.0.2.1:1"\n',
        'f:8: pools.p.backends."": the name is empty, expected a name without "/" and control characters',
    ),
    "control character": (
        BASE + '[stick_tables."a\\nb"]\n',
        'f:8: stick_tables."a\\nb": the name has characters that don\'t print, expected a name without "/" and control characters',
    ),
    "listener with a slash": (
        BASE.replace("[listeners.l]", '[listeners."l/1"]', 1),
        'f:4: listeners."l/1": the name has a "/", expected a name without "/" and control characters',
    ),
}


@pytest.mark.parametrize(("text", "lines"), [(text, lines) for text, *lines in BAD.values()], ids=BAD)
def test_bad(text: str, lines: list[str]) -> None:
    assert faults_of(text) == lines
