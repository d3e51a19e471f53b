"""Sessions as ladders: rows, words, text, SVG and page."""

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mrcpbalance.traces import (
    ASCII,
    Arrow,
    Column,
    Session,
    Trace,
    figure,
    heading,
    ladder,
    page,
    read,
    svg,
    text,
)
from mrcpwire import mrcpv1, mrcpv2
from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import OFFER, Call, Scene, announce, answer, recognize, sdp_answer, setup, teardown

CAPTURES = Path(__file__).parents[2] / "captures"
MIXED = "mixed-unimrcp-concurrent.pcap"


@cache
def trace_of(name: str) -> Trace:
    with (CAPTURES / name).open("rb") as file:
        return read(file)


def session_of(name: str, number: int = 1) -> Session:
    return trace_of(name).sessions[number - 1]


# The times of these recordings are fixed, and so is every character of what is drawn.
RTSP = """\
MRCPv1 session f8d5bf3bc442492b
speechsynth, completed
set up in 8.05 ms, 2.27 s from first to last message, 8 RTSP and 3 MRCP messages
RTSP over TCP: 127.0.0.1:40624 and 127.0.0.2:1554

                  caller                                    server
                  127.0.0.1                                 127.0.0.2
  0.00 ms  TCP    ├· connects 40624 to 1554 ···············▶│
  0.10 ms  RTSP   ├─ SETUP ────────────────────────────────▶│  asks for speechsynth; receives audio at 127.0.0.1:4000
  8.15 ms  RTSP   │◀─────────────────────────────── 200 OK ─┤  session f8d5bf3bc442492b; sends audio at 127.0.0.2:5048
  10.2 ms  RTSP   ├─ ANNOUNCE: SPEAK 1 ────────────────────▶│  say this; application/synthesis+ssml, 158 octets
  10.4 ms  RTSP   │◀────────────── 200 OK: 200 IN-PROGRESS ─┤  to SPEAK 1
                  ┊                                         ┊  2.21 s later
   2.22 s  RTSP   │◀── ANNOUNCE: SPEAK-COMPLETE 1 COMPLETE ─┤  said; 000 normal
   2.22 s  RTSP   ├─ 200 OK ───────────────────────────────▶│  to SPEAK-COMPLETE
   2.27 s  RTSP   ├─ TEARDOWN ─────────────────────────────▶│  gives speechsynth back
   2.27 s  RTSP   │◀─────────────────────────────── 200 OK ─┤  to TEARDOWN
   2.27 s  TCP    ├· closes 40624 to 1554 ·················▶│
   2.27 s  TCP    │◀················· closes 40624 to 1554 ·┤
                  │                                         │
"""
SIP = """\
MRCPv2 session a753c59e-5f52-1240-a386-de4ddedeb8c5
speechrecog, completed
set up in 7.95 ms, 1.36 s from first to last message, 6 SIP and 6 MRCP messages
SIP over UDP: 127.0.0.1:8062 and 127.0.0.2:8060
MRCP over TCP: 127.0.0.1:53100 and 127.0.0.2:1544

                  caller                                server
                  127.0.0.1                             127.0.0.2
  0.00 ms  SIP    |- INVITE --------------------------->|  asks for speechrecog, sends
                  |                                     |  audio at 127.0.0.1:4006
  0.09 ms  SIP    |<----------------------- 100 Trying -|
  7.95 ms  SIP    |<--------------------------- 200 OK -|  channel
                  |                                     |  9cea7fb679064b77@speechrecog
                  |                                     |  at 127.0.0.2:1544, receives
                  |                                     |  audio at 127.0.0.2:5052
  8.07 ms  SIP    |- ACK ------------------------------>|
  8.26 ms  TCP    |. connects 53100 to 1544 ...........>|
  9.42 ms  MRCP   |- DEFINE-GRAMMAR 1 ----------------->|  know this grammar;
                  |                                     |  application/srgs+xml, 269
                  |                                     |  octets
  9.54 ms  MRCP   |<--------------------- 200 COMPLETE -|  to DEFINE-GRAMMAR 1; 000
                  |                                     |  success
  9.68 ms  MRCP   |- RECOGNIZE 2 ---------------------->|  listen; text/uri-list, 27
                  |                                     |  octets
  9.75 ms  MRCP   |<------------------ 200 IN-PROGRESS -|  to RECOGNIZE 2
                  :                                     :  877 ms later
   887 ms  MRCP   |<----- START-OF-INPUT 2 IN-PROGRESS -|  the caller has begun to speak
                  :                                     :  470 ms later
   1.36 s  MRCP   |<-- RECOGNITION-COMPLETE 2 COMPLETE -|  the result; 000 success;
                  |                                     |  application/x-nlsml, 208
                  |                                     |  octets
   1.36 s  TCP    |. closes 53100 to 1544 .............>|
   1.36 s  TCP    |<............. closes 53100 to 1544 .|
   1.36 s  SIP    |- BYE ------------------------------>|  ends the session
   1.36 s  SIP    |<--------------------------- 200 OK -|  to BYE
                  |                                     |
"""


def test_as_text() -> None:
    assert text(ladder(session_of(MIXED, 1))) == RTSP


def test_as_narrow_plain_text() -> None:
    drawn = text(ladder(session_of(MIXED, 3)), width=88, strokes=ASCII)
    assert drawn == SIP
    assert drawn.isascii()


def test_three_lifelines() -> None:
    """A redirected call goes to two servers."""
    drawn = ladder(session_of("mrcpv2/mrcpv2-unimrcp-sip-302-redirect.pcap"))
    assert drawn.columns == (
        Column("caller", "127.0.0.1"),
        Column("server", "127.0.0.5"),
        Column("server", "127.0.0.2"),
    )
    assert "302 Moved Temporarily" in text(drawn)
    assert "try sip:127.0.0.2:8060" in text(drawn)


def test_one_host_has_two_lifelines() -> None:
    scene = Scene()
    talk = scene.tcp(("127.0.0.1", 40_000), ("127.0.0.1", 1554))
    talk.up(setup(1))
    [session] = scene.read().sessions
    assert [column.role for column in ladder(session).columns] == ["caller", "server"]


def test_findings_stand_at_their_place() -> None:
    drawn = text(ladder(session_of("mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap")))
    lines = drawn.splitlines()
    place = next(number for number, line in enumerate(lines) if "SET-PARAMS 3" in line)
    assert lines[place + 1].endswith("▲ SET-PARAMS 3 has no answer (M-30)")


def words(scene: Scene) -> list[tuple[str, str]]:
    [session] = scene.read().sessions
    return [(row.label, row.note) for row in ladder(session).rows if isinstance(row, Arrow) and row.message]


def test_words_of_sip() -> None:
    scene = Scene()
    call = Call(scene)
    invite = call.request(b"INVITE", 1, OFFER, tagged=False)
    call.up(invite)
    scene.wait(0.5)
    call.up(invite)
    busy = call.response(b"503 Service Unavailable", b"INVITE").replace(
        b"\r\nContent-L", b"\r\nRetry-After: 5\r\nContent-L"
    )
    call.down(busy)
    call.up(call.request(b"CANCEL", 1))
    assert words(scene) == [
        ("INVITE", "asks for speechrecog, sends audio at 192.0.2.10:41000"),
        ("INVITE", "sent again; asks for speechrecog, sends audio at 192.0.2.10:41000"),
        ("503 Service Unavailable", "try again after 5 s"),
        ("CANCEL", "gives up"),
    ]


def test_words_of_changes() -> None:
    scene = Scene()
    call = Call(scene)
    call.invite(answer=sdp_answer().replace(b"audio 5000", b"audio 0"))
    call.up(
        call.request(
            b"INVITE", 2, OFFER.replace(b"application 9", b"application 0").replace(b"a=sendonly\r\n", b"")
        )
    )
    call.down(call.response(b"200 OK", b"INVITE", 2, sdp_answer(b"", 0)))
    assert words(scene)[1:] == [
        ("200 OK", "channel 45@speechrecog at 198.51.100.2:1544, no audio"),
        ("ACK", ""),
        ("re-INVITE", "gives a channel back, has audio at 192.0.2.10:41000"),
        ("200 OK", "no channel, receives audio at 198.51.100.2:5000"),
    ]


def test_words_of_rtsp() -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    talk.up(setup(1))
    talk.down(answer(1, b"id"))
    talk.up(announce(2, b"id", recognize(1)))
    talk.down(answer(2, b"id", body=mrcpv1.response(1, 200, b"IN-PROGRESS")))
    talk.down(announce(2, b"id", mrcpv1.event(b"START-OF-SPEECH", 1, b"IN-PROGRESS")))
    talk.up(answer(2, b"id"))
    talk.down(answer(99, b"id"))
    talk.up(announce(3, b"id", b"what is this?"))
    talk.down(answer(3, b"id", b"400 Bad Request"))
    talk.up(teardown(4, b"id"))
    assert words(scene) == [
        ("SETUP", "asks for speechrecog"),
        ("200 OK", "session id"),
        ("ANNOUNCE: RECOGNIZE 1", "listen"),
        ("200 OK: 200 IN-PROGRESS", "to RECOGNIZE 1"),
        ("ANNOUNCE: START-OF-SPEECH 1 IN-PROGRESS", "the caller has begun to speak"),
        ("200 OK", "to START-OF-SPEECH"),
        ("200 OK", ""),
        ("ANNOUNCE", ""),
        ("400 Bad Request", "to ANNOUNCE"),
        ("TEARDOWN", "gives speechrecog back"),
    ]


def test_words_of_mrcp() -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    channel = b"1@speechsynth"
    talk.down(mrcpv2.response(5, 405, b"COMPLETE", channel))
    talk.up(mrcpv2.request(b"X-NEW", 6, channel, body=b"ab"))
    assert words(scene) == [("405 COMPLETE", "to request 5"), ("X-NEW 6", "body, 2 octets")]


def test_failures_are_marked() -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    talk.down(mrcpv2.response(5, 405, b"COMPLETE", b"1@speechsynth"))
    talk.reset()
    [session] = scene.read().sessions
    assert [row.failed for row in ladder(session).rows if isinstance(row, Arrow)] == [False, True, True]


def test_connections_of_other_times_are_left_out() -> None:
    """A shared connection may be older, and live longer."""
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    scene.wait(5)
    talk.up(mrcpv2.request(b"STOP", 1, b"1@speechsynth"))
    talk.down(mrcpv2.response(1, 200, b"COMPLETE", b"1@speechsynth"))
    scene.wait(20)
    talk.close()
    [session] = scene.read().sessions
    assert [row.tag for row in ladder(session).rows if isinstance(row, Arrow)] == ["MRCP", "MRCP"]
    assert heading(session)[0] == "MRCPv2, no SIP session 1@speechsynth"


def test_connections_nobody_accepts() -> None:
    scene = Scene()
    call = Call(scene)
    call.invite()
    scene.tcp(("192.0.2.10", 50_001), ("198.51.100.2", 1544), handshake=False).segment(True, b"", 2)
    scene.wait(3)
    call.bye()
    [session] = scene.read().sessions
    assert "tries to connect 50001 to 1544" in text(ladder(session))


@pytest.mark.parametrize("name", sorted(str(path.relative_to(CAPTURES)) for path in CAPTURES.rglob("*.pcap")))
def test_svg_is_sound(name: str) -> None:
    for session in trace_of(name).sessions:
        drawn = ladder(session)
        root = ET.fromstring(svg(drawn))
        texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        for row in drawn.rows:
            if isinstance(row, Arrow):
                assert row.label in texts
        assert "prefers-color-scheme:dark" in svg(drawn)
        assert "<script" not in svg(drawn)


def test_several_ladders_in_one_drawing() -> None:
    sessions = trace_of(MIXED).sessions
    root = ET.fromstring(figure([ladder(session) for session in sessions], alone=True))
    titles = [element.text for element in root.iter() if element.get("class") == "title"]
    assert titles == [heading(session)[0] for session in sessions]


def test_page() -> None:
    trace = trace_of(MIXED)
    written = page(trace, trace.sessions, "a <capture>")
    assert written.startswith("<!DOCTYPE html>")
    assert written.count("<svg") == written.count('<details class="session"') == 6
    assert "<h1>6 sessions</h1>" in written
    assert "a &lt;capture&gt;, from 2026-11-20" in written
    assert not re.search(r'<(script|link|img)|(src|href)="(?!#)|url\(|@import', written)
    assert "nlsml" in written
    assert "<interpretation" not in written
    assert "&lt;interpretation" not in written  # bodies stay out (G-11)


def test_page_of_many_sessions_is_bounded() -> None:
    trace = trace_of(MIXED)
    written = page(trace, trace.sessions * 40, "many")
    assert written.count("<svg") == 200
    assert "Ladders of the first 200 sessions are shown." in written


def test_page_with_nothing_in_it() -> None:
    assert "<h1>0 sessions</h1>" in page(Scene().read(), [], "empty")


def test_what_peers_say_is_no_markup() -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    talk.up(setup(1, b"<script>alert(1)</script>"))
    talk.down(answer(1, b"<b>&\"'", b"404 <i>\x1b[31m\x07"))
    trace = scene.read()
    [session] = trace.sessions
    written = page(trace, [session], "x") + svg(ladder(session))
    assert "<script" not in written
    assert "<i>" not in written
    assert "<b>" not in written
    assert "\x1b" not in written + text(ladder(session))
