"""`mrcpbalance replay TRACE`."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mrcpbalance.cli import main

CAPTURES = Path(__file__).parents[1] / "captures"
MIXED = CAPTURES / "mixed-unimrcp-concurrent.pcap"
SYNTH = CAPTURES / "mrcpv1-unimrcp-synth.pcap"
DISCOVERY = CAPTURES / "unimrcp-resource-discovery.pcap"  # no session; DESCRIBE and OPTIONS
RUN = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "replay"]
TO = ("--to", "127.0.0.1:9")


def replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [*RUN, str(MIXED), "--as", "server", "--listen", "127.0.0.1:0", "--pace", "fast"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def address(process: subprocess.Popen[str], protocol: str) -> str:
    assert process.stdout is not None
    name, _, where = process.stdout.readline().strip().partition(" on ")
    assert name == protocol
    return where


@pytest.mark.parametrize("form", ["text", "json"])
def test_both_ends_of_a_capture(server: subprocess.Popen[str], form: str) -> None:
    assert server.stdout is not None
    assert server.stdout.readline() == "6 sessions\n"
    places = ["--to", f"rtsp://{address(server, 'mrcpv1')}", "--to", f"sip://{address(server, 'mrcpv2')}"]
    flags = ["--json"] if form == "json" else []
    done = subprocess.run(
        [*RUN, str(MIXED), *places, "--pace", "fast", *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    if form == "json":
        found = json.loads(done.stdout)
        assert (found["equal"], found["different"], found["not_played"]) == (6, 0, [])
        assert [one["differences"] for one in found["sessions"]] == [[]] * 6
        assert done.stderr == "6 sessions\n"
    else:
        assert done.stdout == "6 sessions\n6 equal, 0 different; 32 messages compared\n"
        assert done.stderr == ""
    rest, errors = server.communicate(timeout=60)
    assert rest == "6 equal, 0 different; 29 messages compared\n"
    assert (server.returncode, errors) == (0, "")


def test_an_interrupted_server_says_so(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    server.stdout.readline()
    address(server, "mrcpv1")
    address(server, "mrcpv2")
    server.send_signal(signal.SIGINT)
    rest, errors = server.communicate(timeout=60)
    assert errors == "interrupted; this is how far it came\n"
    assert rest == "0 equal, 0 different; 0 messages compared\n"
    assert server.returncode == 1


def test_a_server_that_is_not_there() -> None:
    result = replay(SYNTH, "--to", "127.0.0.1:9", "--pace", "fast")
    assert result.exit_code == 1
    assert result.stdout == (
        "1 sessions\n"
        "session 1: MRCPv1 speechsynth 168585fb303f49da\n"
        "  stopped: can't connect to 127.0.0.1:9: Connection refused; 9 further steps not played\n"
        "0 equal, 1 different; 0 messages compared\n"
    )


def test_only_some() -> None:
    result = replay(MIXED, *TO, "--pace", "fast", "--only", "6", "--json")
    assert [one["session"] for one in json.loads(result.stdout)["sessions"]] == [6]
    assert result.stderr == "1 sessions (of 6)\n"
    result = replay(MIXED, "--to", "rtsp://127.0.0.1:9", "--pace", "fast", "--only", "1", "--method", "SPEAK")
    assert result.stdout.startswith("1 sessions (of 6)\nsession 1: MRCPv1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([MIXED, *TO, "--only", "nobody"], "nothing to play, 6 sessions in it"),
        ([CAPTURES / "README.md", *TO], "not a capture"),
        ([CAPTURES / "missing.pcap", *TO], "can't be read (No such file or directory)"),
    ],
)
def test_nothing_to_play(arguments: list[str | Path], message: str) -> None:
    result = replay(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_a_capture_without_a_session(tmp_path: Path) -> None:
    file = tmp_path / "empty.pcap"
    file.write_bytes(SYNTH.read_bytes()[:24])
    result = replay(file, *TO)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing to play, it holds no session" in result.stderr


ASIDES = [f"DESCRIBE {one}" for one in ("speechsynth", "speechrecog", "recorder", "speakverify")] + [
    "OPTIONS"
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_requests_outside_sessions(form: str) -> None:
    flags = ["--json"] if form == "json" else []
    begun, result = _against_its_server(DISCOVERY, *flags)
    assert begun == ["0 sessions", "5 requests outside sessions"]
    assert result.returncode == 0
    if form == "json":
        found = json.loads(result.stdout)
        assert (found["equal"], found["different"], found["compared"], found["sessions"]) == (0, 0, 5, [])
        assert [(one["id"], one["equal"]) for one in found["outside_sessions"]] == [
            (one, True) for one in ASIDES
        ]
        assert result.stderr.splitlines() == begun
    else:
        assert result.stdout.splitlines() == [*begun, *ASIDES_EQUAL]


ASIDES_EQUAL = [
    "requests outside sessions: 5 equal, 0 different",
    "0 equal, 0 different; 5 messages compared",
]


def test_requests_outside_sessions_are_left_out_where_sessions_are_chosen() -> None:
    assert "nothing to play" in replay(DISCOVERY, *TO, "--failed").stderr
    assert "nothing to play" in replay(DISCOVERY, *TO, "--server", "192.0.2.1").stderr


def test_requests_outside_sessions_that_nobody_answers() -> None:
    result = replay(DISCOVERY, *TO, "--pace", "fast", "--timeout", "100ms", "--server", "127.0.0.2:1554")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["0 sessions", "4 requests outside sessions"]
    assert lines[2].startswith("outside sessions: DESCRIBE speechsynth of 127.0.0.1:")
    assert lines[3].startswith("  stopped: can't connect to 127.0.0.1:9: Connection refused")
    assert lines[-2] == "requests outside sessions: 0 equal, 4 different"


def _against_its_server(file: Path, *flags: str) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """Play callers against the captured server; both must find all equal. Gives what the server says at first, too."""
    command = [*RUN, str(file), "--as", "server", "--listen", "127.0.0.1:0", "--pace", "fast"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            begun = [process.stdout.readline().strip() for _ in range(2)]
            places = [
                "--to",
                f"rtsp://{address(process, 'mrcpv1')}",
                "--to",
                f"sip://{address(process, 'mrcpv2')}",
            ]
            callers = [*RUN, str(file), *places, "--pace", "fast", *flags]
            done = subprocess.run(callers, capture_output=True, text=True, check=False, timeout=60)
            rest, _ = process.communicate(timeout=60)
            assert (process.returncode, rest.splitlines()) == (0, ASIDES_EQUAL)
        finally:
            process.kill()
    return begun, done


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --to HOST:PORT to play its callers, or --as server --listen HOST:PORT"),
        ([*TO, "--listen", "127.0.0.1:0"], "give --to HOST:PORT"),
        ([*TO, "--as", "server"], "give --to HOST:PORT"),
        (["--to", "127.0.0.1"], "--to 127.0.0.1: "),
        (["--to", "127.0.0.1:0"], "--to 127.0.0.1:0: no port"),
        (["--to", "ftp://127.0.0.1:9"], "unknown protocol ftp, expected HOST:PORT"),
        (["--to", "rtsp://127.0.0.1:9"], "the capture has SIP sessions: say --to sip://HOST:PORT too"),
        (["--as", "server", "--listen", "0.0.0.0:0"], "not a wildcard"),
        (["--as", "server", "--listen", "127.0.0.1:9000"], "each needs a port of its own"),
        ([*TO, "--pace", "slow"], "expected captured, fast, or how many times as fast"),
        ([*TO, "--timeout", "10"], "expected one like 250ms"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = replay(MIXED, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("\n", " ").split())


def test_a_port_that_is_taken(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    server.stdout.readline()
    taken = address(server, "mrcpv1")
    result = replay(SYNTH, "--as", "server", "--listen", taken)
    assert result.exit_code == 1
    assert result.stderr == "can't play: Address already in use\n"
