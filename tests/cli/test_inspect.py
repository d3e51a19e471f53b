"""`mrcpbalance inspect TRACE`."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from mrcpbalance.cli import main
from mrcpbalance.cli._inspect_choice import is_cause
from tests.traces import packets

CAPTURES = Path(__file__).parents[1] / "captures"
MIXED = CAPTURES / "mixed-unimrcp-concurrent.pcap"
EDGES = CAPTURES / "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap"
OFFLINE = CAPTURES / "unimrcp-server-offline-503.pcap"
RTP = packets.udp(("192.0.2.1", 1), ("192.0.2.2", 2), b"\x80" + bytes(171))
RUN = [sys.executable, "-c", "from mrcpbalance.cli import main; main()", "inspect"]


def inspect(*arguments: str | Path, data: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)], input=data, catch_exceptions=False)


TABLE = """\
6 sessions
131 packets in 2.55 s from 2026-11-20 06:58:38 UTC
messages: 24 SIP, 20 RTSP, 21 MRCPv2

#  start  protocol  caller           server          resources     set-up  duration  messages  outcome    causes           id
1  0.000  MRCPv1    127.0.0.1:40624  127.0.0.2:1554  speechsynth  8.05 ms    2.27 s         8  completed  normal           f8d5bf3bc442492b
2  0.001  MRCPv2    127.0.0.1:8062   127.0.0.2:8060  speechsynth  7.58 ms    2.22 s         9  completed  normal           a753b8ac-5f52-1240-a386-de4ddedeb8c5
3  0.001  MRCPv2    127.0.0.1:8062   127.0.0.2:8060  speechrecog  7.95 ms    1.36 s        12  completed  success          a753c59e-5f52-1240-a386-de4ddedeb8c5
4  0.001  MRCPv2    127.0.0.1:8062   127.0.0.2:8060  speakverify  8.69 ms    1.40 s        14  completed  success          a753ca41-5f52-1240-a386-de4ddedeb8c5
5  0.001  MRCPv2    127.0.0.1:8062   127.0.0.2:8060  recorder     8.28 ms    2.55 s        10  completed  success-silence  a753ce87-5f52-1240-a386-de4ddedeb8c5
6  0.001  MRCPv1    127.0.0.1:40640  127.0.0.2:1554  speechrecog  7.99 ms    1.37 s        12  completed  success          63a43856775f426a
"""


def test_table() -> None:
    result = inspect(MIXED)
    assert result.stdout == TABLE
    assert (result.stderr, result.exit_code) == ("", 0)


def test_standard_input() -> None:
    result = inspect("-", data=MIXED.read_bytes())
    assert result.stdout == TABLE


def test_findings() -> None:
    lines = inspect(EDGES).stdout.splitlines()
    assert lines[0] == "6 sessions"
    place = lines.index("findings:")
    assert lines[place + 1] == (
        "  15.574 s, packet 97: 127.0.0.1:46868 to 127.0.0.2:1544: what was sent can't be read: HELLO\\x0d\\x0a\\x0d\\x0a"
        " (mrcpv2.bad-start-line, M-02)"
    )
    assert "  session 1, 0.032 s, packet 29: SET-PARAMS 3 has no answer (lost-answer, M-30)" in lines


def test_failed_set_ups_count_with_their_outcome() -> None:
    lines = inspect(OFFLINE).stdout.splitlines()
    assert lines[0] == "2 sessions"
    assert [line for line in lines if "refused: 503 Service Unavailable" in line] == lines[-2:]


def test_what_is_no_session_is_told() -> None:
    lines = inspect(CAPTURES / "unimrcp-resource-discovery.pcap").stdout.splitlines()
    assert lines[0] == "0 sessions"
    assert lines[-1] == "in no session: 4 RTSP DESCRIBE, 1 SIP OPTIONS"
    lines = inspect(CAPTURES / "mrcpv1-unimrcp-synth-with-rtp.pcap").stdout.splitlines()
    assert "passed over: 110 RTP packets" in lines


FILTERS = {
    "method": (["--method", "recognize"], MIXED, [3, 6]),
    "event": (["--method", "RECORD-COMPLETE"], MIXED, [5]),
    "cause by name": (["--cause", "Normal"], MIXED, [1, 2]),
    "cause by number": (["--cause", "0"], MIXED, [1, 2, 3, 4, 5, 6]),
    "no such cause": (["--cause", "no-match"], MIXED, []),
    "duration": (["--longer-than", "2s"], MIXED, [1, 2, 5]),
    "failed": (["--failed"], EDGES, [1, 4, 5]),
    "both": (["--longer-than", "2250ms", "--method", "SPEAK"], MIXED, [1]),
    "session by number": (["--session", "4"], MIXED, [4]),
    "session by id": (["--session", "63a43856775f426a"], MIXED, [6]),
    "session by the beginning of its id": (["--session", "a753ca"], MIXED, [4]),
    "session by its channel": (["--session", "275bd807f9ea4a04@speechsynth"], EDGES, [1]),
    "two sessions": (["--session", "1", "--session", "call53709-2"], EDGES, [1, 2]),
}


@pytest.mark.parametrize(("arguments", "file", "numbers"), FILTERS.values(), ids=FILTERS)
def test_filters(arguments: list[str], file: Path, numbers: list[int]) -> None:
    result = inspect(file, "--json", *arguments)
    assert [session["number"] for session in json.loads(result.stdout)["sessions"]] == numbers
    first = inspect(file, *arguments).stdout.splitlines()[0]
    assert first == (f"{len(numbers)} sessions" + (" (of 6)" if len(numbers) < 6 else ""))


CAUSES = {
    ("001 no-match", "no-match"): True,
    ("001 no-match", "1"): True,
    ("001 no-match", "001"): True,
    ("001 no-match", "001 NO-MATCH"): True,
    ("001 no-match", "match"): False,
    ("010 x", "1"): False,
    ("odd", "odd"): True,
    ("odd", "1"): False,
}


@pytest.mark.parametrize(("pair", "same"), CAUSES.items())
def test_causes(pair: tuple[str, str], same: bool) -> None:
    assert is_cause(*pair) is same


def test_ladder() -> None:
    result = inspect(MIXED, "--session", "3")
    lines = result.stdout.splitlines()
    assert lines[:3] == ["1 sessions (of 6)", "", "MRCPv2 session a753c59e-5f52-1240-a386-de4ddedeb8c5"]
    assert lines[-2].endswith("│◀─────────────────────────── 200 OK ─┤  to BYE")


def test_no_such_session() -> None:
    result = inspect(MIXED, "--session", "nobody")
    assert (result.stdout, result.exit_code) == ("", 1)
    assert result.stderr == f"{MIXED}: no session nobody among 6\n"


def test_svg(tmp_path: Path) -> None:
    file = tmp_path / "ladder.svg"
    result = inspect(MIXED, "--session", "3", "--svg", file)
    assert result.stdout == f"1 sessions (of 6)\nwritten to {file}\n"
    assert "RECOGNIZE 2" in "".join(ET.fromstring(file.read_text()).itertext())
    inspect(MIXED, "--svg", file)
    assert file.read_text().count('class="title"') == 6


def test_html(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = inspect(EDGES, "--html", file, "--failed")
    assert result.stdout == f"3 sessions (of 6)\nwritten to {file}\n"
    assert file.read_text().count("<svg") == 3


def test_json_is_complete() -> None:
    document = json.loads(inspect(MIXED, "--json").stdout)
    assert document["capture"] == {
        "name": MIXED.name,
        "packets": 131,
        "start_ns": 1795157918457157000,
        "end_ns": 1795157921005589000,
        "tcp_connections": 6,
        "messages": {"rtsp": 20, "sip": 24, "mrcpv2": 21},
        "outside_sessions": {},
        "rtp_packets": 0,
        "encrypted_connections": 0,
        "sessions": 6,
        "findings": [],
    }
    session = document["sessions"][2]
    messages = session.pop("messages")
    assert session == {
        "number": 3,
        "protocol": "mrcpv2",
        "id": "a753c59e-5f52-1240-a386-de4ddedeb8c5",
        "keys": ["a753c59e-5f52-1240-a386-de4ddedeb8c5", "9cea7fb679064b77@speechrecog"],
        "caller": "127.0.0.1:8062",
        "server": "127.0.0.2:8060",
        "resources": ["speechrecog"],
        "outcome": {"end": "completed", "detail": "", "status": None, "by": None},
        "start_ns": 1795157918458061000,
        "set_up_ns": 7948000,
        "duration_ns": 1357851000,
        "message_counts": {"sip": 6, "mrcp": 6},
        "methods": {
            "INVITE": 1,
            "ACK": 1,
            "DEFINE-GRAMMAR": 1,
            "RECOGNIZE": 1,
            "START-OF-INPUT": 1,
            "RECOGNITION-COMPLETE": 1,
            "BYE": 1,
        },
        "causes": [
            {"told_by": "DEFINE-GRAMMAR", "cause": "000 success"},
            {"told_by": "RECOGNITION-COMPLETE", "cause": "000 success"},
        ],
        "findings": [],
        "connections": [
            {
                "number": 4,
                "client": "127.0.0.1:53100",
                "server": "127.0.0.2:1544",
                "opened_ns": 1795157918466325000,
                "accepted": True,
                "endings": [
                    {"by": "caller", "reset": False, "time_ns": 1795157919815667000},
                    {"by": "server", "reset": False, "time_ns": 1795157919815714000},
                ],
                "octets_not_captured": 0,
                "segments_sent_again": 0,
            }
        ],
    }
    assert len(messages) == 12
    event = messages[9]
    text = event.pop("text")
    assert event == {
        "time_ns": event["time_ns"],
        "packet": event["packet"],
        "wire": "mrcpv2",
        "transport": "tcp",
        "connection": 4,
        "from": "127.0.0.2:1544",
        "to": "127.0.0.1:53100",
        "to_server": False,
        "sent_again": False,
        "answers": 6,
        "label": "RECOGNITION-COMPLETE 2 COMPLETE",
        "note": "the result; 000 success; application/x-nlsml, 208 octets",
        "mrcp": {
            "kind": "event",
            "name": "RECOGNITION-COMPLETE",
            "request_id": 2,
            "status": None,
            "state": "COMPLETE",
            "cause": "000 success",
        },
    }
    assert text.startswith("MRCP/2.0 393 RECOGNITION-COMPLETE 2 COMPLETE\r\n")
    assert "<interpretation" in text


def test_json_of_findings() -> None:
    document = json.loads(inspect(EDGES, "--json").stdout)
    assert document["capture"]["findings"][0]["rule"] == "M-02"
    assert document["sessions"][0]["findings"][0] == {
        "code": "channel-moved",
        "rule": "M-24",
        "text": "its channels were used on 2 connections",
        "time_ns": None,
        "packet": None,
    }


UNREADABLE = {
    "text": (
        b"root:x:0:0:root",
        "not a capture (it begins with 72 6f 6f 74), expected a pcap or pcapng file",
    ),
    "empty": (b"", "not a capture (it is empty), expected a pcap or pcapng file"),
}


@pytest.mark.parametrize(("content", "what"), UNREADABLE.values(), ids=UNREADABLE)
def test_not_a_capture(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(content)
    result = inspect(file)
    assert (result.stdout, result.stderr, result.exit_code) == ("", f"{file}: {what}\n", 1)


def test_unreadable(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        result = inspect(path)
        assert (result.stdout, result.stderr) == ("", f"{path}: can't be read ({why})\n")
        assert result.exit_code == 1


@pytest.mark.parametrize("option", ["--svg", "--html"])
def test_unwritable(tmp_path: Path, option: str) -> None:
    result = inspect(MIXED, option, tmp_path / "none/x")
    assert result.stderr == f"{tmp_path}/none/x: can't be written (No such file or directory)\n"
    assert result.exit_code == 1


def test_a_damaged_capture_gives_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(MIXED.read_bytes()[:20_000])
    result = inspect(file)
    assert (result.stdout.splitlines()[0], result.exit_code) == ("6 sessions", 0)
    assert "the file ends within packet" in result.stdout


def test_an_empty_capture(tmp_path: Path) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(packets.pcap([]))
    assert inspect(file).stdout == "0 sessions\n0 packets\n"


USAGE = {
    "no file": [],
    "two files": [MIXED, MIXED],
    "unknown option": [MIXED, "--all"],
    "no duration": [MIXED, "--longer-than", "soon"],
    "two outputs": [MIXED, "--json", "--svg", "x.svg"],
    "two files to write": [MIXED, "--html", "x.html", "--svg", "x.svg"],
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage(arguments: list[str | Path]) -> None:
    result = inspect(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")


def test_a_capture_without_personal_data(tmp_path: Path) -> None:
    file = tmp_path / "case.pcapng"
    result = inspect(MIXED, "--session", "3", "--anonymize", file)
    assert (result.stdout, result.exit_code) == (f"1 sessions (of 6)\nwritten to {file}\n", 0)
    again = inspect(file).stdout
    assert again.startswith("1 sessions\n")
    assert "192.0.2.2:8062" in again
    assert "127.0.0." not in again


def test_one_kind_of_output_at_a_time(tmp_path: Path) -> None:
    result = inspect(MIXED, "--json", "--anonymize", tmp_path / "x")
    assert result.exit_code == 2
    assert "--svg, --html, --anonymize and --json exclude each other" in result.stderr


@pytest.mark.parametrize(
    ("server", "count"), [("127.0.0.2", 6), ("127.0.0.2:1554", 2), ("127.0.0.2:8060", 4), ("127.0.0.1", 0)]
)
def test_only_one_server(server: str, count: int) -> None:
    assert inspect(MIXED, "--server", server, "--json").exit_code == 0
    assert inspect(MIXED, "--server", server).stdout.startswith(f"{count} sessions")
