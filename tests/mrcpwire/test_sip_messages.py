"""SIP messages of our own: always with the right length, never with a line that breaks."""

import attrs
import pytest

from mrcpwire import LocalProtocolError
from mrcpwire.sip import NameAddr, Request, Response, SipError, SipHeaders, parse_datagram
from tests.mrcpwire.sip_feeding import INVITE, SAMPLE, SDP, message, request_of

FIELDS = [
    (b"Via", b"SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK2"),
    (b"From", b"<sip:proxy@192.0.2.50>;tag=p"),
    (b"To", b"<sip:speech@198.51.100.11>"),
    (b"Call-ID", b"c2"),
    (b"CSeq", b"1 INVITE"),
]


def invite(*fields: tuple[bytes, bytes], body: bytes = b"") -> Request:
    return Request(
        method=b"INVITE",
        uri=b"sip:speech@198.51.100.11",
        headers=SipHeaders.of([*FIELDS, *fields]),
        body=body,
    )


def test_a_request_of_ours() -> None:
    request = invite((b"Content-Type", b"application/sdp"), body=SDP)
    assert request.to_bytes() == (
        b"INVITE sip:speech@198.51.100.11 SIP/2.0\r\n"
        + b"".join(b"%b: %b\r\n" % field for field in FIELDS)
        + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b" % (len(SDP), SDP)
    )
    assert parse_datagram(request.to_bytes()) == request


LENGTHS = {
    "right": ([(b"l", b"2"), (b"A", b"b")], b"l: 2\r\nA: b\r\n"),
    "right, with zeros": ([(b"l", b"002")], b"l: 002\r\n"),
    "missing": ([(b"A", b"b")], b"A: b\r\nContent-Length: 2\r\n"),
    "wrong": ([(b"l", b"3"), (b"A", b"b")], b"Content-Length: 2\r\nA: b\r\n"),
    "empty": ([(b"l", b"")], b"Content-Length: 2\r\n"),
    "twice": ([(b"l", b"2"), (b"A", b"b"), (b"l", b"2")], b"Content-Length: 2\r\nA: b\r\n"),
    "no number": ([(b"l", b"x")], b"Content-Length: 2\r\n"),
}


@pytest.mark.parametrize(("fields", "section"), LENGTHS.values(), ids=LENGTHS)
def test_the_length_is_right_and_keeps_its_place(fields: list[tuple[bytes, bytes]], section: bytes) -> None:
    headers = SipHeaders.of(fields)
    for made in (
        Response(status=200, reason=b"OK", headers=headers, body=b"ab"),
        Response(status=200, reason=b"OK", headers=SipHeaders(), body=b"ab").with_headers(headers),
    ):
        assert made.to_bytes() == b"SIP/2.0 200 OK\r\n" + section + b"\r\nab"


@pytest.mark.parametrize("length", [b"", b"0", b"000"])
def test_no_body_has_a_length_too(length: bytes) -> None:
    made = Response(status=200, reason=b"", headers=SipHeaders.of([(b"l", length)]))
    assert made.headers.get(b"content-length") == (length or b"0")


def test_another_body() -> None:  # S-04, S-05
    sample = request_of(SAMPLE.replace(b"Content-Type", b"Content-Disposition: session\r\nContent-Type"))
    assert sample.with_body(b"v=0\r\n").to_bytes() == sample.to_bytes().replace(
        b"Content-Length: %d\r\n\r\n%b" % (len(SDP), SDP), b"Content-Length: 5\r\n\r\nv=0\r\n"
    )
    typed = sample.with_body(b"x", b"text/plain")
    assert (typed.content_type, typed.body) == (b"text/plain", b"x")
    empty = sample.with_body(b"")
    assert (empty.content_type, empty.headers.get(b"content-disposition"), empty.body) == (None, None, b"")
    assert empty.headers.get(b"l") == b"0"
    assert sample.body == SDP


def test_what_was_read_is_read_once() -> None:
    request = request_of(SAMPLE)
    for name in ("vias", "from_", "to", "cseq", "contact", "record_route", "route"):
        assert getattr(request, name) is getattr(request, name)


def test_an_edited_message_is_read_anew() -> None:
    request = request_of(SAMPLE)
    other = request.with_headers(request.headers.replaced(b"f", b"<sip:other@b>;tag=o"))
    assert (request.from_.tag, other.from_.tag) == (b"a1", b"o")
    assert (other.method, other.uri, other.body) == (request.method, request.uri, request.body)


def test_messages_are_values() -> None:
    assert request_of(SAMPLE) == request_of(SAMPLE)
    assert hash(request_of(SAMPLE)) == hash(request_of(SAMPLE))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request_of(SAMPLE).method = b"BYE"  # type: ignore[misc]  # it is what must not be possible


MISSING = {"vias": "no-via", "from_": "no-from", "to": "no-to", "call_id": "no-call-id", "cseq": "no-cseq"}


@pytest.mark.parametrize(("name", "code"), MISSING.items())
def test_a_message_of_ours_may_lack_what_is_not_asked_for(name: str, code: str) -> None:
    made = Response(status=200, reason=b"OK", headers=SipHeaders())
    with pytest.raises(SipError) as caught:
        getattr(made, name)
    assert caught.value.code == f"sip.{code}"
    assert (made.contact, made.max_forwards, made.content_type) == (None, None, None)
    assert made.route == made.record_route == ()


UNSAFE_REQUESTS = [
    (b"", b"sip:a"),
    (b"A B", b"sip:a"),
    (b"A\r\n", b"sip:a"),
    (b"A", b""),
    (b"A", b"a"),
    (b"A", b"sip:a b"),
    (b"A", b"sip:a\r\nVia: x"),
    (b"A", b"<sip:a>"),
]


@pytest.mark.parametrize(("method", "uri"), UNSAFE_REQUESTS)
def test_no_request_line_breaks(method: bytes, uri: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        Request(method=method, uri=uri, headers=SipHeaders())


@pytest.mark.parametrize(
    ("status", "reason"), [(99, b""), (700, b""), (0, b""), (200, b"a\r\nb"), (200, b"\n"), (200, b"\0")]
)
def test_no_status_line_breaks(status: int, reason: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        Response(status=status, reason=reason, headers=SipHeaders())


def test_the_backend_leg_of_an_invite() -> None:  # S-02: what the API is for
    caller = request_of(SAMPLE)
    leg = caller.with_headers(
        caller.headers.without(b"Via", b"Route", b"Record-Route")
        .with_(b"Contact", NameAddr(uri=b"sip:192.0.2.50").to_bytes())
        .with_(b"From", caller.from_.with_tag(b"p").to_bytes())
        .with_(b"Max-Forwards", b"69")
        .prepend(b"Via", b"SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK9;rport")
    )
    assert leg.to_bytes() == SAMPLE.replace(
        INVITE + b"\r\n", INVITE + b"\r\nVia: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK9;rport\r\n"
    ).replace(message().split(b"\r\n")[1] + b"\r\n", b"").replace(
        b"<sip:umc@192.0.2.10:8062>", b"<sip:192.0.2.50>"
    ).replace(b"tag=a1", b"tag=p").replace(b"Max-Forwards: 70", b"Max-Forwards: 69")
