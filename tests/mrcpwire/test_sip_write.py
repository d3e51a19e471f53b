"""Responses of our own: what they copy, and what they answer to requests with a fault."""

from typing import TYPE_CHECKING

import pytest

from mrcpwire import LocalProtocolError
from mrcpwire.sip import REASONS, Limits, Response, SipError, parse_datagram, reason_phrase, response_to
from tests.mrcpwire.sip_feeding import SDP, message, request_of

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = message(
    b"Max-Forwards: 70",
    b"v : SIP/2.0/TCP above;branch=z9hG4bK2,\r\n SIP/2.0/UDP below",
    b"Contact: <sip:umc@192.0.2.10>",
    b"X-Other: kept out",
    to=b'To: "a;tag=no" <sip:speech@192.0.2.50;tag=no>  ',
)


def test_what_is_copied() -> None:  # RFC 3261 section 8.2.6.2
    assert response_to(request_of(REQUEST), 180, to_tag=b"t1").to_bytes() == (
        b"SIP/2.0 180 Ringing\r\n"
        b"v : SIP/2.0/TCP above;branch=z9hG4bK2,\r\n SIP/2.0/UDP below\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.10:8062;rport;branch=z9hG4bK1\r\n"
        b"From: <sip:umc@192.0.2.10>;tag=a1\r\n"
        b'To: "a;tag=no" <sip:speech@192.0.2.50;tag=no>;tag=t1\r\n'
        b"Call-ID: c1@192.0.2.10\r\n"
        b"CSeq: 7 OPTIONS\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_no_tag_where_none_is_given() -> None:
    assert response_to(request_of(REQUEST), 100).to.tag is None


@pytest.mark.parametrize(
    "to", [b"t: sip:a@b", b"To: sip:a@b;x=y", b"To: <sip:a@b;tag=no>;x", b"TO :\r\n sip:a@b"]
)
def test_the_tag_is_put_behind_whatever_the_to_is(to: bytes) -> None:
    request = request_of(message(to=to))
    response = response_to(request, 200, to_tag=b"t1")
    assert (response.to.uri, response.to.tag) == (request.to.uri, b"t1")


def test_a_tag_that_is_there_stays() -> None:
    request = request_of(message(to=b"To: <sip:a@b>;TAG=theirs"))
    assert response_to(request, 200, to_tag=b"t1").to.tag == b"theirs"


def test_what_is_added() -> None:
    response = response_to(
        request_of(REQUEST),
        200,
        b"Fine",
        to_tag=b"t1",
        headers=[(b"Contact", b"<sip:192.0.2.50>"), (b"Allow", b"INVITE, ACK")],
        body=SDP,
        content_type=b"application/sdp",
    )
    assert response.to_bytes().endswith(
        b"CSeq: 7 OPTIONS\r\nContact: <sip:192.0.2.50>\r\nAllow: INVITE, ACK\r\n"
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b" % (len(SDP), SDP)
    )
    assert (response.status, response.reason) == (200, b"Fine")
    assert parse_datagram(response.to_bytes()) == response


def test_nothing_breaks_out() -> None:  # G-4
    request = request_of(REQUEST)
    attempts: list[Callable[[], Response]] = [
        lambda: response_to(request, 200, b"OK\r\nVia: x"),
        lambda: response_to(request, 200, to_tag=b"a\r\n"),
        lambda: response_to(request, 200, to_tag=b""),
        lambda: response_to(request, 200, headers=[(b"A", b"b\nc")]),
        lambda: response_to(request, 200, content_type=b"a\r\n"),
        lambda: response_to(request, 700),
        lambda: response_to(request, 99),
    ]
    for attempt in attempts:
        with pytest.raises(LocalProtocolError):
            attempt()


def test_reasons() -> None:
    assert reason_phrase(486) == REASONS[486] == b"Busy Here"
    assert [reason_phrase(status) for status in (189, 299, 399, 499, 599, 699)] == [
        b"Progress", b"OK", b"Redirection", b"Request Failure", b"Server Failure", b"Global Failure",
    ]  # fmt: skip
    assert all(100 <= status <= 699 and phrase for status, phrase in REASONS.items())


def answer_to(raw: bytes, limits: Limits | None = None) -> Response | None:
    with pytest.raises(SipError) as caught:
        parse_datagram(raw, limits or Limits())
    return caught.value.answer


def test_an_answer_repeats_what_came() -> None:  # C.2
    answer = answer_to(REQUEST.replace(b"CSeq: 7 OPTIONS", b"CSeq  : 7 "))
    assert answer is not None
    tag = answer.to.tag or b""
    assert answer.to_bytes() == (
        b"SIP/2.0 400 Bad Request (bad-cseq)\r\n"
        b"v : SIP/2.0/TCP above;branch=z9hG4bK2,\r\n SIP/2.0/UDP below\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.10:8062;rport;branch=z9hG4bK1\r\n"
        b"From: <sip:umc@192.0.2.10>;tag=a1\r\n"
        b'To: "a;tag=no" <sip:speech@192.0.2.50;tag=no>;tag=%b\r\n'
        b"Call-ID: c1@192.0.2.10\r\n"
        b"CSeq  : 7 \r\n"
        b"Content-Length: 0\r\n\r\n" % tag
    )


def test_the_same_request_has_the_same_answer() -> None:  # RFC 3261 section 8.2.7
    raw = REQUEST.replace(b"7 OPTIONS", b"x")
    assert answer_to(raw) == answer_to(raw)
    other = answer_to(raw.replace(b"c1@", b"c2@"))
    assert other is not None
    assert other.to.tag != (answer_to(raw) or other).to.tag


UNANSWERED = {
    "ACK": message(start=b"ACK sip:a SIP/2.0", cseq=b"CSeq: x"),
    "response": message(start=b"SIP/2.0 200 OK SIP/2.0", cseq=b"CSeq: x"),
    "no Via": message(via=None),
    "a Via nobody can read": message(via=b"Via: <192.0.2.10>"),
    "NUL in what would be repeated": message(call_id=b"Call-ID: a\0b"),
    "more Via than may be": message(via=b"Via: SIP/2.0/UDP a" + b", SIP/2.0/UDP a" * 70),
    "no request at all": b"Via: SIP/2.0/UDP a\r\n\r\n",
    "other protocol": message(start=b"OPTIONS rtsp://a RTSP/1.0"),
}


@pytest.mark.parametrize("raw", UNANSWERED.values(), ids=UNANSWERED)
def test_what_is_not_answered(raw: bytes) -> None:  # C.2
    assert answer_to(raw) is None


ANSWERED = {
    "a To with a tag keeps it": (message(to=b"To: <sip:a>;tag=x", cseq=None), b"To: <sip:a>;tag=x\r\n"),
    "a To nobody can read": (message(to=b"To: <sip:a"), b"To: <sip:a\r\n"),
    "no To": (message(to=None), b"CSeq: 7 OPTIONS\r\n"),
    "the first of two": (message(b"i: first"), b"i: first\r\nVia"),
    "a line that isn't one": (message(b"Via Via: SIP/2.0/UDP x"), b"(bad-header)\r\nVia: SIP/2.0/UDP 192"),
    "LF": (message(cseq=b"CSeq: x", end=b"\n"), b"CSeq: x\r\n"),
    "a NUL elsewhere": (message(b"A: \0"), b"(nul)\r\n"),
    "cut within a line": (message()[:-20], b"CSeq: 7 OPTIONS\r\n"),
}


@pytest.mark.parametrize(("raw", "part"), ANSWERED.values(), ids=ANSWERED)
def test_what_is_answered_all_the_same(raw: bytes, part: bytes) -> None:  # C.2
    answer = answer_to(raw)
    assert answer is not None
    assert part in answer.to_bytes()
    assert answer.status == 400


def test_an_answer_is_not_much_longer_than_the_request() -> None:  # G-6
    raw = message(*[b"A: %b" % (b"b" * 100)] * 130, body=b"x" * 50_000)
    answer = answer_to(raw)
    assert answer is not None
    assert len(answer.to_bytes()) < 400
    assert answer.status == 513
