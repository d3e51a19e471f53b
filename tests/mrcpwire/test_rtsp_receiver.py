"""Cutting octets into messages: any cut, any damage, any end, and how much work and memory it takes."""

import sys
import tracemalloc
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, RemoteProtocolError, _rtsp_receiver
from mrcpwire.rtsp import Interleaved, Limits, Receiver, Request, Response
from tests.strategies import RtspExample, mutated, pieces_of, rtsp_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = Request | Response | Interleaved

HEAD = b"ANNOUNCE rtsp://192.0.2.50:554/media/speechrecog RTSP/1.0\r\nCSeq: 5\r\nContent-Length: %d\r\n\r\n"
MESSAGE = HEAD % 5 + b"abcde"
FRAME = b"$\x01\x00\x03abc"


class Outcome(NamedTuple):
    """All that a receiver tells: the messages, then the fault."""

    events: list[Event]
    error: tuple[object, ...] | None


def drained(receiver: Receiver) -> "Iterator[Event]":
    """Take what there is; what came before a fault is not lost with it."""
    return iter(receiver.next_event, None)


def outcome_of(*pieces: bytes, limits: Limits | None = None) -> Outcome:
    receiver = Receiver(limits or Limits())
    events: list[Event] = []
    try:
        for piece in pieces:
            receiver.receive_data(piece)
            events += drained(receiver)
        receiver.receive_eof()
        events += drained(receiver)
    except RemoteProtocolError as error:
        return Outcome(
            events, (error.code, error.rule, error.status_hint, error.cseq)
        )  # excerpts show what had come
    assert not receiver.pending
    return Outcome(events, None)


streams = st.lists(
    rtsp_messages().map(lambda example: example.raw) | st.sampled_from((b"\r\n", FRAME)), max_size=4
)


@given(st.data(), st.lists(rtsp_messages(), min_size=1, max_size=3))
def test_what_is_written_parses_back(data: st.DataObject, examples: list[RtspExample]) -> None:
    whole = b"".join(example.raw for example in examples)
    events, error = outcome_of(*data.draw(pieces_of(whole)))
    assert error is None
    for event, example in zip(events, examples, strict=True):
        assert isinstance(event, Request | Response)
        assert (event.raw, event.body, event.fault) == (example.raw, example.body, None)
        assert (event.cseq, event.session) == (example.cseq, example.session)


@given(st.data(), streams.map(b"".join).flatmap(mutated))
def test_cuts_never_matter(data: st.DataObject, whole: bytes) -> None:
    outcome = outcome_of(whole)
    assert outcome_of(*data.draw(pieces_of(whole))) == outcome
    assert outcome_of(*(whole[i : i + 1] for i in range(len(whole)))) == outcome


@given(st.data(), streams.map(b"".join).flatmap(mutated))
def test_cuts_never_matter_to_limits(data: st.DataObject, whole: bytes) -> None:
    size = st.integers(1, 120)
    limits = Limits(
        start_line=data.draw(size),
        header_section=data.draw(size),
        header_lines=data.draw(st.integers(1, 5)),
        header_line=data.draw(size),
        message=data.draw(size),
        filler=data.draw(st.integers(0, 3)),
    )
    outcome = outcome_of(whole, limits=limits)
    assert outcome_of(*(whole[i : i + 1] for i in range(len(whole))), limits=limits) == outcome
    for event in outcome.events:
        assert len(event.raw) <= limits.message


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    outcome_of(garbage)
    outcome_of(b"SETUP rtsp://h/a RTSP/1.0\r\n" + garbage + b"\r\n\r\n" + garbage)


def test_limits_are_reached_without_fault() -> None:
    start, header, more = b"SETUP rtsp://h/a RTSP/1.0", b"CSeq: 5", b"A: b"
    raw = b"%b\r\n%b\r\n%b\r\n\r\n" % (start, header, more)
    sizes = {
        "start_line": len(start),
        "header_section": len(header) + len(more) + 4,
        "header_lines": 2,
        "header_line": len(header) + 2,
        "message": len(raw),
    }
    assert outcome_of(raw, limits=Limits(**sizes)).error is None
    assert outcome_of(*(raw[i : i + 1] for i in range(len(raw))), limits=Limits(**sizes)).error is None
    for name, size in sizes.items():
        assert outcome_of(raw, limits=Limits(**(sizes | {name: size - 1}))).error is not None


def test_a_large_message_is_not_waited_for() -> None:  # G-2
    receiver = Receiver(Limits(message=1000))
    receiver.receive_data(HEAD % 1000)
    with pytest.raises(RemoteProtocolError) as caught:
        receiver.next_event()
    assert (caught.value.code, caught.value.cseq) == ("rtsp.too-large", b"5")


def test_a_large_frame_is_not_waited_for() -> None:  # G-2
    assert outcome_of(FRAME, limits=Limits(message=7)).error is None
    receiver = Receiver(Limits(message=6))
    receiver.receive_data(FRAME[:4])
    with pytest.raises(RemoteProtocolError) as caught:
        receiver.next_event()
    assert caught.value.code == "rtsp.too-large"


TRUNCATED = {
    "start-line": (MESSAGE[:10], None),
    "head": (MESSAGE[:-15], b"5"),
    "within CSeq": (MESSAGE[: MESSAGE.index(b"5\r\n") + 1], None),
    "body": (MESSAGE[:-1], b"5"),
    "frame": (FRAME[:-1], None),
    "head of a frame": (FRAME[:2], None),
    "after another": (MESSAGE + b"S", None),
}


@pytest.mark.parametrize(("raw", "cseq"), TRUNCATED.values(), ids=TRUNCATED)
def test_truncated(raw: bytes, cseq: bytes | None) -> None:
    receiver = Receiver()
    receiver.receive_data(raw)
    assert [event.raw for event in drained(receiver)] == [MESSAGE] * (len(raw) > len(MESSAGE))
    assert receiver.pending
    receiver.receive_eof()
    with pytest.raises(RemoteProtocolError) as caught:
        receiver.next_event()
    assert (caught.value.code, caught.value.status_hint, caught.value.cseq) == ("rtsp.truncated", None, cseq)
    assert not receiver.pending


def test_messages_that_came_before_the_end_are_given_after_it() -> None:
    receiver = Receiver()
    receiver.receive_data(MESSAGE + FRAME)
    receiver.receive_eof()
    assert [event.raw for event in drained(receiver)] == [MESSAGE, FRAME]
    assert receiver.next_event() is None
    with pytest.raises(LocalProtocolError):
        receiver.receive_data(b"x")


def test_a_broken_receiver_stays_broken() -> None:
    receiver = Receiver()
    receiver.receive_data(MESSAGE + b"GET / HTTP/1.1\r\n")
    assert receiver.next_event() is not None
    with pytest.raises(RemoteProtocolError) as first:
        receiver.next_event()
    receiver.receive_data(MESSAGE)  # nothing behind a fault can be trusted, and nothing is kept
    assert not receiver.pending
    with pytest.raises(RemoteProtocolError) as second:
        receiver.next_event()
    assert second.value is first.value
    receiver.receive_eof()
    with pytest.raises(RemoteProtocolError):
        receiver.next_event()


def test_pending_tells_of_an_unfinished_message() -> None:  # G-3
    receiver = Receiver()
    assert not receiver.pending
    for octet in range(len(MESSAGE) - 1):
        receiver.receive_data(MESSAGE[octet : octet + 1])
        assert receiver.next_event() is None
        assert receiver.pending
    receiver.receive_data(MESSAGE[-1:])
    assert receiver.next_event() is not None
    assert not receiver.pending
    receiver.receive_data(b"\r\n")
    assert receiver.next_event() is None
    assert not receiver.pending  # filler is no message


def test_filler_is_counted_anew_after_each_message() -> None:
    receiver = Receiver()
    for raw in (MESSAGE, FRAME, MESSAGE.replace(b"\r\nCSeq", b"\nCSeq")):
        receiver.receive_data(b"\r\n" * 32 + raw)
        event = receiver.next_event()
        assert event is not None
        assert event.raw == raw


def test_a_message_that_is_all_there_is_is_not_copied() -> None:
    receiver = Receiver()
    receiver.receive_data(MESSAGE)
    event = receiver.next_event()
    assert event is not None
    assert event.raw is MESSAGE


class Meter(Receiver):
    """A receiver that counts the octets it copies, and below those it searches."""

    __slots__ = ("copied",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.copied = 0

    def _peek(self, start: int, end: int) -> bytes:
        peeked = super()._peek(start, end)
        self.copied += len(peeked)
        return peeked

    def _take(self, size: int) -> bytes:
        self.copied += size
        return super()._take(size)


class CountingPattern:
    """The search for the blank line, counting what it looks at."""

    searched = 0

    def __init__(self) -> None:
        self.pattern = _rtsp_receiver._BLANK_LINE

    def search(self, data: bytes, start: int, end: int) -> object:
        self.searched += max(0, min(end, len(data)) - start)
        return self.pattern.search(data, start, end)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_work_is_linear(size: int, monkeypatch: pytest.MonkeyPatch) -> None:  # G-9
    pattern = CountingPattern()
    monkeypatch.setattr(_rtsp_receiver, "_BLANK_LINE", pattern)
    big = Limits(header_section=1 << 20, header_lines=1 << 20)
    lines = b"A: b\r\n" * 5_000
    raw = MESSAGE.replace(b"CSeq", lines + b"CSeq").replace(
        b" 5\r\n\r\nabcde", b" 30000\r\n\r\n" + b"x" * 30_000
    )
    meter = Meter(big)
    events: list[Event] = []
    for start in range(0, len(raw), size):
        meter.receive_data(raw[start : start + size])
        events += drained(meter)
    assert [event.raw for event in events] == [raw]
    reads = len(raw) / size
    assert pattern.searched < len(raw) + 4 * reads
    assert meter.copied < 3 * len(raw) + 100 * reads


def test_an_idle_receiver_is_small() -> None:
    receivers: list[Receiver] = [Receiver() for _ in range(1000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        receivers.extend(Receiver() for _ in range(1000))
        for receiver in receivers[1000:]:
            receiver.receive_data(MESSAGE[:40])
            assert receiver.next_event() is None
            receiver.receive_data(MESSAGE[40:])
            assert receiver.next_event() is not None
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sys.getsizeof(receivers[0]) <= 112
    assert (after - before) / 1000 < 200
