"""A capture without personal data: the same sessions, and nobody to be found in it."""

import io
import subprocess
from pathlib import Path

import attrs
import pytest

from mrcpbalance import traces
from mrcpbalance.traces.anonymous import Names, anonymous, capture
from mrcpbalance.traces.replay import script
from mrcpwire import Wire
from tests import peers
from tests.replay.playing import CAPTURE, NO_SESSIONS, callers, captured_server, differences, script_of

DISSECTED = ["-d", "tcp.port==1544,mrcpv2", "-d", "udp.port==8060,sip", "-d", "tcp.port==1554,rtsp"]


def sessions_of(data: bytes) -> tuple[traces.Session, ...]:
    return traces.read(io.BytesIO(data)).sessions


def story(session: traces.Session) -> list[object]:
    """Tell everything of a session but the names in it."""
    names = {"number", "id", "keys", "caller", "server", "connections", "messages", "findings"}
    told = [getattr(session, field.name) for field in attrs.fields(traces.Session) if field.name not in names]
    return [*told, [(one.code, one.rule, one.time) for one in session.findings], len(session.messages)]


@pytest.mark.parametrize("name", CAPTURE)
def test_the_sessions_are_the_same(name: str) -> None:
    before = sessions_of(CAPTURE[name].read_bytes())
    after = sessions_of(b"".join(capture(before)))
    assert list(map(story, after)) == list(map(story, before))
    assert {one.caller.host for one in after} | {one.server.host for one in after} <= {
        f"192.0.2.{n}" for n in range(9)
    }


@pytest.mark.parametrize("name", CAPTURE)
def test_what_was_said_is_masked(name: str) -> None:
    before = sessions_of(CAPTURE[name].read_bytes())
    data = b"".join(capture(before))
    for session in before:
        for message in session.messages:
            body = message.raw.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[
                2 if message.wire is Wire.RTSP else 0
            ]
            if len(body) > 20 and not body.startswith(b"v="):
                assert body not in data
        assert session.protocol is traces.Protocol.MRCPV1 or session.id.encode() not in data
    assert b"127.0.0." not in data


@pytest.mark.real_time
async def test_it_plays_as_the_original_does() -> None:
    played = script(sessions_of(b"".join(capture(script_of("mixed-unimrcp-concurrent").sessions))))
    async with captured_server(played) as (places, at_server):
        at_callers = await callers(played, places)
    assert differences(at_callers) == differences(at_server) == set()


@pytest.mark.parametrize("name", [name for name in CAPTURE if name != NO_SESSIONS])
def test_tshark_finds_nothing_wrong(tmp_path: Path, name: str) -> None:
    command = [
        peers.need("tshark"),
        "-r",
        str(tmp_path / "out.pcapng"),
        *DISSECTED,
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]
    (tmp_path / "out.pcapng").write_bytes(b"".join(capture(sessions_of(CAPTURE[name].read_bytes()))))
    wrong = (
        "_ws.malformed or tcp.analysis.lost_segment or tcp.checksum.status == 0 or udp.checksum.status == 0"
    )
    checks = [flag for kind in ("tcp", "udp", "ip") for flag in ("-o", f"{kind}.check_checksum:TRUE")]
    done = subprocess.run([*command, *checks, "-Y", wrong], capture_output=True, text=True, check=True)
    assert done.stdout == ""


SIP = (
    b"INVITE sip:alice@pbx.bank.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP ivr7.bank.example.com:5060;branch=z9hG4bK1;received=10.1.2.3\r\n"
    b'From: "Alice Smith" <sip:alice@10.1.2.3>;tag=1\r\nTo: Bob <sip:bob@pbx.bank.example.com>\r\n'
    b"Call-ID: 77@ivr7.bank.example.com\r\nCSeq: 1 INVITE\r\nSubject: account 4711\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: 97\r\n\r\n"
)
SDP = (
    b"v=0\r\no=alice 1 1 IN IP4 ivr7.bank.example.com\r\ns=call of alice\r\ne=alice@bank.example.com\r\n"
    b"c=IN IP4 10.1.2.3\r\nt=0 0\r\n"
)
PLAIN = (
    b"INVITE sip:user1@host2.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP host1.example:5060;branch=z9hG4bK1;received=192.0.2.1\r\n"
    b'From: "x" <sip:user1@192.0.2.1>;tag=1\r\nTo: "x" <sip:user2@host2.example>\r\n'
    b"Call-ID: call-1\r\nCSeq: 1 INVITE\r\nSubject: xxxxxxxxxxxx\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: 93\r\n\r\n"
    b"v=0\r\no=- 1 1 IN IP4 host1.example\r\ns=-\r\ne=xxxxxxxxxxxxxxxxxxxxxx\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
)


def test_names_of_people_and_machines() -> None:
    assert anonymous(Wire.SIP, SIP + SDP, Names()) == PLAIN


def test_an_mrcp_message_keeps_its_lengths() -> None:
    raw = (
        b"MRCP/2.0 210 RECOGNITION-COMPLETE 2 COMPLETE\r\nChannel-Identifier: ab@speechrecog\r\n"
        b"Completion-Cause: 000 success\r\nWaveform-URI: <http://10.1.2.3/alice.wav>\r\nContent-Length: 12\r\n\r\nAlice,\r\nfour"
    )
    other = anonymous(Wire.MRCPV2, raw, Names())
    assert len(other) == len(raw)
    assert b"Completion-Cause: 000 success\r\n" in other
    assert b"Waveform-URI: xxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" in other
    assert other.endswith(b"\r\n\r\nxxxxxx\r\nxxxx")
