"""Files and texts as a whole."""

import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import ConfigError, Fault, load, parse
from tests.config.documents import BASE, faults_of
from tests.strategies import toml_texts

BAD: Final[dict[str, tuple[str, ...]]] = {
    "empty": (
        "",
        "f:1: -: nothing is configured, expected at least one pool and one listener",
    ),
    "only comments": (
        "# nothing\n\n# here\n",
        "f:1: -: nothing is configured, expected at least one pool and one listener",
    ),
    "no value": (
        "[pools]\nx =\n",
        "f:2: -: not TOML (invalid value, at column 4), expected TOML 1.0",
    ),
    "no equals sign": (
        "pools\n",
        "f:1: -: not TOML (expected '=' after a key in a key/value pair, at column 6), expected TOML 1.0",
    ),
    "text without an end": (
        '[pools.p]\npolicy = "first\n',
        "f:2: -: not TOML (illegal character '\\n', at column 16), expected TOML 1.0",
    ),
    "multi-line text without an end": (
        '[pools.p]\npolicy = """first\n\n',
        "f:2: -: not TOML (unterminated string, at the end), expected TOML 1.0",
    ),
    "key twice": (
        BASE + 'pool = "q"\n',
        "f:8: -: not TOML (cannot overwrite a value, at column 11), expected TOML 1.0",
    ),
    "table twice": (
        BASE + "[listeners.l]\n",
        "f:8: -: not TOML (cannot declare listeners.l twice, at column 13), expected TOML 1.0",
    ),
    "bare carriage return": (
        "a = 1\rb = 2\n",
        "f:1: -: not TOML (expected newline or end of document after a statement, at column 6), expected TOML 1.0",
    ),
    "no such date": (
        "a = 1\n\nb = 2024-02-30\n",
        "f:3: -: not TOML (invalid date or datetime, at column 5), expected TOML 1.0",
    ),
    "number of 5000 digits": (
        "a = 1\nb = " + "1" * 5_000,
        "f:2: -: not TOML (a number of too many digits), expected TOML 1.0",
    ),
    "arrays in arrays": (
        "a = " + "[" * 5_000,
        "f:1: -: tables or arrays nested too deeply, expected a few levels",
    ),
    "keys in keys": (
        "a" + ".a" * 200 + " = 1",
        "f:1: -: tables or arrays nested too deeply, expected a few levels",
    ),
    "no pool": (
        """\
[listeners.l]
protocol = "rtsp"
bind = "127.0.0.1:1554"
pool = "p"
""",
        "f:1: pools: missing, expected at least one table [pools.POOL]",
    ),
    "no listener": (
        '[pools.p.backends.b]\nrtsp = "192.0.2.1:1554"\n',
        "f:1: listeners: missing, expected at least one table [listeners.LISTENER]",
    ),
    "empty tables of tables": (
        """\
[pools]

[listeners]

[stick_tables]
""",
        "f:1: pools: found an empty table, expected at least one table [pools.POOL]",
        "f:3: listeners: found an empty table, expected at least one table [listeners.LISTENER]",
        "f:5: stick_tables: found an empty table, expected at least one table [stick_tables.TABLE]",
    ),
    "numbers for tables": (
        "pools = 3\nlisteners = [1]\n",
        "f:1: pools: found 3, expected at least one table [pools.POOL]",
        "f:2: listeners: found an array, expected at least one table [listeners.LISTENER]",
    ),
    "arrays of tables": (
        """\
[[pools]]
name = "p"
[[listeners]]
name = "l"
""",
        "f:1: pools: found an array, expected at least one table [pools.POOL]",
        "f:3: listeners: found an array, expected at least one table [listeners.LISTENER]",
    ),
    "a fault hides no other": (
        """\
[pools.speech]
policy = "fastest"
[pools.speech.backends.b]
rtsp = "127.0.0.1:1554"
weight = "1"
[pools.speech.backends."c/d"]
rtps = "192.0.2.2:1554"
[listeners.v1]
protocol = "rtsp"
bind = "127.0.0.1:1554"
pool = "speach"
framing = "strict"
[listeners.v2]
protocol = "sip"
bind = "127.0.0.1:1554"
pool = "speech"
[timeouts]
idle = 5
idel = "5s"
""",
        'f:2: pools.speech.policy: found "fastest", expected "least-sessions", "round-robin", "random-two", "source-hash" or "first"',
        'f:4: pools.speech.backends.b.rtsp: "127.0.0.1:1554" is the proxy itself (listeners.v1.bind), expected the address of a speech server',
        'f:4: pools.speech.backends.b.rtsp: "127.0.0.1:1554" is the proxy itself (listeners.v2.bind), expected the address of a speech server',
        'f:5: pools.speech.backends.b.weight: found "1", expected a whole number from 1 to 256',
        'f:6: pools.speech.backends."c/d": the name has a "/", expected a name without "/" and control characters',
        'f:7: pools.speech.backends."c/d".rtps: unknown key, did you mean "rtsp"?',
        'f:11: listeners.v1.pool: no pool "speach", did you mean "speech"?',
        'f:12: listeners.v1.framing: doesn\'t fit here, expected only beside protocol "sip", "mrcp" or "auto"',
        'f:15: listeners.v2.bind: "127.0.0.1:1554" is taken by listeners.v1.bind, expected an address of its own',
        'f:18: timeouts.idle: found 5, expected a duration from 1ms to 366d, like "250ms", "2s" or "1h30m"',
        'f:19: timeouts.idel: unknown key, did you mean "idle"?',
    ),
    "one fault brings no other": (
        """\
[pools.a.backends.b]
rtsp = "192.0.2.1:99999"
[pools.c.backends.d]
spi = "192.0.2.1:5060"
[listeners.v1]
protocol = "rtsp"
bind = "127.0.0.1"
pool = "a"
[listeners.v2]
protocol = "spi"
bind = "127.0.0.1:5060"
pool = "c"
transports = ["udp"]
[listeners.v3]
protocol = "tcp"
bind = "127.0.0.1:5062"
pool = "c"
stick_table = 5
""",
        'f:2: pools.a.backends.b.rtsp: found "192.0.2.1:99999" (port 99999 is not from 1 to 65535), expected "HOST:PORT", IPv6 in brackets',
        'f:4: pools.c.backends.d.spi: unknown key, did you mean "sip"?',
        'f:7: listeners.v1.bind: found "127.0.0.1" (no port), expected "HOST:PORT" or "HOST:FIRST-LAST" with at most 1000 ports, IPv6 in brackets',
        'f:10: listeners.v2.protocol: found "spi", did you mean "sip"?',
        "f:18: listeners.v3.stick_table: found 5, expected the name of a stick table",
    ),
    "keys in many notations": (
        '"pools".\'p\'."backends".b.rtsp = 1\nlisteners.l = { protocol = "rtsp", bind = "127.0.0.1:1", pool = [\n    "p",\n] }\n[timeouts]\nidle = """\n15h"""\ndrain = \'\'\'30\'\'\' # seconds\n',
        'f:1: pools.p.backends.b.rtsp: found 1, expected "HOST:PORT", IPv6 in brackets',
        "f:2: listeners.l.pool: found an array, expected the name of a pool",
        'f:8: timeouts.drain: found "30" (not a duration), expected a duration from 0s to 366d, like "250ms", "2s" or "1h30m"',
    ),
}


@pytest.mark.parametrize(("text", "lines"), [(text, lines) for text, *lines in BAD.values()], ids=BAD)
def test_bad(text: str, lines: list[str]) -> None:
    assert faults_of(text) == lines


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text(BASE)
    assert load(file) == load(str(file)) == parse(BASE, "f")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load(file) == parse(BASE, "f")


UNREADABLE = {
    "not UTF-8": (b"# caf\xe9\n", "1: -: octet 0xe9 is not UTF-8, expected TOML in UTF-8"),
    "not UTF-8 later": (b"a = 1\n\n# \xff", "3: -: octet 0xff is not UTF-8, expected TOML in UTF-8"),
    "UTF-16": ("a = 1".encode("utf-16"), "1: -: octet 0xff is not UTF-8, expected TOML in UTF-8"),
    "NUL": (b"\0", "1: -: not TOML (invalid statement, at column 1), expected TOML 1.0"),
    "too large": (b"#" * (4 * 1024**2 + 1), "1: -: the file is too large, expected at most 4194304 octets"),
}


@pytest.mark.parametrize(("octets", "fault"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(octets: bytes, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_bytes(octets)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value) == f"{file}:{fault}"


def test_no_file(tmp_path: Path) -> None:
    for path, reason in (
        (f"{tmp_path}/none", "No such file or directory"),
        (f"{tmp_path}", "Is a directory"),
        ("a\0b", "embedded null byte"),
    ):
        with pytest.raises(ConfigError) as raised:
            load(path)
        assert str(raised.value) == f"{path}:1: -: can't be read ({reason}), expected a file that can"


def test_faults_are_data() -> None:
    with pytest.raises(ConfigError) as raised:
        parse(BASE.replace('"p"', '"q"'), "proxy.toml")
    (fault,) = raised.value.faults
    assert fault == Fault("proxy.toml", 7, "listeners.l.pool", 'no pool "q"', 'expected "p"')


def orderly(text: str) -> None:
    """Check that a text is a configuration, or has faults that are told in the order of their lines."""
    try:
        parse(text, "f")
    except ConfigError as error:
        faults = error.faults
    else:
        return
    lines = [fault.line or 0 for fault in faults]
    assert lines == sorted(lines)
    assert 1 <= lines[0] <= lines[-1] <= text.count("\n") + 1
    assert all(len(str(fault).splitlines()) == 1 for fault in faults)


@given(st.text())
def test_any_text(text: str) -> None:
    orderly(text)


@given(toml_texts())
def test_any_toml(text: str) -> None:
    orderly(text)


FULL: Final = (Path(__file__).parents[2] / "examples/full.toml").read_text()


@given(st.integers(0, len(FULL)), st.integers(0, 60), st.text(' \n"[]{}=.,#/0159-:asm', max_size=6))
def test_any_spoiled_file(start: int, length: int, instead: str) -> None:
    orderly(FULL[:start] + instead + FULL[start + length :])


VALUES = st.sampled_from(
    (
        "1",
        "-1",
        "0",
        "1.0",
        "nan",
        "true",
        '""',
        '"a"',
        '"1s"',
        '"a:1"',
        '"unix:/"',
        "[]",
        "[1]",
        '["a"]',
        "{}",
        "{ a = 1 }",
    )
)
KEYS = sorted({line.split("=")[0].strip() for line in FULL.splitlines() if "=" in line.split("#")[0]})


@given(st.lists(st.tuples(st.sampled_from(FULL.splitlines()), st.sampled_from(KEYS), VALUES), max_size=12))
def test_any_values(lines: list[tuple[str, str, str]]) -> None:
    orderly("\n".join(f"{line}\n{key} = {value}" for line, key, value in lines))


@given(st.binary())
def test_any_octets(octets: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(octets)
        file.flush()
        with pytest.raises(ConfigError):
            load(file.name)
