"""Values: numbers, words, and arrays and tables of them."""

from typing import Final

import pytest

from tests.config.documents import BASE, SIP, faults_of

BAD: Final[dict[str, tuple[str, ...]]] = {
    "text": (
        BASE + '[pools.p]\nretries = "2"\n',
        'f:9: pools.p.retries: found "2", expected a whole number from 0 to 100',
    ),
    "boolean": (
        BASE + "[pools.p]\nretries = true\n",
        "f:9: pools.p.retries: found true, expected a whole number from 0 to 100",
    ),
    "float": (
        BASE + "[pools.p]\nretries = 2.0\n",
        "f:9: pools.p.retries: found 2.0, expected a whole number from 0 to 100",
    ),
    "not a number": (
        BASE + "[pools.p]\nretries = nan\n",
        "f:9: pools.p.retries: found nan, expected a whole number from 0 to 100",
    ),
    "negative": (
        BASE + "[pools.p]\nretries = -1\n",
        "f:9: pools.p.retries: found -1, expected a whole number from 0 to 100",
    ),
    "date": (
        BASE + "[pools.p]\nqueue_size = 2024-02-03\n",
        "f:9: pools.p.queue_size: found a date or time, expected a whole number from 0 to 1000000",
    ),
    "array": (
        BASE + "[pools.p]\nqueue_size = [1]\n",
        "f:9: pools.p.queue_size: found an array, expected a whole number from 0 to 1000000",
    ),
    "huge": (
        BASE + "[pools.p]\nqueue_size = 0x" + "f" * 5_000,
        "f:9: pools.p.queue_size: found a huge number, expected a whole number from 0 to 1000000",
    ),
    "weight of none": (
        BASE.replace("rtsp =", "weight = 0\nrtsp =", 1),
        "f:2: pools.p.backends.b.weight: found 0, expected a whole number from 1 to 256",
    ),
    "weight too large": (
        BASE.replace("rtsp =", "weight = 257\nrtsp =", 1),
        "f:2: pools.p.backends.b.weight: found 257, expected a whole number from 1 to 256",
    ),
    "no sessions": (
        BASE.replace("rtsp =", "max_sessions = 0\nrtsp =", 1),
        "f:2: pools.p.backends.b.max_sessions: found 0, expected a whole number from 1 to 1000000, or a table of such numbers by resource",
    ),
    "sessions as text": (
        BASE.replace("rtsp =", 'max_sessions = "96"\nrtsp =', 1),
        'f:2: pools.p.backends.b.max_sessions: found "96", expected a whole number from 1 to 1000000, or a table of such numbers by resource',
    ),
    "sessions by resource": (
        BASE.replace(
            "rtsp =", 'max_sessions = { speechrecog = 0, "speech synth" = 5, recorder = true }\nrtsp =', 1
        ),
        "f:2: pools.p.backends.b.max_sessions.speechrecog: found 0, expected a whole number from 1 to 1000000",
        'f:2: pools.p.backends.b.max_sessions."speech synth": found "speech synth" (not a token of at most 64 characters), expected the name of a resource like "speechrecog"',
        "f:2: pools.p.backends.b.max_sessions.recorder: found true, expected a whole number from 1 to 1000000",
    ),
    "sessions of no resource": (
        BASE.replace("rtsp =", "max_sessions = {}\nrtsp =", 1),
        "f:2: pools.p.backends.b.max_sessions: found an empty table, expected a whole number from 1 to 1000000, or a table of such numbers by resource",
    ),
    "size of a table": (
        BASE + "[stick_tables.t]\nsize = 0\n",
        "f:9: stick_tables.t.size: found 0, expected a whole number from 1 to 100000000",
    ),
    "octets": (
        BASE + '[limits]\nmessage = "8MB"\n',
        'f:9: limits.message: found "8MB", expected octets from 1024 to 1073741824, like 65536 or "64KiB"',
    ),
    "octets too few": (
        BASE + '[limits]\nmessage = "1KiB"\nunsent = 1_000\n',
        'f:10: limits.unsent: found 1000, expected octets from 1024 to 1073741824, like 65536 or "64KiB"',
    ),
    "status": (
        BASE + '[pools.p]\nretry_statuses = [503, 200, "504", 503]\n',
        "f:9: pools.p.retry_statuses[1]: found 200, expected a whole number from 400 to 699",
        'f:9: pools.p.retry_statuses[2]: found "504", expected a whole number from 400 to 699',
        "f:9: pools.p.retry_statuses[3]: found 503 again, expected each once",
    ),
    "policy": (
        BASE + '[pools.p]\npolicy = "least-session"\n',
        'f:9: pools.p.policy: found "least-session", did you mean "least-sessions"?',
    ),
    "policy like none": (
        BASE + '[pools.p]\npolicy = "x"\n',
        'f:9: pools.p.policy: found "x", expected "least-sessions", "round-robin", "random-two", "source-hash" or "first"',
    ),
    "policy in capitals": (
        BASE + '[pools.p]\npolicy = "FIRST"\n',
        'f:9: pools.p.policy: found "FIRST", did you mean "first"?',
    ),
    "policy as a number": (
        BASE + "[pools.p]\npolicy = 1\n",
        'f:9: pools.p.policy: found 1, expected "least-sessions", "round-robin", "random-two", "source-hash" or "first"',
    ),
    "probe": (
        BASE + '[pools.p.health]\nprobe = "none "\n',
        'f:9: pools.p.health.probe: found "none ", did you mean "none"?',
    ),
    "path without a slash": (
        BASE + '[pools.p.health]\npath = "media/x"\n',
        'f:9: pools.p.health.path: found "media/x" (not a path as URIs write it), expected a path like "/media/speechrecognizer"',
    ),
    "path with a blank": (
        BASE + '[pools.p.health]\npath = "/media/a b"\n',
        'f:9: pools.p.health.path: found "/media/a b" (not a path as URIs write it), expected a path like "/media/speechrecognizer"',
    ),
    "protocol": (
        BASE.replace('"rtsp"', '"rstp"', 1),
        'f:5: listeners.l.protocol: found "rstp", did you mean "rtsp"?',
    ),
    "log format": (
        BASE + '[log]\nformat = "text"\n',
        'f:9: log.format: found "text", expected "json" or "console"',
    ),
    "switch as a number": (
        BASE.replace("rtsp =", "standby = 1\nrtsp =", 1),
        "f:2: pools.p.backends.b.standby: found 1, expected true or false",
    ),
    "switch as text": (
        BASE.replace("rtsp =", 'standby = "true"\nrtsp =', 1),
        'f:2: pools.p.backends.b.standby: found "true", expected true or false',
    ),
    "no resources": (
        BASE.replace("rtsp =", "resources = []\nrtsp =", 1),
        "f:2: pools.p.backends.b.resources: found an empty array, expected an array of names of resources",
    ),
    "resources as text": (
        BASE.replace("rtsp =", 'resources = "speechrecog"\nrtsp =', 1),
        'f:2: pools.p.backends.b.resources: found "speechrecog", expected an array of names of resources',
    ),
    "resources over lines": (
        BASE.replace(
            "rtsp =",
            """\
resources = [
  "speechrecog",
  "speech synth", # blank
  7,
  "speechrecog",
]
rtsp =""",
            1,
        ),
        'f:4: pools.p.backends.b.resources[1]: found "speech synth" (not a token of at most 64 characters), expected the name of a resource like "speechrecog"',
        'f:5: pools.p.backends.b.resources[2]: found 7, expected the name of a resource like "speechrecog"',
        'f:6: pools.p.backends.b.resources[3]: found "speechrecog" again, expected each once',
    ),
    "RTSP's name of a resource": (
        BASE.replace(
            "rtsp =", 'resources = ["speechrecognizer"]\nmax_sessions = { synthesizer = 3 }\nrtsp =', 1
        ),
        'f:2: pools.p.backends.b.resources: "speechrecognizer" is RTSP\'s name, did you mean "speechrecog"?',
        'f:3: pools.p.backends.b.max_sessions: "synthesizer" is RTSP\'s name, did you mean "speechsynth"?',
    ),
    "resource names": (
        BASE
        + """\
[pools.p.resource_names]
asr = 5
"" = "speechrecog"
tts = ""
""",
        'f:9: pools.p.resource_names.asr: found 5, expected the name of a resource like "speechrecog"',
        'f:10: pools.p.resource_names."": found "" (it is empty), expected the last segment of a path',
        'f:11: pools.p.resource_names.tts: found "" (not a token of at most 64 characters), expected the name of a resource like "speechrecog"',
    ),
    "transports": (
        SIP.replace("bind =", 'transports = ["tls", "tcp", "tcp"]\nbind =', 1),
        'f:6: listeners.l.transports[0]: found "tls", expected "udp" or "tcp"',
        'f:6: listeners.l.transports[2]: found "tcp" again, expected each once',
    ),
    "pool as a number": (
        BASE.replace('pool = "p"', "pool = 1", 1),
        "f:7: listeners.l.pool: found 1, expected the name of a pool",
    ),
    "more than all": (
        BASE + "[tracing]\nsample = 1.5\n",
        "f:9: tracing.sample: found 1.5, expected a number from 0.0 to 1.0",
    ),
    "a share that is none": (
        BASE + "[tracing]\nsample = true\n",
        "f:9: tracing.sample: found true, expected a number from 0.0 to 1.0",
    ),
    "no number at all": (
        BASE + "[tracing]\nsample = nan\n",
        "f:9: tracing.sample: found nan, expected a number from 0.0 to 1.0",
    ),
    "an address for a URL": (
        BASE + '[tracing]\nendpoint = "127.0.0.1:4318"\n',
        'f:9: tracing.endpoint: found "127.0.0.1:4318" (no such URL), expected a URL, like "http://127.0.0.1:4318/v1/traces"',
    ),
    "a URL without a host": (
        BASE + '[tracing]\nendpoint = "http:///v1/traces"\n',
        'f:9: tracing.endpoint: found "http:///v1/traces" (no such URL), expected a URL, like "http://127.0.0.1:4318/v1/traces"',
    ),
    "a URL with port 0": (
        BASE + '[tracing]\nendpoint = "http://h:0/"\n',
        'f:9: tracing.endpoint: found "http://h:0/" (no such URL), expected a URL, like "http://127.0.0.1:4318/v1/traces"',
    ),
    "token file as a number": (
        BASE + "[admin]\ntoken_file = 1\n",
        "f:9: admin.token_file: found 1, expected the path of a file",
    ),
    "token file without a name": (
        BASE + '[admin]\ntoken_file = ""\n',
        'f:9: admin.token_file: found "" (it is empty), expected the path of a file',
    ),
}


@pytest.mark.parametrize(("text", "lines"), [(text, lines) for text, *lines in BAD.values()], ids=BAD)
def test_bad(text: str, lines: list[str]) -> None:
    assert faults_of(text) == lines
