"""What the log tells of a session's messages, and what it keeps to itself."""

import json
import os

import pytest

from mrcpbalance.config import Address, LogConfig
from mrcpbalance.observe import Log, session_end, transcript_of, writer
from mrcpbalance.sessions import Direction, End, Hop, Phase, Register, Session, Who
from mrcpbalance.traces.writing import masked

WAY = Hop(Address("192.0.2.1", 5060), Address("192.0.2.9", 5062))
HEAD = b"ANNOUNCE rtsp://192.0.2.1/media/asr RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/mrcp\r\n\r\n"
ANNOUNCE = HEAD + b"RECOGNIZE 1 MRCP/1.0\r\nContent-Type: text/uri-list\r\n\r\nsession:secret"
INVITE = b"INVITE sip:+4930123456@192.0.2.1 SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
C, B, BB, CC = Direction.FROM_CLIENT, Direction.TO_BACKEND, Direction.FROM_BACKEND, Direction.TO_CLIENT


def observed(config: LogConfig, protocol: str = "mrcpv1") -> Session:
    register = Register(9, lambda: "s-1", lambda *_: None)
    register.choosers = (writer(config, masked),)
    session = register.open(protocol, "192.0.2.9", "speech", 10.0)
    assert session is not None
    return session


def say(
    session: Session, direction: Direction, data: bytes, protocol: str = "rtsp", now: float = 10.5
) -> None:
    session.hear(direction, protocol, data, WAY, now)


def entries(session: Session) -> list[dict[str, object]]:
    return transcript_of(session)["transcript"].items  # type: ignore[attr-defined, no-any-return]


def test_a_message_that_is_passed_on_is_told_once() -> None:
    session = observed(LogConfig(transcript="start-lines"))
    say(session, C, ANNOUNCE)
    say(session, B, ANNOUNCE, now=10.6)
    say(session, BB, b"RTSP/1.0 200 OK\r\n\r\n", now=11.0)
    say(session, CC, b"RTSP/1.0 200 OK\r\n\r\n", now=11.0)
    line = "ANNOUNCE rtsp://192.0.2.1/media/asr RTSP/1.0"
    assert entries(session) == [
        {"at_s": 0.5, "direction": "from-client", "line": line, "mrcp": "RECOGNIZE 1 MRCP/1.0"},
        {"at_s": 1.0, "direction": "from-backend", "line": "RTSP/1.0 200 OK"},
    ]


def test_what_differs_on_its_way_is_told_twice() -> None:
    session = observed(LogConfig(transcript="start-lines"))
    say(session, C, ANNOUNCE)
    say(session, B, ANNOUNCE.replace(b"192.0.2.1", b"192.0.2.11"))
    say(session, CC, b"RTSP/1.0 502 Bad Gateway\r\n\r\n")
    assert [entry["direction"] for entry in entries(session)] == ["from-client", "to-backend", "to-client"]


def test_bodies_are_told_masked() -> None:
    session = observed(LogConfig(transcript="bodies"))
    say(session, C, ANNOUNCE)
    say(session, CC, INVITE, "sip")
    one, other = entries(session)
    assert one["body"] == "RECOGNIZE 1 MRCP/1.0\r\nContent-Type: text/uri-list\r\n\r\nxxxxxxxxxxxxxx"
    assert other["body"] == "v=0\r\n"


def test_personal_data_is_told_where_that_is_wanted() -> None:
    session = observed(LogConfig(transcript="bodies", transcript_redact=False))
    say(session, C, ANNOUNCE)
    say(session, C, INVITE, "sip")
    one, other = entries(session)
    assert str(one["body"]).endswith("session:secret")
    assert other["line"] == "INVITE sip:+4930123456@192.0.2.1 SIP/2.0"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("INVITE sip:+4930123456@192.0.2.1 SIP/2.0", "INVITE sip:***@192.0.2.1 SIP/2.0"),
        ("INVITE SIPS:anna:pw@192.0.2.1 SIP/2.0", "INVITE SIPS:***@192.0.2.1 SIP/2.0"),
        ("INVITE tel:+4930123456 SIP/2.0", "INVITE tel:*** SIP/2.0"),
        ("SETUP rtsp://anna:pw@192.0.2.1/asr RTSP/1.0", "SETUP rtsp://***@192.0.2.1/asr RTSP/1.0"),
        ("SETUP rtsp://192.0.2.1/a@b RTSP/1.0", "SETUP rtsp://***@b RTSP/1.0"),  # rather too much
        ("BYE sip:192.0.2.1 SIP/2.0", "BYE sip:192.0.2.1 SIP/2.0"),
    ],
)
def test_users_in_uris_are_masked(line: str, shown: str) -> None:
    session = observed(LogConfig(transcript="start-lines"))
    say(session, C, line.encode() + b"\r\n\r\n", "sip")
    assert entries(session)[0]["line"] == shown


def test_entries_are_bounded() -> None:
    session = observed(LogConfig(transcript="start-lines", transcript_entries=2))
    for number in range(5):
        say(session, C, b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number)
    assert (len(entries(session)), transcript_of(session)["transcript_left_out"]) == (2, 3)


def test_nothing_is_written_of_what_passes_through_or_is_not_observed() -> None:
    assert transcript_of(observed(LogConfig(transcript="bodies"), "tcp")) == {}
    session = Register(9, lambda: "s-1", lambda *_: None).open("mrcpv1", "192.0.2.9", "speech", 10.0)
    assert session is not None
    assert transcript_of(session) == {}


def test_the_log_writes_all_of_it() -> None:
    session = observed(LogConfig(transcript="start-lines", transcript_entries=100))
    for number in range(100):
        say(session, C, b"OPTIONS %d RTSP/1.0\r\n\r\n" % number)
    session.end = End(Who.CLIENT, Phase.TEARDOWN)
    source, sink = os.pipe()
    with Log(LogConfig(), sink) as log:
        log.note("session-end", **session_end(session, 12.0), **transcript_of(session))
    os.close(sink)
    with os.fdopen(source, "rb") as lines:
        told = json.loads(lines.readline())
    assert len(told["transcript"]) == 100
    assert told["transcript"][99]["line"] == "OPTIONS 99 RTSP/1.0"
