"""Cutting a SIP connection into messages: pings, limits, ends, and how much work and memory it takes."""

import pytest

from mrcpwire import LocalProtocolError
from mrcpwire.sip import KeepAlive, Limits, Request, SipError, StreamReceiver, parse_datagram
from tests.mrcpwire.sip_feeding import OK, SAMPLE, SDP, Told, drained, message, octets, outcome_of

OPTIONS = message()
FOUND = parse_datagram(OPTIONS)
PING = KeepAlive()

# What comes on a connection, and the events: M for the message, P for a ping.
PINGS = {
    "alone": (b"\r\n\r\n", "P"),
    "two": (b"\r\n\r\n\r\n\r\n", "PP"),
    "one line end": (b"\r\n", ""),
    "three line ends": (b"\r\n\r\n\r\n", "P"),
    "before a message": (b"\r\n\r\n" + OPTIONS, "PM"),
    "after a message": (OPTIONS + b"\r\n\r\n", "MP"),
    "between messages": (OPTIONS + b"\r\n\r\n\r\n" + OPTIONS, "MPM"),
    "line ends around a message": (b"\r\n" + OPTIONS + b"\r\n", "M"),
    "a message parts the line ends": (b"\r\n" + OPTIONS + b"\r\n" + OPTIONS, "MM"),
    "bare LF": (b"\n\n" + OPTIONS + b"\n\n\n\n", "M"),
    "bare CR": (b"\r\r\r\r", ""),
    "the other way around": (b"\n\r\n\r", ""),
    "begun twice": (b"\r\r\n\r\r\n\r\n", "P"),
    "two and a half": (b"\r\n\r\n\r\r\n\r\n", "PP"),
    "many": (b"\r\n\r\n" * 5_000, "P" * 5_000),
    "a body that looks like pings": (message(body=b"\r\n\r\n\r\n\r\n"), "B"),
}


@pytest.mark.parametrize(("raw", "events"), PINGS.values(), ids=PINGS)
def test_pings(raw: bytes, events: str) -> None:  # C.2
    kinds = {"P": PING, "M": FOUND, "B": parse_datagram(message(body=b"\r\n\r\n\r\n\r\n"))}
    told = Told([kinds[event] for event in events], [])
    assert outcome_of(raw) == told
    assert outcome_of(*octets(raw)) == told


def test_line_ends_are_not_held() -> None:
    receiver = StreamReceiver()
    for piece in (b"\r\n", b"\r", b"\r\n" * 99 + b"\r"):
        receiver.receive_data(piece)
        drained(receiver, Told([], []))
        assert not receiver.pending


WAITED_FOR = {
    "C.2 no length": (message(length=None), "no-length", 400),
    "C.2 no length in a response": (message(start=OK, length=None), "no-length", None),
    "G-2 too long": (message(length=b"l: 65536"), "too-large", 413),
    "G-2 19 digits": (message(length=b"l: 9999999999999999999"), "too-large", 413),
    "G-9 head": (message(b"A: " + b"b" * 65_536), "too-large", None),
    "G-9 head behind the Via": (message(to=b"To: " + b"b" * 65_536), "too-large", 513),
    "G-9 start-line": (b"OPTIONS sip:" + b"a" * 2050, "start-line-too-long", None),
    "C.2 other protocol": (b"GET / HTTP/1.1\r\n", "bad-start-line", None),
    "C.2 TLS": (b"\x16\x03\x01", "bad-start-line", None),
    "C.2 a blank": (b" ", "bad-start-line", None),
}


@pytest.mark.parametrize(("raw", "code", "status"), WAITED_FOR.values(), ids=WAITED_FOR)
def test_what_is_refused_without_waiting_for_more(raw: bytes, code: str, status: int | None) -> None:
    receiver = StreamReceiver()
    receiver.receive_data(raw)
    with pytest.raises(SipError) as caught:
        receiver.next_event()
    error = caught.value
    assert (error.code, error.fatal) == (f"sip.{code}", True)
    assert (error.answer and error.answer.status) == status
    assert outcome_of(*octets(raw)).faults == outcome_of(raw).faults


def test_the_length_that_is_just_not_too_long() -> None:
    raw = message(length=b"l: %d", body=b"x" * 65_000)
    room = 65_536 - len(raw)
    fits = message(length=b"l: %d", body=b"x" * (65_000 + room))
    assert len(outcome_of(fits).events) == 1
    assert outcome_of(message(length=b"l: %d", body=b"x" * (65_001 + room))).faults[0][1] == 413


def test_a_fault_behind_which_the_next_message_is_known() -> None:
    receiver = StreamReceiver()
    receiver.receive_data(message(cseq=b"CSeq: x", body=SDP) + OPTIONS)
    with pytest.raises(SipError) as caught:
        receiver.next_event()
    assert not caught.value.fatal
    assert caught.value.answer is not None
    assert receiver.next_event() == FOUND
    assert receiver.next_event() is None


def test_a_broken_receiver_stays_broken() -> None:
    receiver = StreamReceiver()
    receiver.receive_data(OPTIONS + message(length=b"l: x") + OPTIONS)
    assert receiver.next_event() == FOUND
    with pytest.raises(SipError) as first:
        receiver.next_event()
    receiver.receive_data(OPTIONS)
    assert not receiver.pending
    with pytest.raises(SipError) as second:
        receiver.next_event()
    assert second.value is first.value


TRUNCATED = {
    "start-line": OPTIONS[:10],
    "head": OPTIONS[:-2],
    "body": SAMPLE[:-1],
    "a second one": OPTIONS + b"S",
}


@pytest.mark.parametrize("raw", TRUNCATED.values(), ids=TRUNCATED)
def test_truncated(raw: bytes) -> None:
    receiver = StreamReceiver()
    receiver.receive_data(raw)
    found = Told([], [])
    assert drained(receiver, found)
    assert receiver.pending
    receiver.receive_eof()
    assert not drained(receiver, found)
    assert found.faults == [("sip.truncated", None, None)]
    assert not receiver.pending


def test_messages_that_came_before_the_end_are_given_after_it() -> None:
    receiver = StreamReceiver()
    receiver.receive_data(OPTIONS + SAMPLE)
    receiver.receive_eof()
    assert receiver.next_event() == FOUND
    assert isinstance(receiver.next_event(), Request)
    assert receiver.next_event() is None
    with pytest.raises(LocalProtocolError):
        receiver.receive_data(b"x")


class Meter(StreamReceiver):
    """Counts the octets that are looked at or moved."""

    __slots__ = ("octets",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.octets = 0

    def _peek(self, start: int, end: int) -> bytes:
        seen = super()._peek(start, end)
        self.octets += len(seen)
        return seen


@pytest.mark.parametrize("size", [1, 7, 1_000, 1_000_000])
def test_work_is_linear(size: int) -> None:  # G-9
    raw = message(*[b"A: b"] * 9_000, body=b"x" * 60_000)
    meter = Meter(Limits(message=1 << 20, header_lines=1 << 20))
    found = Told([], [])
    for start in range(0, len(raw), size):
        meter.receive_data(raw[start : start + size])
        drained(meter, found)
    assert [event.to_bytes() for event in found.events if isinstance(event, Request)] == [raw]
    # each read looks at the next 64 octets for line ends, and at the first for a start-line
    assert meter.octets <= 2 * len(raw) + 200 * (len(raw) / size + 1)


def test_an_idle_connection_holds_nothing() -> None:
    receiver = StreamReceiver()
    receiver.receive_data(SAMPLE[:100])
    receiver.next_event()
    receiver.receive_data(SAMPLE[100:])
    assert receiver.next_event() is not None
    assert receiver.next_event() is None
    assert not receiver.pending
