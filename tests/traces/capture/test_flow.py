"""One direction of a TCP connection: whatever the network did, octets come out once and in order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces.capture._flow import Flow, Piece

LIMIT = 1 << 16
Segment = tuple[int, bytes]

AWKWARD: dict[str, tuple[list[Segment], list[bytes]]] = {
    "in order": ([(100, b"ab"), (102, b"cd")], [b"ab", b"cd"]),
    "retransmitted": ([(100, b"ab"), (100, b"ab"), (102, b"cd")], [b"ab", b"cd"]),
    "retransmitted with more": ([(100, b"ab"), (100, b"abcd")], [b"ab", b"cd"]),
    "keep-alive": ([(100, b"ab"), (101, b"b"), (102, b"cd")], [b"ab", b"cd"]),
    "out of order": ([(100, b"a"), (102, b"cd"), (104, b"e"), (101, b"b")], [b"a", b"b", b"cd", b"e"]),
    "overlapping early": ([(100, b"a"), (102, b"cdef"), (103, b"d"), (101, b"bcd")], [b"a", b"bcd", b"ef"]),
    "one within the other": ([(100, b"a"), (103, b"d"), (101, b"bcdef")], [b"a", b"bcdef"]),
    "sequence wraps": ([(2**32 - 1, b"ab"), (1, b"cd")], [b"ab", b"cd"]),
    "wraps, out of order": ([(2**32 - 2, b"a"), (1, b"d"), (2**32 - 1, b"bc")], [b"a", b"bc", b"d"]),
    "nothing in it": ([(100, b""), (100, b"ab")], [b"ab"]),
}


def feed(flow: Flow, segments: list[Segment]) -> list[Piece]:
    out = []
    for number, (sequence, payload) in enumerate(segments):
        out += flow.take(sequence, payload, 0, number, number)
    return out


@pytest.mark.parametrize(("segments", "pieces"), AWKWARD.values(), ids=AWKWARD)
def test_octets_come_once_and_in_order(segments: list[Segment], pieces: list[bytes]) -> None:
    out = feed(Flow(LIMIT), segments)
    assert [piece.data for piece in out] == pieces
    assert all(piece.lost == 0 for piece in out)


@st.composite
def transmissions(draw: st.DrawFn) -> tuple[bytes, int, list[Segment]]:
    """Draw a stream and segments that carry all of it: in any order, some twice, some overlapping."""
    stream = draw(st.binary(min_size=1, max_size=200))
    first = draw(st.sampled_from([0, 1000, 2**31 - 50, 2**32 - 20]))
    cuts = sorted({0, len(stream), *draw(st.lists(st.integers(0, len(stream)), max_size=12))})
    spans = list(itertools.pairwise(cuts))
    extra = st.tuples(st.integers(0, len(stream)), st.integers(0, len(stream)))
    spans += [(min(span), max(span)) for span in draw(st.lists(extra, max_size=6))]
    order = draw(st.permutations(spans))
    return stream, first, [((first + start) % 2**32, stream[start:end]) for start, end in order]


@given(transmissions())
def test_any_order_gives_the_stream(drawn: tuple[bytes, int, list[Segment]]) -> None:
    stream, first, segments = drawn
    flow = Flow(LIMIT)
    flow.begin(first)
    assert b"".join(piece.data for piece in feed(flow, segments)) == stream
    assert not flow.waiting
    assert flow.tally.lost == 0


@given(transmissions(), st.data())
def test_lost_segments_are_counted_to_the_octet(
    drawn: tuple[bytes, int, list[Segment]], data: st.DataObject
) -> None:
    stream, first, segments = drawn
    kept = [segment for segment in segments if data.draw(st.booleans())]
    flow = Flow(LIMIT)
    flow.begin(first)
    out = feed(flow, kept) + flow.drain()
    place = 0
    for piece in out:
        place += piece.lost
        assert stream[place : place + len(piece.data)] == piece.data
        place += len(piece.data)
    assert flow.tally.lost == sum(piece.lost for piece in out)
    seen = {
        at
        for sequence, octets in kept
        for at in range((sequence - first) % 2**32, (sequence - first) % 2**32 + len(octets))
    }
    assert len(seen) == sum(len(piece.data) for piece in out)


def test_what_is_held_back_is_bounded() -> None:
    flow = Flow(100)
    flow.begin(0)
    out = []
    for number in range(20):
        out += flow.take(10 + 10 * number, bytes([number]) * 10, 0, number, number)
    assert out[0] == Piece(bytes(10), 0, 0, lost=10)
    assert b"".join(piece.data for piece in out) == b"".join(bytes([number]) * 10 for number in range(20))


def test_many_tiny_segments_are_bounded() -> None:
    flow = Flow(LIMIT)
    flow.begin(0)
    out = feed(flow, [(2 * number + 1, b"x") for number in range(5000)])
    assert len(out) == 5000 - 4096


def test_acknowledged_octets_that_were_not_captured() -> None:
    flow = Flow(LIMIT)
    flow.begin(100)
    feed(flow, [(100, b"ab"), (104, b"ef")])
    holes = []
    for sequence, time in ((103, 7), (106, 8)):  # at first the peer lacks something itself
        flow.acknowledge(sequence, time)
        holes.append(flow.hole_since)
    assert holes == [None, 8]
    assert flow.give_up() == [Piece(b"ef", 1, 1, lost=2)]
    assert not flow.waiting
    assert flow.give_up() == []


def test_a_hole_that_was_acknowledged_before_what_is_behind_it_came() -> None:
    flow = Flow(LIMIT)
    flow.begin(100)
    flow.acknowledge(110, 1)
    assert flow.take(105, b"fghij", 0, 2, 2) == []
    assert flow.hole_since == 2
    assert flow.take(100, b"abcde", 0, 3, 3) == [Piece(b"abcde", 3, 3), Piece(b"fghij", 2, 2)]
    assert flow.hole_since is None


def test_octets_cut_by_the_capture() -> None:
    """Their place is known, so that what follows isn't taken for a retransmission."""
    flow = Flow(LIMIT)
    assert flow.take(0, b"ab", 8, 1, 1) == [Piece(b"ab", 1, 1)]
    assert flow.take(10, b"kl", 0, 2, 2) == []
    assert flow.drain() == [Piece(b"kl", 2, 2, lost=8)]
    assert flow.take(12, b"", 5, 3, 3) == []


def test_segments_far_away_belong_to_something_else() -> None:
    flow = Flow(LIMIT)
    flow.begin(0)
    assert flow.take(2**30 + 5, b"x", 0, 1, 1) == []
    assert flow.take(2**31, b"x", 0, 1, 1) == []
    assert flow.tally.far == 2
    flow.acknowledge(2**30 + 5, 1)
    assert flow.lacking == 0


def test_an_acknowledged_fin_is_no_octet() -> None:
    for seen in (True, False):
        flow = Flow(LIMIT)
        flow.begin(0)
        feed(flow, [(0, b"abcd")])
        if seen:
            flow.finish(4)
        flow.acknowledge(5, 9)
        assert flow.lacking == 0
    flow.acknowledge(6, 9)
    assert flow.lacking == 2


def test_the_end() -> None:
    flow = Flow(LIMIT)
    flow.acknowledge(9, 0)  # nothing to acknowledge yet
    flow.begin(0)
    assert flow.finish(4)
    assert not flow.finish(4)
    assert (flow.ended, flow.lacking) == (False, 4)
    feed(flow, [(0, b"abcd")])
    assert (flow.ended, flow.lacking) == (True, 0)
    other = Flow(LIMIT)
    other.begin(0)
    assert other.finish(2**31 + 7)
    assert other.ended
