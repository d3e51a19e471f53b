"""What RFC 4475 asks of parsers: messages in the manner of each of its tests, under its names, with our verdicts.

Some of its tests are for those who act on messages; what is read here is what they act on.
"""

import pytest

from mrcpwire.sip import NameAddr, Request, Response, SipError, parse_datagram, response_to, sip_uri
from tests.mrcpwire.sip_feeding import OK, SDP, check, message, octets, outcome_of, request_of

REGISTER = b"REGISTER sip:example.com SIP/2.0"
INVITE = b"INVITE sip:user@example.com SIP/2.0"
C_REGISTER, C_INVITE = b"CSeq: 7 REGISTER", b"CSeq: 7 INVITE"
ODD_METHOD = b"!interesting-Method0123456789_*+`.%indeed'~"
ODD_USER = b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
LONG = b"long" * 40

VALID: dict[str, tuple[bytes, dict[str, object]]] = {
    "3.1.1.1 wsinv": (
        message(
            b"TO :\r\n sip:watson@example.com ;   tag    = 1918",
            b'from   : "A Bell \\\\\\""       <sip:bell@example.com>\r\n  ;\r\n  tag = 98as',
            b"MaX-fOrWaRdS: 0068",
            b"cseq: 0009\r\n  INVITE",
            b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390sk",
            b"s :",
            b"NewFangled:   new value\r\n continued",
            b"Unusual: ;;,,;;,;",
            b"v:  SIP  / 2.0  / TCP     a.example.com   ;\r\n  branch  =   z9hG4bK9  ,\r\n SIP  /    2.0   / UDP"
            b"  192.0.2.255   ; branch=\r\n z9hG4bK30",
            b'm:"Quoted \\"\\"" <sip:bell@example.com> ; newparam =\r\n      newvalue ;\r\n  q = 0.33',
            b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
            start=b"INVITE sip:watson@example.com;unknownparam SIP/2.0",
            via=None,
            from_=None,
            to=None,
            cseq=None,
            length=b"Content-Length   : %d",
            body=SDP,
        ),
        {
            "cseq": (9, b"INVITE"),
            "max_forwards": 68,
            "body": SDP,
            "to": NameAddr(uri=b"sip:watson@example.com", params=((b"tag", b"1918"),)),
            "from_": NameAddr(
                display=b'"A Bell \\\\\\""', uri=b"sip:bell@example.com", params=((b"tag", b"98as"),)
            ),
            "contact": NameAddr(
                display=b'"Quoted \\"\\""',
                uri=b"sip:bell@example.com",
                params=((b"newparam", b"newvalue"), (b"q", b"0.33")),
            ),
            "route": (NameAddr(uri=b"sip:services.example.com;lr;unknownwith=value;unknown-no-value"),),
        },
    ),
    "3.1.1.2 intmeth": (
        message(
            b"extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7",
            start=b"%b sip:%b:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0" % (ODD_METHOD, ODD_USER),
            via=b"Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
            to=b'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:%b@example.com>' % ODD_USER,
            from_=b"From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="
            b'"\xd1\x80\xd0\xb0";tag=_token~1\'+`*%!-.',
            call_id=b"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            cseq=b"CSeq: 139122385 " + ODD_METHOD,
        ),
        {
            "method": ODD_METHOD,
            "cseq": (139122385, ODD_METHOD),
            "call_id": b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            "to": NameAddr(
                display=b'"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"', uri=b"sip:%b@example.com" % ODD_USER
            ),
        },
    ),
    "3.1.1.3 esc01": (
        message(
            b"m:\r\n  <sip:cal%6Cer@example.net;%6C%72;n%61me=v%61lue%25%34%31>",
            start=b"INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
            to=b"To: sip:%75se%72@example.com",
            cseq=C_INVITE,
        ),
        {
            "uri": b"sip:sips%3Auser%40example.com@example.net",
            "to": NameAddr(uri=b"sip:%75se%72@example.com"),
            "contact": NameAddr(uri=b"sip:cal%6Cer@example.net;%6C%72;n%61me=v%61lue%25%34%31"),
        },
    ),
    "3.1.1.4 escnull": (
        message(b"m: <sip:%00@a>", b"m: <sip:%00%00@a>", start=REGISTER, cseq=C_REGISTER, to=b"t: sip:n-%00-n@a"),
        {"to": NameAddr(uri=b"sip:n-%00-n@a"), "contact": NameAddr(uri=b"sip:%00@a")},
    ),
    "3.1.1.5 esc02": (
        message(
            b"C%6Fntact: <sip:alias2@a>",
            b"m: <sip:alias3@a>",
            start=b"RE%47IST%45R sip:example.com SIP/2.0",
            cseq=b"CSeq: 29344 RE%47IST%45R",
            to=b'To: "%Z%45" <sip:resource@example.com>',
            via=b"Via: SIP/2.0/TCP a;branch=z9hG4bK209%fzsnel234",
        ),
        {
            "method": b"RE%47IST%45R",
            "contact": NameAddr(uri=b"sip:alias3@a"),
            "to": NameAddr(display=b'"%Z%45"', uri=b"sip:resource@example.com"),
        },
    ),
    "3.1.1.6 lwsdisp": (
        message(from_=b"From: caller<sip:caller@example.com>;tag=323"),
        {"from_": NameAddr(display=b"caller", uri=b"sip:caller@example.com", params=((b"tag", b"323"),))},
    ),
    "3.1.1.7 longreq": (
        message(
            b"Unknown-" + LONG + b": x; y = " + LONG,
            *(b"v: SIP/2.0/TCP sip%d.example.com" % n for n in range(33)),
            to=b'To: "I have a user name of %b proportion"<sip:user@a:6000;%b=x;p=%b>' % (LONG, LONG, LONG),
            from_=b"F: sip:%b@example.net;tag=%b;%b" % (LONG, LONG, LONG),
            call_id=b"Call-ID: " + LONG,
            via=b"Via: SIP/2.0/TCP a;received=192.0.2.5;branch=" + LONG,
        ),
        {"call_id": LONG},
    ),
    "3.1.1.8 dblreq": (message() + message(start=INVITE, cseq=C_INVITE), {"method": b"OPTIONS", "body": b""}),
    "3.1.1.9 semiuri": (
        message(start=b"OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
        {"uri": b"sip:user;par=u%40example.net@example.com"},
    ),
    "3.1.1.10 transports": (
        message(b"v: SIP/2.0/SCTP a;branch=z9hG4bKa,SIP/2.0/UNKNOWN b", b"v: SIP/2.0/TLS c"),
        {"method": b"OPTIONS"},
    ),
    "3.1.1.11 mpart01": (
        message(
            b"Content-Type: multipart/mixed;boundary=7a9c",
            start=b"MESSAGE sip:a@b SIP/2.0",
            cseq=b"CSeq: 1 MESSAGE",
            body=b"--7a9c\r\n\r\n\x00\x30\x82\r\n--7a9c--\r\n",
        ),
        {"content_type": b"multipart/mixed", "body": b"--7a9c\r\n\r\n\x00\x30\x82\r\n--7a9c--\r\n"},
    ),
    "3.1.1.12 unreason": (
        message(start=b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe"),
        {"status": 200, "reason": b"= 2**3 * 5**2 \xd0\xbd\xd0\xbe"},
    ),
    "3.1.1.13 noreason": (message(start=b"SIP/2.0 100 "), {"status": 100, "reason": b""}),
    # dates aren't read
    "3.1.2.12 baddate": (message(b"Date: Fri, 01 Jan 2010 16:00:00 EST"), {"method": b"OPTIONS"}),
    "3.2.1 badbranch": (message(via=b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), {"method": b"OPTIONS"}),
    "3.3.2 unkscm": (message(start=b"OPTIONS nobody:opaque SIP/2.0"), {"uri": b"nobody:opaque"}),
    "3.3.3 novelsc": (message(start=b"OPTIONS soap.beep://a:3002 SIP/2.0"), {"uri": b"soap.beep://a:3002"}),
    "3.3.4 unksm2": (
        message(
            b"Contact: <name:John_Smith>",
            start=REGISTER,
            cseq=C_REGISTER,
            to=b"To: isbn:2983792873",
            from_=b"From: <http://www.example.com>;tag=32",
        ),
        {
            "to": NameAddr(uri=b"isbn:2983792873"),
            "from_": NameAddr(uri=b"http://www.example.com", params=((b"tag", b"32"),)),
            "contact": NameAddr(uri=b"name:John_Smith"),
        },
    ),
    "3.3.5 bext01": (message(b"Require: nothing, Either", b"Proxy-Require: noProxies, norAny"), {"method": b"OPTIONS"}),
    "3.3.6 invut": (message(b"c: application/unknown", body=b"<a/>"), {"content_type": b"application/unknown"}),
    "3.3.7 regaut01": (message(b"Authorization: NoOneKnows opaque-data=here"), {"method": b"OPTIONS"}),
    "3.3.10 bcast": (
        message(start=OK, via=b"Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP 255.255.255.255"),
        {"status": 200},
    ),
    "3.3.11 zeromf": (message(b"Max-Forwards: 0"), {"max_forwards": 0}),
    "3.3.12 cparam01": (
        message(b"Contact: sip:+19725552222@gw1.example.net;unknownparam", start=REGISTER, cseq=C_REGISTER),
        {"contact": NameAddr(uri=b"sip:+19725552222@gw1.example.net", params=((b"unknownparam", None),))},
    ),
    "3.3.13 cparam02": (
        message(b"Contact: <sip:+19725552222@gw1.example.net;unknownparam>", start=REGISTER, cseq=C_REGISTER),
        {"contact": NameAddr(uri=b"sip:+19725552222@gw1.example.net;unknownparam")},
    ),
    "3.3.14 regescrt": (
        message(b"M: <sip:user@example.com?Route=%3Csip:a%3E>", start=REGISTER, cseq=C_REGISTER),
        {"contact": NameAddr(uri=b"sip:user@example.com?Route=%3Csip:a%3E")},
    ),
    "3.3.15 sdp01": (message(b"Accept: text/nobodyKnowsThis", start=INVITE, cseq=C_INVITE), {"uri": b"sip:user@example.com"}),
    "3.4.1 inv2543": (
        message(
            b"Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
            start=INVITE,
            cseq=C_INVITE,
            via=b"Via: SIP/2.0/UDP iftgw.example.com",
            from_=b"From: <sip:+13035551111@example.net;user=phone>",
            to=b"To: sip:+16505552222@ss1.example.net;user=phone",
            length=None,
            body=SDP,
        ),
        {
            "from_": NameAddr(uri=b"sip:+13035551111@example.net;user=phone"),
            "to": NameAddr(uri=b"sip:+16505552222@ss1.example.net", params=((b"user", b"phone"),)),
            "record_route": (NameAddr(uri=b"sip:UserB@example.com;maddr=ss1.example.com"),),
            "max_forwards": None,
            "body": SDP,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "facts"), VALID.values(), ids=VALID)
def test_valid(raw: bytes, facts: dict[str, object]) -> None:  # C.6
    found = parse_datagram(raw)
    check(found, facts)
    assert raw.startswith(found.to_bytes()) or b"\nContent-Length" not in raw
    assert parse_datagram(found.to_bytes()) == found
    if isinstance(found, Request):
        response = response_to(found, 200, to_tag=b"t")
        assert parse_datagram(response.to_bytes()) == response


def test_hops_of_wsinv() -> None:
    found = request_of(VALID["3.1.1.1 wsinv"][0])
    assert [(via.transport, via.host, via.branch) for via in found.vias] == [
        (b"UDP", b"192.0.2.2", b"390sk"),
        (b"TCP", b"a.example.com", b"z9hG4bK9"),
        (b"UDP", b"192.0.2.255", b"z9hG4bK30"),
    ]


def test_hops_of_longreq_and_transports() -> None:
    assert len(request_of(VALID["3.1.1.7 longreq"][0]).vias) == 34
    found = request_of(VALID["3.1.1.10 transports"][0])
    assert [via.transport for via in found.vias] == [b"SCTP", b"UNKNOWN", b"TLS", b"UDP"]


def test_what_others_go_by() -> None:
    assert sip_uri(request_of(VALID["3.3.2 unkscm"][0]).uri) is None  # 416
    assert sip_uri(request_of(VALID["3.3.3 novelsc"][0]).uri) is None  # 416
    assert request_of(VALID["3.3.5 bext01"][0]).headers.values(b"require") == [b"nothing", b"Either"]  # 420
    semicolons = sip_uri(request_of(VALID["3.1.1.9 semiuri"][0]).uri)
    assert semicolons is not None
    assert (semicolons.user, semicolons.params) == (b"user;par=u%40example.net", ())
    escaped = request_of(VALID["3.1.1.5 esc02"][0])
    assert escaped.headers.get_all(b"contact") == [b"<sip:alias3@a>"]
    assert escaped.headers.get(b"C%6Fntact") == b"<sip:alias2@a>"
    assert request_of(VALID["3.4.1 inv2543"][0]).vias[0].branch is None


INVALID = {
    "3.1.2.1 badinv01": (message(b'm: "Joe" <sip:joe@a>;;;;', via=b"Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), "bad-via", 400),
    "3.1.2.2 clerr": (message(start=INVITE, cseq=C_INVITE, length=b"l: 9999", body=SDP), "truncated", 400),
    "3.1.2.3 ncl": (message(length=b"Content-Length: -999", body=SDP), "bad-length", 400),
    "3.1.2.4 scalar02": (
        message(b"Max-Forwards: 300", cseq=b"CSeq: 36893488147419103232 OPTIONS"), "bad-cseq", 400,
    ),
    "3.1.2.5 scalarlg": (
        message(start=b"SIP/2.0 503 Service Unavailable", cseq=b"CSeq: 9292394834772304023312 OPTIONS"), "bad-cseq", None,
    ),
    "3.1.2.6 quotbal": (message(to=b'To: "Mr. J. User <sip:j.user@example.com>'), "bad-address", 400),
    "3.1.2.7 ltgtruri": (message(start=b"OPTIONS <sip:user@example.com> SIP/2.0"), "bad-start-line", 400),
    "3.1.2.8 lwsruri": (message(start=b"OPTIONS sip:user@example.com; lr SIP/2.0"), "bad-start-line", 400),
    "3.1.2.9 lwsstart": (message(start=b"OPTIONS  sip:user@example.com  SIP/2.0"), "bad-start-line", 400),
    "3.1.2.10 trws": (message(start=b"OPTIONS sip:user@example.com SIP/2.0  "), "bad-start-line", 400),
    "3.1.2.11 escruri": (message(start=b"OPTIONS sip:user@example.com?Route=%3Csip:a%3E SIP/2.0"), "bad-uri", 400),
    "3.1.2.13 regbadct": (message(b"Contact: sip:user@example.com?Route=%3Csip:a%3E"), "bad-address", 400),
    "3.1.2.14 badaspec": (message(to=b'To: "Watson, Thomas" < sip:t.watson@example.org >'), "bad-address", 400),
    "3.1.2.15 baddn": (message(to=b"To: Watson, Thomas <sip:t.watson@example.org>"), "bad-address", 400),
    "3.1.2.16 badvers": (
        message(start=b"OPTIONS sip:a SIP/7.0", via=b"Via: SIP/7.0/UDP c.example.com;branch=z9hG4bKk"), "version", 505,
    ),
    "3.1.2.17 mismatch01": (message(cseq=C_INVITE), "cseq-mismatch", 400),
    "3.1.2.18 mismatch02": (message(start=b"NEWMETHOD sip:a SIP/2.0", cseq=C_INVITE), "cseq-mismatch", 400),
    "3.1.2.19 bigcode": (message(start=b"SIP/2.0 4294967301 better not break the receiver"), "bad-start-line", None),
    "3.3.1 insuf": (message(from_=None, to=None, call_id=None), "no-from", 400),
    "3.3.8 multi01": (
        message(b"CSeq: 59 OPTIONS", b"i: other", b"f: <sip:o@x>;tag=1", b"t: <sip:o@x>", b"m: <sip:o@x>"), "two-from", 400,
    ),
    "3.3.9 mcl01": (message(b"Content-Length: 13", length=b"Content-Length: 5", body=b"x" * 13), "two-lengths", 400),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "status"), INVALID.values(), ids=INVALID)
def test_invalid(raw: bytes, code: str, status: int | None) -> None:  # C.6
    with pytest.raises(SipError) as caught:
        parse_datagram(raw)
    answer = caught.value.answer
    assert caught.value.code == f"sip.{code}"
    assert (answer and answer.status) == status
    for pieces in ((raw,), octets(raw)):
        assert outcome_of(*pieces).events == []
    if answer is not None:
        lines = set(raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))
        kept = [line for line in answer.to_bytes().split(b"\r\n") if line in lines]
        assert any(line.startswith(b"Via: ") for line in kept)
        assert any(line.startswith(b"CSeq: ") for line in kept)


def test_every_test_has_its_row() -> None:
    names = VALID | INVALID
    assert len(names) == 49
    sections = [(3, 1, 1, 13), (3, 1, 2, 19), (3, 2, 0, 1), (3, 3, 0, 15), (3, 4, 0, 1)]
    expected = {
        f"{a}.{b}.{c}.{n}" if c else f"{a}.{b}.{n}" for a, b, c, last in sections for n in range(1, last + 1)
    }
    assert {name.split()[0] for name in names} == expected


def test_responses_are_dropped_in_silence() -> None:
    for name in ("3.1.2.5 scalarlg", "3.1.2.19 bigcode"):
        with pytest.raises(SipError) as caught:
            parse_datagram(INVALID[name][0])
        assert caught.value.answer is None


def test_answers_to_what_could_be_read_are_sound() -> None:
    with pytest.raises(SipError) as caught:
        parse_datagram(INVALID["3.1.2.16 badvers"][0])
    answer = caught.value.answer
    assert isinstance(answer, Response)
    assert parse_datagram(answer.to_bytes()) == answer
    assert answer.vias[0].protocol == b"SIP/7.0"
    assert answer.to.tag is not None
