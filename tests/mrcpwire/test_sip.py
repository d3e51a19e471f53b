"""SIP messages as they come: one row for each thing a peer may write, and for each it may not."""

import re

import pytest

from mrcpwire.sip import NameAddr, SipError, parse_datagram
from tests.mrcpwire.sip_feeding import (
    INVITE,
    OK,
    SAMPLE,
    SDP,
    check,
    datagram_of,
    message,
    octets,
    outcome_of,
)

Row = tuple[bytes, dict[str, object]]


def good(raw: bytes, **facts: object) -> Row:
    """Expect these facts, and of what isn't said the facts of the usual lines."""
    usual: dict[str, object] = {
        "call_id": b"c1@192.0.2.10",
        "cseq": (7, b"OPTIONS"),
        "contact": None,
        "max_forwards": None,
        "content_type": None,
        "body": b"",
        "route": (),
        "record_route": (),
    }
    return raw, usual | facts


# What goes out as it came.
GOOD = {
    "sample": good(
        SAMPLE,
        method=b"INVITE",
        uri=b"sip:speech@192.0.2.50:5060",
        cseq=(7, b"INVITE"),
        contact=NameAddr(uri=b"sip:umc@192.0.2.10:8062"),
        max_forwards=70,
        content_type=b"application/sdp",
        body=SDP,
        from_=NameAddr(uri=b"sip:umc@192.0.2.10", params=((b"tag", b"a1"),)),
        to=NameAddr(uri=b"sip:speech@192.0.2.50"),
    ),
    "smallest request": good(message(), method=b"OPTIONS", uri=b"sip:speech@192.0.2.50"),
    "response": good(message(start=OK), status=200, reason=b"OK"),
    "response with body": good(
        message(b"Content-Type: application/sdp", start=OK, body=SDP),
        body=SDP,
        content_type=b"application/sdp",
    ),
    "C.2 empty reason": good(message(start=b"SIP/2.0 100 "), status=100, reason=b""),
    "C.2 reason of UTF-8 and blanks": good(
        message(start=b"SIP/2.0 404 Non trouv\xc3\xa9:\t?"), status=404, reason=b"Non trouv\xc3\xa9:\t?"
    ),
    "C.2 unknown status": good(message(start=b"SIP/2.0 699 Hm"), status=699),
    "C.2 unknown method": good(
        message(start=b"X-new.%m sip:a SIP/2.0", cseq=b"CSeq: 1 X-new.%m"),
        method=b"X-new.%m",
        cseq=(1, b"X-new.%m"),
    ),
    "C.2 blanks before the colon": good(
        message(cseq=b"CSeq \t : 7 OPTIONS", call_id=b"Call-ID :c1@192.0.2.10")
    ),
    "C.2 folds": good(
        message(cseq=b"CSeq:\r\n 7\r\n\t OPTIONS", via=b"Via: SIP/2.0/UDP\r\n 192.0.2.10 ;branch=\r\n x")
    ),
    "C.2 compact names": good(
        message(
            b"k: timer",
            b"m: <sip:a@b>",
            b"c: text/plain;charset=utf-8",
            via=b"v: SIP/2.0/TCP b;branch=z",
            from_=b"f: sip:a@x;tag=1",
            to=b"T: sip:b@x",
            call_id=b"i: c1@192.0.2.10",
            length=b"l: %d",
            body=b"x",
        ),
        contact=NameAddr(uri=b"sip:a@b"),
        content_type=b"text/plain",
        body=b"x",
        from_=NameAddr(uri=b"sip:a@x", params=((b"tag", b"1"),)),
    ),
    "C.2 leading zeros": good(
        message(b"Max-Forwards: 0068", cseq=b"CSeq: 000000000000007 OPTIONS", length=b"Content-Length: 000"),
        max_forwards=68,
    ),
    "C.2 numbers that are 0": good(
        message(b"Max-Forwards: 0", cseq=b"CSeq: 0 OPTIONS"), cseq=(0, b"OPTIONS"), max_forwards=0
    ),
    "C.2 largest numbers": good(
        message(b"Max-Forwards: 255", cseq=b"CSeq: 2147483647 OPTIONS"),
        cseq=(2**31 - 1, b"OPTIONS"),
        max_forwards=255,
    ),
    "C.2 length not last": good(message(b"l: 0", length=None)),
    "C.2 several Via": good(message(b"Via: SIP/2.0/UDP a, SIP/2.0/TCP b;x", via=b"v: SIP/2.0/TLS c:1")),
    "C.2 several Contact": good(
        message(b'Contact: "a, b" <sip:a@x?b,c>, sip:b@x;q=1'),
        contact=NameAddr(display=b'"a, b"', uri=b"sip:a@x?b,c"),
    ),
    "C.2 Contact of a star": good(message(b"Contact: *")),
    "C.2 routes": good(
        message(b"Route: <sip:a;lr>,<sip:b;lr>", b"Record-Route: <sip:c;lr>;x=y", b"Route: <sip:d>"),
        route=tuple(NameAddr(uri=uri) for uri in (b"sip:a;lr", b"sip:b;lr", b"sip:d")),
        record_route=(NameAddr(uri=b"sip:c;lr", params=((b"x", b"y"),)),),
    ),
    "C.2 content type in capitals": good(
        message(b"Content-Type: Application / SDP ;x=y", body=b"v"), body=b"v", content_type=b"application/sdp"
    ),
    "C.6 NUL in quotes": good(message(b'A: "\\\\\\\0", "" b')),
    "C.2 body of any octets": good(message(body=b"\r\n\r\n\0\xff\n\nBYE sip:a SIP/2.0\r\n"), body=b"\r\n\r\n\0\xff\n\nBYE sip:a SIP/2.0\r\n"),
    "F-23 ACK with an odd port": good(
        message(start=b"ACK sip:a@b:0;x=y SIP/2.0", cseq=b"CSeq: 9 ACK"), cseq=(9, b"ACK"), uri=b"sip:a@b:0;x=y"
    ),
    "F-23 ACK with a port that is none": good(
        message(start=b"ACK sip:a@b:123456 SIP/2.0", cseq=b"CSeq: 9 ACK"), cseq=(9, b"ACK")
    ),
    "F-23 scheme in capitals": good(
        message(start=b"OPTIONS Sip:a@b SIP/2.0", to=b"To: <Sip:b@x>"),
        uri=b"Sip:a@b",
        to=NameAddr(uri=b"Sip:b@x"),
    ),
    "F-23 names nobody can resolve": good(message(via=b"Via: SIP/2.0/UDP my_host-;branch=z9hg4bK1")),
    "other schemes": good(message(start=b"OPTIONS tel:+1-23;x SIP/2.0"), uri=b"tel:+1-23;x"),
    "names of odd characters": good(message(b"!%'*+-.^_`|~: x")),
    "empty values of unknown headers": good(message(b"A:", b"s :", b"B: \t", b"Z:;;,,;")),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "facts"), GOOD.values(), ids=GOOD)
def test_good(raw: bytes, facts: dict[str, object]) -> None:
    message = parse_datagram(raw)
    check(message, facts)
    assert message.to_bytes() == raw
    for pieces, count in (((raw,), 1), (octets(raw), 1), ((raw + raw,), 2), ((raw[:-1], raw[-1:] + raw), 2)):
        assert outcome_of(*pieces) == ([message] * count, [])


# What goes out differently: the octets that came, and the octets that leave.
UNUSUAL = {
    "C.2 bare LF": (message(end=b"\n"), message()),
    "C.2 mixed line ends": (message(b"A: b\nB: d"), message(b"A: b\r\nB: d")),
    "C.2 bare LF before a fold": (message(b"A: b\n c"), message(b"A: b\r\n c")),
    "C.2 version in lower case": (message(start=b"OPTIONS sip:a sip/2.0"), message(start=b"OPTIONS sip:a SIP/2.0")),
    "C.2 response in lower case": (message(start=b"sIp/2.0 200 OK"), message(start=OK)),
    "C.2 no space after the status": (message(start=b"SIP/2.0 200"), message(start=b"SIP/2.0 200 ")),
    "C.2 equal lengths": (message(b"l: 2", body=b"ab"), message(b"Content-Length: 2", length=None, body=b"ab")),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "written"), UNUSUAL.values(), ids=UNUSUAL)
def test_unusual(raw: bytes, written: bytes) -> None:
    message = parse_datagram(raw)
    assert message.to_bytes() == written
    assert parse_datagram(written) == message
    assert outcome_of(raw + raw) == outcome_of(*octets(raw + raw)) == ([message, message], [])


# What is wrong, the code, the status of the answer; whether a connection can go on.
BAD = {
    "C.2 no request line": (message(start=b"OPTIONS"), "bad-start-line", None, False),
    "C.2 other protocol": (message(start=b"GET / HTTP/1.1"), "bad-start-line", None, False),
    "C.2 leading blank": (b" " + message(), "bad-start-line", None, False),
    "C.2 binary": (b"\x16\x03\x01\x00\xee\n", "bad-start-line", None, False),
    "C.2 method isn't a token": (message(start=b"OP(T) sip:a SIP/2.0"), "bad-start-line", None, False),
    "C.2 no URI": (message(start=b"OPTIONS speech SIP/2.0"), "bad-start-line", 400, False),
    "C.2 no scheme": (message(start=b"OPTIONS :a SIP/2.0"), "bad-start-line", 400, False),
    "C.2 nothing behind the scheme": (message(start=b"OPTIONS x: SIP/2.0"), "bad-start-line", 400, False),
    "C.2 quote in URI": (message(start=b'OPTIONS sip:"a SIP/2.0'), "bad-start-line", 400, False),
    "C.2 UTF-8 in URI": (message(start=b"OPTIONS sip:\xc3\xa9 SIP/2.0"), "bad-start-line", 400, False),
    "C.2 tabs": (message(start=b"OPTIONS\tsip:a\tSIP/2.0"), "bad-start-line", 400, False),
    "C.2 bad SIP URI": (message(start=b"OPTIONS sip:a@b@c SIP/2.0"), "bad-uri", 400, False),
    "C.2 no host": (message(start=b"OPTIONS sip:a@ SIP/2.0"), "bad-uri", 400, False),
    "C.2 port isn't a number": (message(start=b"OPTIONS sips:a:x SIP/2.0"), "bad-uri", 400, False),
    "19.1.1 headers in a request's URI": (message(start=b"OPTIONS sip:a?b=c SIP/2.0"), "bad-uri", 400, False),
    "C.6 version": (message(start=b"OPTIONS sip:a SIP/3.0"), "version", 505, False),
    "C.6 version with more digits": (message(start=b"OPTIONS sip:a SIP/2.00"), "version", 505, False),
    "C.6 version of a response": (message(start=b"SIP/1.0 200 OK"), "version", None, False),
    "C.2 status of two digits": (message(start=b"SIP/2.0 20 OK"), "bad-start-line", None, False),
    "C.2 status of four digits": (message(start=b"SIP/2.0 2000 OK"), "bad-start-line", None, False),
    "C.2 status 700": (message(start=b"SIP/2.0 700 OK"), "bad-start-line", None, False),
    "C.2 status 099": (message(start=b"SIP/2.0 099 OK"), "bad-start-line", None, False),
    "G-4 NUL in the reason": (message(start=b"SIP/2.0 200 O\0K"), "bad-start-line", None, False),
    "G-4 CR in the request line": (message(start=b"OPTIONS sip:a\rb SIP/2.0"), "bad-start-line", None, False),
    "G-4 bare CR": (message(b"A: b\rVia: x"), "bare-cr", 400, False),
    "G-4 bare CR before the end": (message(b"A: b\r"), "bare-cr", 400, False),
    "G-4 NUL": (message(b"A: b\0c"), "nul", 400, False),
    "G-4 NUL behind a backslash, but not in quotes": (message(b"A: b\\\0c"), "nul", 400, False),
    "G-4 NUL in quotes, but not behind a backslash": (message(b'A: "b\0c"'), "nul", 400, False),
    "G-4 NUL in quotes behind a doubled backslash": (message(b'A: "\\\\\0"'), "nul", 400, False),
    "G-4 NUL in a name": (message(b"A\0: b"), "nul", 400, False),
    "C.2 leading fold": (message(b" A: b"), "leading-fold", 400, False),
    "C.2 no colon": (message(b"Foo bar"), "bad-header", 400, False),
    "C.2 empty name": (message(b": b"), "bad-header", 400, False),
    "C.2 name isn't a token": (message(b"A@B: c"), "bad-header", 400, False),
    "C.2 fold before the colon": (message(b"A\r\n : b"), "bad-header", 400, False),
    "C.2 negative length": (message(length=b"Content-Length: -1"), "bad-length", 400, False),
    "C.2 empty length": (message(length=b"Content-Length:"), "bad-length", 400, False),
    "C.2 length isn't a number": (message(length=b"Content-Length: 0x0"), "bad-length", 400, False),
    "C.2 list of lengths": (message(length=b"Content-Length: 0, 0"), "bad-length", 400, False),
    "C.2 digits not ascii": (message(length=b"l: \xd9\xa0"), "bad-length", 400, False),
    "G-2 20 digits": (message(length=b"l: 10000000000000000000"), "bad-length", 400, False),
    "C.2 two lengths": (message(b"l: 5"), "two-lengths", 400, False),
    "C.2 lengths written differently": (message(b"l: 00"), "two-lengths", 400, False),
    "G-9 start-line": (message(start=b"OPTIONS sip:%b SIP/2.0" % (b"a" * 2032)), "start-line-too-long", 414, False),
    "G-9 header lines": (message(*[b"A: b"] * 123), "too-many-headers", 513, False),
    "G-9 folds": (message(b"A:" + b"\r\n b" * 122), "too-many-headers", 513, False),
    # from here on it is known where the next message begins
    "C.2 no Via": (message(via=None), "no-via", None, True),
    "C.2 empty Via": (message(via=b"Via: ,"), "no-via", None, True),
    "C.2 bad Via": (message(via=b"Via: SIP/2.0 192.0.2.10"), "bad-via", None, True),
    "C.2 bad Via below": (message(via=b"v: SIP/2.0/UDP a, SIP/2.0/UDP"), "bad-via", 400, True),
    "G-9 Via": (message(via=b"Via: SIP/2.0/UDP a" + b",SIP/2.0/UDP a" * 70), "too-many-via", None, True),
    "G-9 Contact": (message(b"m: <a:b>" + b",<a:b>" * 70), "too-many-contact", 400, True),
    "G-9 Route": (message(b"Route: <a:b>" + b",<a:b>" * 70), "too-many-route", 400, True),
    "G-9 Record-Route": (message(b"Record-Route: <a:b>" + b",<a:b>" * 70), "too-many-record-route", 400, True),
    "C.2 no From": (message(from_=None), "no-from", 400, True),
    "C.2 empty From": (message(from_=b"From:"), "no-from", 400, True),
    "C.2 bad From": (message(from_=b"From: umc"), "bad-address", 400, True),
    "C.6 two From": (message(from_=b"From: <a:b>\r\nf: <a:b>"), "two-from", 400, True),
    "C.6 two From in a line": (message(from_=b"From: <a:b>, <a:b>"), "bad-address", 400, True),
    "C.2 empty tag": (message(from_=b"From: <a:b>;tag="), "bad-tag", 400, True),
    "C.2 tag without value": (message(from_=b"From: <a:b>;Tag"), "bad-tag", 400, True),
    "C.2 two tags": (message(from_=b"From: <a:b>;tag=a;TAG=b"), "bad-tag", 400, True),
    "C.2 no To": (message(to=None), "no-to", 400, True),
    "C.2 bad To": (message(to=b"To: <>"), "bad-address", 400, True),
    "C.2 empty tag in To": (message(to=b"To: sip:a;tag="), "bad-tag", 400, True),
    "C.2 no Call-ID": (message(call_id=None), "no-call-id", 400, True),
    "C.2 empty Call-ID": (message(call_id=b"i:"), "no-call-id", 400, True),
    "C.2 blank in Call-ID": (message(call_id=b"i: a b"), "bad-call-id", 400, True),
    "C.6 two Call-ID": (message(b"i: x"), "two-call-id", 400, True),
    "F-17 Call-ID missing in a re-INVITE": (
        message(call_id=None, start=INVITE, cseq=b"CSeq: 8 INVITE", to=b"To: <sip:a@b>;tag=b"), "no-call-id", 400, True,
    ),
    "C.2 no CSeq": (message(cseq=None), "no-cseq", 400, True),
    "C.2 CSeq without method": (message(cseq=b"CSeq: 7"), "bad-cseq", 400, True),
    "C.2 CSeq without number": (message(cseq=b"CSeq: OPTIONS"), "bad-cseq", 400, True),
    "C.2 CSeq of 2**31": (message(cseq=b"CSeq: 2147483648 OPTIONS"), "bad-cseq", 400, True),
    "C.2 CSeq of 11 digits": (message(cseq=b"CSeq: 10000000000 OPTIONS"), "bad-cseq", 400, True),
    "C.6 two CSeq": (message(b"CSeq: 7 OPTIONS"), "two-cseq", 400, True),
    "C.6 other method in CSeq": (message(cseq=b"CSeq: 7 Options"), "cseq-mismatch", 400, True),
    "C.6 hops": (message(b"Max-Forwards: 256"), "bad-max-forwards", 400, True),
    "C.6 hops of four digits": (message(b"Max-Forwards: 1000"), "bad-max-forwards", 400, True),
    "C.2 hops aren't a number": (message(b"Max-Forwards: x"), "bad-max-forwards", 400, True),
    "C.2 no hops": (message(b"Max-Forwards:"), "no-max-forwards", 400, True),
    "C.6 hops twice": (message(b"Max-Forwards: 7", b"Max-Forwards: 7"), "two-max-forwards", 400, True),
    "C.2 bad content type": (message(b"c: sdp"), "bad-content-type", 400, True),
    "C.2 empty content type": (message(b"c: "), "no-content-type", 400, True),
    "C.2 bad Contact": (message(b"m: sip:a@b, <x>"), "bad-address", 400, True),
    "C.2 star among others": (message(b"m: *;x"), "bad-address", 400, True),
    "C.2 bad Route": (message(b"Route: <sip:a;lr>, sip"), "bad-address", 400, True),
    "C.2 bad Record-Route": (message(b"Record-Route: <sip:a"), "bad-address", 400, True),
    "C.2 ACK isn't answered": (message(start=b"ACK sip:a SIP/2.0", cseq=b"CSeq: x"), "bad-cseq", None, True),
    "C.2 a response isn't answered": (message(start=OK, cseq=b"CSeq: x"), "bad-cseq", None, True),
    "C.2 a response's bad framing": (message(start=OK, length=b"l: x"), "bad-length", None, False),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "status", "goes_on"), BAD.values(), ids=BAD)
def test_bad(raw: bytes, code: str, status: int | None, goes_on: bool) -> None:
    with pytest.raises(SipError) as caught:
        parse_datagram(raw)
    error = caught.value
    assert error.code == f"sip.{code}"
    assert (error.answer and error.answer.status) == status
    assert re.fullmatch(r"[CG][.-][0-9]", error.rule)
    assert len(error.excerpt) <= 64
    after = message(b"A: next")
    for pieces in ((raw + after,), octets(raw + after), (SAMPLE + raw, after), (raw[:-1], raw[-1:] + after)):
        events, faults = outcome_of(*pieces)
        assert [fault[0] for fault in faults] == [f"sip.{code}"]
        assert events[-1:] == ([parse_datagram(after)] if goes_on else events[-1:])
        assert (parse_datagram(after) in events) == goes_on
        if goes_on:
            assert faults == [datagram_of(raw)]
