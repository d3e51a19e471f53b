"""RTSP messages as they come: one row for each thing a peer may write, and for each it may not."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mrcpwire import RemoteProtocolError
from mrcpwire.rtsp import Interleaved, Limits, Receiver, Request, Response
from tests.pcap import CAPTURES, read_conversations

Event = Request | Response | Interleaved
Row = tuple[bytes, type[object], dict[str, object]]


def events_of(*pieces: bytes, limits: Limits | None = None, eof: bool = False) -> list[Event]:
    """Feed a receiver and take what it gives, as the shell does."""
    receiver = Receiver(limits) if limits else Receiver()
    found: list[Event] = []
    for piece in pieces:
        receiver.receive_data(piece)
        found += iter(receiver.next_event, None)
    if eof:
        receiver.receive_eof()
        found += iter(receiver.next_event, None)
    assert not receiver.pending or not eof
    return found


def octets(raw: bytes) -> Iterable[bytes]:
    return (raw[i : i + 1] for i in range(len(raw)))


def request(
    raw: bytes,
    method: bytes = b"SETUP",
    uri: bytes = b"rtsp://h/a",
    cseq: bytes | None = b"1",
    session: bytes | None = None,
    fault: str | None = None,
    body: bytes = b"",
) -> Row:
    fields: dict[str, object] = {
        "method": method,
        "uri": uri,
        "cseq": cseq,
        "session": session,
        "fault": fault,
        "body": body,
    }
    return raw, Request, fields


def response(
    raw: bytes,
    status: int = 200,
    reason: bytes = b"OK",
    cseq: bytes | None = b"1",
    session: bytes | None = None,
    fault: str | None = None,
    body: bytes = b"",
) -> Row:
    fields: dict[str, object] = {
        "status": status,
        "reason": reason,
        "cseq": cseq,
        "session": session,
        "fault": fault,
        "body": body,
    }
    return raw, Response, fields


S = b"SETUP rtsp://h/a RTSP/1.0\r\n"
S1 = S + b"CSeq: 1\r\n"
OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
RECOGNIZE = (
    b"RECOGNIZE 12 MRCP/1.0\r\nContent-Type: text/uri-list\r\nContent-Length: 14\r\n\r\nsession:menu-1"
)
EVENT = b"START-OF-SPEECH 12 IN-PROGRESS MRCP/1.0\r\n\r\n"
ANNOUNCE = b"ANNOUNCE rtsp://192.0.2.50:554/media/speechrecognizer RTSP/1.0\r\n"
TROPO = b"4F2A-00000000-0001-7d21-0123456789ab-00001"

GOOD = {
    "announce": request(
        ANNOUNCE + b"CSeq: 5\r\nSession: 7f3c00aa19d2\r\nContent-Type: application/mrcp\r\n"
        b"Content-Length: 88\r\n\r\n" + RECOGNIZE,
        method=b"ANNOUNCE",
        uri=b"rtsp://192.0.2.50:554/media/speechrecognizer",
        cseq=b"5",
        session=b"7f3c00aa19d2",
        body=RECOGNIZE,
    ),
    "answer": response(
        b"RTSP/1.0 200 OK\r\nCSeq: 5\r\nSession: 7f3c00aa19d2\r\nContent-Type: application/mrcp\r\n"
        b"Content-Length: 31\r\n\r\nMRCP/1.0 12 200 IN-PROGRESS\r\n\r\n",
        cseq=b"5",
        session=b"7f3c00aa19d2",
        body=b"MRCP/1.0 12 200 IN-PROGRESS\r\n\r\n",
    ),
    "smallest": request(b"SETUP * RTSP/1.0\r\nCSeq:1\r\n\r\n", uri=b"*"),
    # start-lines
    "R-03 runs of SP": request(b"SETUP   rtsp://h/a  RTSP/1.0  \r\nCSeq: 1\r\n\r\n"),
    "R-03 runs of SP in a response": response(b"RTSP/1.0  200   OK \r\nCSeq: 1\r\n\r\n"),
    "R-03 no reason": response(b"RTSP/1.0 200\r\nCSeq: 1\r\n\r\n", reason=b""),
    "R-03 empty reason": response(b"RTSP/1.0 200 \r\nCSeq: 1\r\n\r\n", reason=b""),
    "R-03 reason of several words": response(
        b"RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n", status=454, reason=b"Session Not Found"
    ),
    "R-03 reason not ascii": response(
        b"RTSP/1.0 404 Non trouv\xc3\xa9: \t?\r\nCSeq: 1\r\n\r\n",
        status=404,
        reason=b"Non trouv\xc3\xa9: \t?",
    ),
    "unknown status": response(b"RTSP/1.0 999 Hm\r\nCSeq: 1\r\n\r\n", status=999, reason=b"Hm"),
    # what is tolerated in headers
    "bare LF": request(b"SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\n\n"),
    "line ends mixed": request(b"SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\r\nA: b\n\r\n"),
    "blank line LF": request(S + b"CSeq: 1\r\n\n"),
    "folded CSeq": request(S + b"CSeq:\r\n 1\r\n\r\n"),
    "F-34 folded Transport": request(S1 + b"Transport: RTP/AVP;\r\n\tunicast\r\n\r\n"),
    "fold of blanks": request(S1 + b"A: b\r\n \t \r\n\r\n"),
    "name of odd characters": request(S1 + b"!#$%&'*+-.^_`|~: x\r\n\r\n"),
    "F-20 lower-case headers": request(S + b"cseq: 0\r\nsession: ab\r\n\r\n", cseq=b"0", session=b"ab"),
    "prefix of a name is another name": request(
        S1 + b"CSeqs: 7\r\nSession-Id: x\r\nContent-Lengths: 9\r\n\r\n"
    ),
    # Content-Length
    "R-06 empty": request(S1 + b"Content-Length:\r\n\r\n"),
    "R-06 blanks alone": request(S1 + b"Content-Length:  \t \r\n\r\n"),
    "R-06 equal repeats": request(S1 + b"Content-Length: 3\r\ncontent-length:3 \r\n\r\nabc", body=b"abc"),
    "R-06 leading zeros": request(S1 + b"Content-Length: 0003\r\n\r\nabc", body=b"abc"),
    "F-34 blanks after": request(S1 + b"Content-Length: 3 \t\r\n\r\nabc", body=b"abc"),
    "204 has no body": response(
        b"RTSP/1.0 204 No Content\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\n", status=204, reason=b"No Content"
    ),
    "304 has no body": response(
        b"RTSP/1.0 304 Not Modified\r\nCSeq: 1\r\nContent-Length: x\r\n\r\n",
        status=304,
        reason=b"Not Modified",
    ),
    "100 has no body": response(b"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n", status=100, reason=b"Continue"),
    # CSeq
    "R-07 leading zeros": request(S + b"CSeq: 007\r\n\r\n", cseq=b"007"),
    "R-07 19 digits": request(S + b"CSeq: 9999999999999999999\r\n\r\n", cseq=b"9999999999999999999"),
    "R-07 equal repeats": request(S1 + b"cseq:1\r\n\r\n"),
    "R-07 missing": request(S + b"\r\n", cseq=None, fault="rtsp.no-cseq"),
    "R-07 empty": request(S + b"CSeq:\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-07 not a number": request(S + b"CSeq: 5a\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-07 sign": request(S + b"CSeq: -5\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-07 20 digits": request(S + b"CSeq: 10000000000000000000\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-07 digits not ascii": request(S + b"CSeq: \xd9\xa1\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-07 two different": request(S1 + b"CSeq: 2\r\n\r\n", cseq=None, fault="rtsp.bad-cseq"),
    "R-08 F-18 event without": request(
        ANNOUNCE + b"Session: ab\r\nContent-Length: 43\r\n\r\n" + EVENT,
        method=b"ANNOUNCE",
        uri=b"rtsp://192.0.2.50:554/media/speechrecognizer",
        cseq=None,
        session=b"ab",
        fault="rtsp.no-cseq",
        body=EVENT,
    ),
    "response without CSeq": response(b"RTSP/1.0 200 OK\r\n\r\n", cseq=None, fault="rtsp.no-cseq"),
    # Session
    "R-09 parameters": response(OK + b"Session: 7f3c;timeout=60\r\n\r\n", session=b"7f3c"),
    "R-09 parameters folded": response(OK + b"Session: 7f3c\r\n ;timeout=60\r\n\r\n", session=b"7f3c"),
    "R-09 blanks": response(OK + b"Session: \t7f3c \t;timeout=60 \r\n\r\n", session=b"7f3c"),
    "R-09 odd characters": request(
        S1 + b"Session: !\"'()<=>@[]{}~/:?\xff\r\n\r\n", session=b"!\"'()<=>@[]{}~/:?\xff"
    ),
    "R-09 longest": request(S1 + b"Session: " + b"x" * 256 + b"\r\n\r\n", session=b"x" * 256),
    "R-09 equal repeats": request(S1 + b"Session: ab\r\nsession: ab;timeout=5\r\n\r\n", session=b"ab"),
    "R-09 too long": request(S1 + b"Session: " + b"x" * 257 + b"\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 empty": request(S1 + b"Session:\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 parameters alone": request(S1 + b"Session: ;timeout=60\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 comma": request(S1 + b"Session: ab,cd\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 blank within": request(S1 + b"Session: ab cd\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 control character": request(S1 + b"Session: ab\x01\r\n\r\n", fault="rtsp.bad-session"),
    "R-09 two different": request(S1 + b"Session: ab\r\nSession: cd\r\n\r\n", fault="rtsp.two-sessions"),
    "R-09 counts before R-10 and R-07": request(
        b"SETUP a RTSP/1.0\r\nSession: ab\r\nSession: cd\r\n\r\n",
        uri=b"a",
        cseq=None,
        fault="rtsp.two-sessions",
    ),
    "R-09 two in a response": response(OK + b"Session: ab\r\nSession: cd\r\n\r\n", fault="rtsp.two-sessions"),
    "F-24": request(
        b"ANNOUNCE rtsp://192.0.2.7:10074/recognizer/ RTSP/1.0\r\nSession:" + TROPO + b"\r\nCseq: 3\r\n\r\n",
        method=b"ANNOUNCE",
        uri=b"rtsp://192.0.2.7:10074/recognizer/",
        cseq=b"3",
        session=TROPO,
    ),
    # the URI's octets
    "R-10 userinfo and IPv6": request(
        b"SETUP RTSP://u:p@[2001:db8::1]:554/a%20b?c#d RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        uri=b"RTSP://u:p@[2001:db8::1]:554/a%20b?c#d",
    ),
    "R-10 rtspu": request(b"SETUP rtspu://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n", uri=b"rtspu://h/a"),
    "R-10 octets above ascii": request(
        b"SETUP rtsp://h/\xc3\xa9 RTSP/1.0\r\nCSeq: 1\r\n\r\n", uri=b"rtsp://h/\xc3\xa9"
    ),
    "R-10 a path": request(b"SETUP /a RTSP/1.0\r\nCSeq: 1\r\n\r\n", uri=b"/a", fault="rtsp.bad-uri"),
    "R-10 nothing behind the scheme": request(
        b"SETUP rtsp:// RTSP/1.0\r\nCSeq: 1\r\n\r\n", uri=b"rtsp://", fault="rtsp.bad-uri"
    ),
    "R-10 counts before R-07": request(
        b"SETUP a RTSP/1.0\r\n\r\n", uri=b"a", cseq=None, fault="rtsp.bad-uri"
    ),
    #
    "R-11 unknown method": request(
        b"X-New.Method rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n", method=b"X-New.Method"
    ),
    "body that looks like a message": request(
        S1 + b"Content-Length: 37\r\n\r\n" + S + b"CSeq: 9\r\n\r", body=S + b"CSeq: 9\r\n\r"
    ),
}


def check(event: Event, raw: bytes, kind: type[object], fields: dict[str, object]) -> None:
    assert type(event) is kind
    assert event.raw == raw
    assert {name: getattr(event, name) for name in fields} == fields


@pytest.mark.parametrize(("raw", "kind", "fields"), GOOD.values(), ids=GOOD)
def test_good(raw: bytes, kind: type[object], fields: dict[str, object]) -> None:
    for pieces, count in (((raw,), 1), (octets(raw), 1), ((raw + raw,), 2)):
        found = events_of(*pieces, eof=True)
        assert len(found) == count
        for event in found:
            check(event, raw, kind, fields)


@pytest.mark.parametrize(("raw", "kind", "fields"), GOOD.values(), ids=GOOD)
def test_headers_and_body_make_up_the_message(
    raw: bytes, kind: type[object], fields: dict[str, object]
) -> None:
    (message,) = events_of(raw)
    assert isinstance(message, Request | Response)
    start_line = raw[: raw.index(b"\n") + 1]
    blank_line = raw[: message.body_at].removeprefix(start_line + message.headers.to_bytes())
    assert blank_line in {b"\r\n", b"\n"}
    assert raw[message.body_at :] == message.body


# What is wrong, the code, the rule, the status to answer with, the CSeq to echo.
BAD = {
    "R-01 filler": (b"\r\n" * 33, "filler", "R-01", 400, None),
    "R-01 filler without end": (b"\n" * 9_999, "filler", "R-01", 400, None),
    "R-03 first octet": (b"\x16\x03\x01", "bad-start-line", "R-03", 400, None),
    "R-03 leading SP": (b" SETUP", "bad-start-line", "R-03", 400, None),
    "R-03 NUL": (b"\0", "bad-start-line", "R-03", 400, None),
    "R-03 other protocol": (b"GET / HTTP/1.1\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 other protocol's greeting": (b"SSH-2.0-x\n", "bad-start-line", "R-03", 400, None),
    "R-03 lower case": (b"SETUP rtsp://h/a rtsp/1.0\n", "bad-start-line", "R-03", 400, None),
    "R-03 two words": (b"SETUP RTSP/1.0\r\nCSeq: 4\r\n\r\n", "bad-start-line", "R-03", 400, b"4"),
    "R-03 four words": (b"SETUP a b RTSP/1.0\r\ncseq:4 \n\n", "bad-start-line", "R-03", 400, b"4"),
    "R-03 tabs": (b"SETUP\trtsp://h/a\tRTSP/1.0\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 control in URI": (b"SETUP rtsp://h/\x7f RTSP/1.0\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 CR in start-line": (b"SETUP rtsp://h/\ra RTSP/1.0\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 CR twice": (b"SETUP rtsp://h/a RTSP/1.0\r\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 method": (b"SET@UP rtsp://h/a RTSP/1.0\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 status of two digits": (b"RTSP/1.0 20 OK\r\nCSeq: 4\r\n\r\n", "bad-start-line", "R-03", 400, b"4"),
    "R-03 status of four digits": (b"RTSP/1.0 2000 OK\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 status 099": (b"RTSP/1.0 099 OK\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-03 NUL in reason": (b"RTSP/1.0 200 O\0K\r\n\r\n", "bad-start-line", "R-03", 400, None),
    "R-04 bare CR": (S1 + b"A: b\rSession: x\r\n\r\n", "bare-cr", "R-04", 400, b"1"),
    "R-04 bare CR before the end": (S1 + b"A: b\r\r\n\r\n", "bare-cr", "R-04", 400, b"1"),
    "R-04 bare CR and a line": (S1 + b"\r\r\n\r\n", "bare-cr", "R-04", 400, b"1"),
    "R-04 NUL": (S1 + b"A: \0\r\n\r\n", "nul", "R-04", 400, b"1"),
    "R-04 NUL in a name": (S1 + b"A\0: b\r\n\r\n", "nul", "R-04", 400, b"1"),
    "R-04 blank before colon": (S1 + b"Session : x\r\n\r\n", "blank-before-colon", "R-04", 400, b"1"),
    "R-04 tab before colon": (S1 + b"Session\t: x\r\n\r\n", "blank-before-colon", "R-04", 400, b"1"),
    "R-04 no colon": (S1 + b"Session\r\n\r\n", "no-colon", "R-04", 400, b"1"),
    "R-04 empty name": (S1 + b": x\r\n\r\n", "bad-header-name", "R-04", 400, b"1"),
    "R-04 blank in a name": (S1 + b"A B: x\r\n\r\n", "bad-header-name", "R-04", 400, b"1"),
    "R-04 leading fold": (S + b" CSeq: 1\r\n\r\n", "leading-fold", "R-04", 400, None),
    "R-05": (b"SETUP rtsp://h/a RTSP/2.0\r\nCSeq: 4\r\n\r\n", "version", "R-05", 505, b"4"),
    "R-05 another way to write it": (b"SETUP rtsp://h/a RTSP/01.0\r\n\r\n", "version", "R-05", 505, None),
    "R-05 response": (b"RTSP/2.0 200 OK\r\nCSeq: 4\r\n\r\n", "version", "R-05", 505, b"4"),
    "R-06 sign": (S1 + b"Content-Length: +5\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 hex": (S1 + b"Content-Length: 0x5\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 list": (S1 + b"Content-Length: 5, 5\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 blank within": (S1 + b"Content-Length: 1 8\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 digits not ascii": (S1 + b"Content-Length: \xd9\xa1\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 20 digits": (S1 + b"Content-Length: 10000000000000000000\r\n\r\n", "bad-length", "R-06", 400, b"1"),
    "R-06 different": (
        S1 + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "two-lengths",
        "R-06",
        400,
        b"1",
    ),
    "R-06 differently written": (
        S1 + b"Content-Length: 5\r\nContent-Length: 05\r\n\r\n",
        "two-lengths",
        "R-06",
        400,
        b"1",
    ),
    "G-2 19 digits": (S1 + b"Content-Length: 9999999999999999999\r\n\r\n", "too-large", "G-2", 413, b"1"),
    "G-2 just too large": (S1 + b"Content-Length: 8388546\r\n\r\n", "too-large", "G-2", 413, b"1"),
    "G-9 URI": (b"SETUP rtsp://" + b"a" * 2100, "start-line-too-long", "R-10", 414, None),
    "G-9 headers": (S1 + b"A: b\r\n" * 256 + b"\r\n", "too-many-headers", "G-9", 400, b"1"),
    "G-9 one header": (S1 + b"A: " + b"b" * 16_400 + b"\r\n\r\n", "header-too-long", "G-9", 400, b"1"),
    "G-9 all headers": (S1 + b"A: " + b"b" * 65_536, "headers-too-long", "G-9", 400, b"1"),
    "two CSeqs of which none can be echoed": (
        S1 + b"CSeq: 2\r\n:\r\n\r\n",
        "bad-header-name",
        "R-04",
        400,
        None,
    ),
}


@pytest.mark.parametrize(("raw", "code", "rule", "status", "cseq"), BAD.values(), ids=BAD)
def test_bad(raw: bytes, code: str, rule: str, status: int, cseq: bytes | None) -> None:
    good = GOOD["announce"][0]
    for pieces in ((raw,), octets(raw), (good + raw,), (raw[:-1], raw[-1:])):
        with pytest.raises(RemoteProtocolError) as caught:
            events_of(*pieces)
        error = caught.value
        assert (error.code, error.rule) == (f"rtsp.{code}", rule)
        assert (error.status_hint, error.cseq) == (status, cseq)
        assert 0 < len(error.excerpt) <= 64


FILLER: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
    "before": lambda raw: (b"\r\n" * 32 + raw,),
    "after": lambda raw: (raw + b"\r\n" * 32,),
    "between, again and again": lambda raw: tuple((raw + b"\n\r" * 32) * 3 for _ in range(3)),
    "one read each": lambda raw: (*[b"\n"] * 64, raw, *[b"\r"] * 64, raw),
}


@pytest.mark.parametrize("pieces", FILLER.values(), ids=FILLER)
@pytest.mark.parametrize("raw", [S1 + b"\r\n", S.replace(b"\r", b"") + b"CSeq: 1\n\n", b"$\x01\x00\x02ab"])
def test_filler_between_messages_is_skipped(
    raw: bytes, pieces: Callable[[bytes], tuple[bytes, ...]]
) -> None:
    fed = pieces(raw)
    found = events_of(*fed, eof=True)
    assert [event.raw for event in found] == [raw] * b"".join(fed).count(raw)


INTERLEAVED = {
    "empty": (b"$\x00\x00\x00", 0),
    "data": (b"$\x01\x00\x04RTSP", 1),
    "data that looks like a message": (b"$\xff\x00\x1b" + S, 255),
    "longest": (b"$\x02\xff\xff" + b"\r\n" * 32_767 + b"$", 2),
}


@pytest.mark.parametrize(("raw", "channel"), INTERLEAVED.values(), ids=INTERLEAVED)
def test_interleaved(raw: bytes, channel: int) -> None:
    message = GOOD["announce"][0]
    frame = Interleaved(channel, raw)
    assert events_of(raw, eof=True) == [frame]
    assert events_of(raw[:3], *octets(raw[3:]), eof=True) == [frame]
    found = events_of(message + raw + raw + message, eof=True)
    assert found[1:3] == [frame, frame]
    assert [event.raw for event in found] == [message, raw, raw, message]


V1_CAPTURES = sorted(
    path for pattern in ("mrcpv1-*", "mixed-*", "unimrcp-*") for path in CAPTURES.glob(pattern)
)


@pytest.mark.parametrize("path", V1_CAPTURES, ids=lambda path: path.stem)
def test_recorded_connections_come_back_octet_for_octet(path: Path) -> None:
    conversations = read_conversations(path, port=1554)
    assert conversations
    for conversation in conversations:
        for stream in (conversation.to_server, conversation.to_client):
            found = events_of(stream, eof=True)
            assert b"".join(event.raw for event in found) == stream
            assert all(isinstance(event, Request | Response) and not event.fault for event in found)
            assert events_of(*octets(stream)) == found
