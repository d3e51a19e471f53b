"""Every recording there is, understood as tshark and its own description have it."""

import subprocess
from collections import Counter
from functools import cache

import pytest

from mrcpbalance.traces import End, Protocol, Trace, read
from mrcpwire import Wire
from tests import peers
from tests.pcap import CAPTURES, whole_captures

RECORDINGS = sorted(str(path.relative_to(CAPTURES)) for path in whole_captures())
PORTS = ["tcp.port==1554,rtsp", "tcp.port==8060,sip", "tcp.port==1544,mrcpv2"]
PORTS += [f"udp.port=={port},sip" for port in (8060, 8062, 8064, 8066, 8072)]
A, Z = "127.0.0.1", "127.0.0.2"


@cache
def trace_of(name: str) -> Trace:
    with (CAPTURES / name).open("rb") as file:
        return read(file)


FIELDS = ["tcp.stream", "rtsp.method", "rtsp.request", "rtsp.response", "sip.Method", "sip.Call-ID"]
FIELDS += ["sip.Request-Line", "sip.Status-Line"]
FIELDS += [f"mrcpv2.{kind}-Line" for kind in ("Request", "Response", "Event")]
FIELDS += ["udp.srcport", "udp.length"]
Row = dict[str, list[str]]


@cache
def tshark(name: str) -> list[Row]:
    """Give, packet by packet, every value of each field."""
    command = [peers.need("tshark"), "-r", str(CAPTURES / name), "-T", "fields", "-E", "aggregator=|"]
    command += [part for port in PORTS for part in ("-d", port)]
    command += [part for field in FIELDS for part in ("-e", field)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [
        {field: value.split("|") if value else [] for field, value in zip(FIELDS, row, strict=True)}
        for row in rows
    ]


def count(rows: list[Row], *fields: str) -> int:
    return sum(len(row[field]) for row in rows for field in fields)


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 30


@pytest.mark.parametrize("name", RECORDINGS)
def test_as_many_sessions_as_conversations_and_dialogs(name: str) -> None:
    """For tshark: TCP streams with a SETUP, and Call-IDs with an INVITE."""
    streams = {row["tcp.stream"][0] for row in tshark(name) if "SETUP" in row["rtsp.method"]}
    dialogs = {row["sip.Call-ID"][0] for row in tshark(name) if "INVITE" in row["sip.Method"]}
    kinds = Counter(session.protocol for session in trace_of(name).sessions)
    assert kinds == Counter({Protocol.MRCPV1: len(streams), Protocol.MRCPV2: len(dialogs)})
    ids = {session.id for session in trace_of(name).sessions if session.protocol is Protocol.MRCPV2}
    assert ids == dialogs


@pytest.mark.parametrize("name", RECORDINGS)
def test_as_many_messages(name: str) -> None:
    rows = tshark(name)
    theirs = {
        Wire.RTSP: count(rows, "rtsp.request", "rtsp.response"),
        Wire.SIP: count(rows, "sip.Request-Line", "sip.Status-Line"),
        Wire.MRCPV2: count(rows, *(field for field in FIELDS if field.startswith("mrcpv2"))),
    }
    trace = trace_of(name)
    assert {wire: trace.messages.get(wire, 0) for wire in theirs} == theirs
    assert trace.packets == len(rows)
    media = [row for row in rows if row["udp.srcport"] and 4000 <= int(row["udp.srcport"][0]) <= 6100]
    assert trace.rtp == len(media)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_message_has_its_session(name: str) -> None:
    trace = trace_of(name)
    inside = Counter(message.wire for session in trace.sessions for message in session.messages)
    outside: Counter[Wire] = Counter()
    for what, count in trace.outside.items():
        outside[Wire.RTSP if what.startswith("RTSP") else Wire.SIP] += 2 * count  # each was answered
    strays = sum(finding.code == "unknown-channel" for finding in trace.findings)
    outside[Wire.MRCPV2] += strays
    assert inside + outside == trace.messages


@pytest.mark.parametrize("name", RECORDINGS)
def test_messages_are_in_order_and_answered(name: str) -> None:
    for session in trace_of(name).sessions:
        times = [message.time for message in session.messages]
        assert times == sorted(times)
        for message in session.messages:
            if message.answers is not None:
                assert session.messages.index(message.answers) < session.messages.index(message)


# What went wrong in them, as their description has it; all others are completed and without findings.
OUTCOMES = {
    "mrcpv1-script-vs-unimrcp-synth-plus-recog-one-session.pcap": ["unfinished"],
    "mrcpv1-unimrcp-unmapped-resources.pcap": ["refused: 404 Not Found"] * 2,
    "mrcpv2/mrcpv2-unimrcp-sip-server-silent.pcap": ["failed: no answer"] * 2,
    "unimrcp-server-offline-503.pcap": ["refused: 503 Service Unavailable"] * 2,
    "unimrcp-server-killed-mid-session.pcap": ["cut: the server closed the connection"] * 2,
    "unimrcp-idle-inactivity-timeout.pcap": ["cut: the server closed the connection"] * 2,
    "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap": [
        "cut: the caller closed the connection",
        "completed",
        "completed",
        "cut: the caller closed the connection",
        "cut: the caller closed the connection",
        "completed",
    ],
}
FINDINGS = {
    "mrcpv2/mrcpv2-unimrcp-sip-server-silent.pcap": {"lost-answer": 2, "retransmissions": 1},
    "unimrcp-server-killed-mid-session.pcap": {"cut-request": 2, "retransmissions": 1},
    "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap": {
        "channel-moved": 2,
        "lost-answer": 3,
        "late-bye": 3,
        "after-bye": 1,
        "retransmissions": 1,
        "unknown-channel": 4,
        "mrcpv2.bad-start-line": 1,
    },
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_outcomes_and_findings(name: str) -> None:
    trace = trace_of(name)
    outcomes = [str(session.outcome) for session in trace.sessions]
    assert outcomes == OUTCOMES.get(name, ["completed"] * len(outcomes))
    found = [*trace.findings, *(finding for session in trace.sessions for finding in session.findings)]
    assert Counter(finding.code for finding in found) == FINDINGS.get(name, {})


def test_two_protocols_at_once() -> None:
    sessions = trace_of("mixed-unimrcp-concurrent.pcap").sessions
    assert [(one.protocol.value, one.resources, one.message_count) for one in sessions] == [
        ("mrcpv1", ("speechsynth",), 8),
        ("mrcpv2", ("speechsynth",), 9),
        ("mrcpv2", ("speechrecog",), 12),
        ("mrcpv2", ("speakverify",), 14),
        ("mrcpv2", ("recorder",), 10),
        ("mrcpv1", ("speechrecog",), 12),
    ]
    assert all(one.caller.host == A and one.server.host == Z for one in sessions)
    assert all(one.outcome.end is End.COMPLETED for one in sessions)
    assert [one.causes[-1].cause for one in sessions] == [
        "000 normal",
        "000 normal",
        "000 success",
        "000 success",
        "000 success-silence",
        "000 success",
    ]


def test_one_dialog_two_resources() -> None:
    for transport in ("siptcp-", ""):
        name = f"mrcpv2/mrcpv2-unimrcp-{transport}synth-plus-recog-one-session.pcap"
        [session] = trace_of(name).sessions
        assert session.resources == ("speechsynth", "speechrecog")
        assert session.counts == {"sip": 14, "mrcp": 11}


def test_a_shared_control_connection() -> None:
    sessions = trace_of("mrcpv2/mrcpv2-unimrcp-shared-connection.pcap").sessions
    assert len({one.connections[0].number for one in sessions}) == 1
    assert [one.counts["mrcp"] for one in sessions] == [3] * 4


def test_a_redirected_call() -> None:
    [session] = trace_of("mrcpv2/mrcpv2-unimrcp-sip-302-redirect.pcap").sessions
    assert session.server.host == Z
    assert {message.target.host for message in session.messages if message.to_server} == {Z, "127.0.0.5"}


def test_refreshes_belong_to_their_session() -> None:
    [session] = trace_of("mrcpv2/mrcpv2-unimrcp-session-timer-refresh.pcap").sessions
    assert session.methods["INVITE"] == 3
    assert session.duration > 130 * 10**9
