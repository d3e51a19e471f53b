"""SIP messages written line by line, and fed in every way there is."""

from collections.abc import Iterable
from typing import NamedTuple

from mrcpwire.sip import (
    KeepAlive,
    Limits,
    Request,
    Response,
    SipError,
    StreamReceiver,
    parse_datagram,
)

Message = Request | Response

# The headers a message can't do without, in the order they are written unless a test says otherwise.
LINES = {
    "via": b"Via: SIP/2.0/UDP 192.0.2.10:8062;rport;branch=z9hG4bK1",
    "from_": b"From: <sip:umc@192.0.2.10>;tag=a1",
    "to": b"To: <sip:speech@192.0.2.50>",
    "call_id": b"Call-ID: c1@192.0.2.10",
    "cseq": b"CSeq: 7 OPTIONS",
}


def message(
    *more: bytes,
    start: bytes = b"OPTIONS sip:speech@192.0.2.50 SIP/2.0",
    body: bytes = b"",
    length: bytes | None = b"Content-Length: %d",
    end: bytes = b"\r\n",
    **lines: bytes | None,
) -> bytes:
    """Write a request, or with another `start` a response; a line that is None is left out."""
    written = [line for line in (LINES | lines).values() if line is not None]
    if length is not None:
        written.append(length.replace(b"%d", b"%d" % len(body)))
    return end.join((start, *more, *written, b"", body))


SDP = b"v=0\r\no=- 0 0 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=application 9 TCP/MRCPv2 1\r\n"
INVITE = b"INVITE sip:speech@192.0.2.50:5060 SIP/2.0"
OK = b"SIP/2.0 200 OK"
SAMPLE = message(
    b"Max-Forwards: 70",
    b"Contact: <sip:umc@192.0.2.10:8062>",
    b"Session-Expires: 600;refresher=uac",
    b"Content-Type: application/sdp",
    start=INVITE,
    cseq=b"CSeq: 7 INVITE",
    body=SDP,
)


def check(found: object, facts: dict[str, object]) -> None:
    """Compare what was read."""
    assert isinstance(found, Request | Response)
    assert {name: getattr(found, name) for name in facts} == facts


def octets(raw: bytes) -> Iterable[bytes]:
    return (raw[i : i + 1] for i in range(len(raw)))


class Told(NamedTuple):
    """What a peer's octets led to."""

    events: list[Message | KeepAlive]
    faults: list[tuple[str, int | None, bytes | None]]  # code, status, the answer's octets


def told(error: SipError) -> tuple[str, int | None, bytes | None]:
    """Note everything about a fault that a caller goes by."""
    return error.code, error.status_hint, error.answer.to_bytes() if error.answer else None


def outcome_of(*pieces: bytes, limits: Limits | None = None, eof: bool = True) -> Told:
    """Feed a receiver and take what it gives, as the shell does: up to a fatal fault, or the end."""
    receiver = StreamReceiver(limits or Limits())
    found = Told([], [])
    for piece in pieces:
        receiver.receive_data(piece)
        if not drained(receiver, found):
            return found
    if eof:
        receiver.receive_eof()
        drained(receiver, found)
        assert not receiver.pending
    return found


def drained(receiver: StreamReceiver, into: Told) -> bool:
    """Take what there is; tell whether the stream goes on."""
    while True:
        try:
            event = receiver.next_event()
        except SipError as error:
            into.faults.append(told(error))
            if error.fatal:
                return False
        else:
            if event is None:
                return True
            into.events.append(event)


def datagram_of(raw: bytes, limits: Limits | None = None) -> Message | tuple[str, int | None, bytes | None]:
    """Parse a datagram; give the message, or what its fault tells."""
    try:
        return parse_datagram(raw, limits or Limits())
    except SipError as error:
        return told(error)


def request_of(raw: bytes) -> Request:
    found = parse_datagram(raw)
    assert isinstance(found, Request)
    return found
