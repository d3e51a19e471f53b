"""The quick way through and the rules: where the quick way has an answer, the rules have the same."""

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import RemoteProtocolError, mrcpv2
from mrcpwire import _mrcpv2_quick as quick
from mrcpwire._mrcpv2_head import QUICK_MESSAGE
from mrcpwire.mrcpv2 import Limits, Policy
from tests.mrcpwire.mrcpv2_feeding import one_by_one, outcome_of
from tests.strategies import Mrcpv2Example, mrcpv2_messages, mutated, pieces_of

BY_RULE = Limits(message=QUICK_MESSAGE - 1)  # limits too narrow for the quick way


@given(st.data(), st.lists(mrcpv2_messages(canonical=True) | mrcpv2_messages(exact=False), max_size=4))
def test_both_ways_agree(data: st.DataObject, examples: list[Mrcpv2Example]) -> None:
    stream = b"".join(example.raw for example in examples)
    stream = data.draw(mutated(stream) | st.just(stream))
    pieces = data.draw(pieces_of(stream))
    for policy in Policy:
        expected = outcome_of(stream, policy=policy, limits=BY_RULE)
        assert outcome_of(stream, policy=policy) == expected
        assert outcome_of(stream, policy=policy) == expected  # from memory
        assert outcome_of(*pieces, policy=policy) == expected
        assert outcome_of(*pieces, policy=policy, most=data.draw(st.integers(1, 9))) == expected


@given(st.lists(mrcpv2_messages(canonical=True), min_size=1, max_size=4), st.integers(0, 3))
def test_a_small_memory_changes_nothing(examples: list[Mrcpv2Example], most: int) -> None:
    stream = b"".join(example.raw for example in examples) * 2
    expected = outcome_of(stream, limits=BY_RULE)
    with pytest.MonkeyPatch.context() as patch:
        for memory in ("_MOST_STARTS", "_MOST_TAILS", "_MOST_SECTIONS", "_MOST_NAMES", "_MOST_SIZES"):
            patch.setattr(quick, memory, most)
        patch.setattr(quick, "_LONGEST_KEPT", 100)
        assert outcome_of(stream) == expected


def test_the_quick_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peers' usual forms never reach the rules."""
    monkeypatch.delattr("mrcpwire._mrcpv2_receiver.read_head")
    for name in (b"Channel-Identifier", b"channel-identifier"):
        for blank in (b" ", b""):
            head = b"MRCP/2.0 %%d RECOGNIZE 7\r\nContent-Type:%b%b\r\n" % (blank, b"text/plain")
            head += b"%b:%b45@speechrecog\r\nCancel-If-Queue:%bfalse\r\n" % (name, blank, blank)
            head += b"Confidence-Threshold: \r\nContent-Length:%b2\r\nX: a b\xff \r\n\r\n" % blank
            octets = head % (len(head) + 3) + b"ab"
            messages, fault = outcome_of(octets * 3, octets, *one_by_one(octets))
            assert fault is None
            assert [message[0] for message in messages] == [octets] * 5


def test_a_known_section_where_the_octets_end() -> None:  # M-16
    """The start-line is known with a longer section, the section itself is known too: still the lengths disagree."""
    longer = mrcpv2.request(b"STOP", 8, b"45@speechsynth", [(b"Logging-Tag", b"x" * 9)])
    shorter = mrcpv2.request(b"STOP", 9, b"45@speechsynth")
    mixed = longer.partition(b"\r\n")[0] + b"\r\n" + shorter.partition(b"\r\n")[2]
    assert outcome_of(longer, shorter, longer, shorter).fault is None
    receiver = mrcpv2.Receiver(Policy.STRICT)
    receiver.receive_data(mixed)
    with pytest.raises(RemoteProtocolError, match="M-16"):
        receiver.next_event()
    assert outcome_of(mixed, policy=Policy.REPAIR) == outcome_of(mixed, policy=Policy.REPAIR, limits=BY_RULE)


def flood(count: int) -> bytes:
    """Messages none of which repeats a part of another, with sections as long as are kept."""
    return b"".join(
        mrcpv2.request(b"STOP", n, b"%d@speechsynth" % n, [(b"Logging-Tag", b"x" * (400 + n % 40))])
        for n in range(count)
    )


def test_the_memory_is_bounded() -> None:  # G-9
    stream = flood(40_000)
    tracemalloc.start()
    try:
        messages, fault = outcome_of(*(stream[i : i + 65_536] for i in range(0, len(stream), 65_536)))
        del messages
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fault is None
    assert held < 16_000_000


START_LINES = (
    b"MRCP/2.0 58 STOP 8",
    b"MRCP/2.0 0000058 STOP 0000000008",
    b"MRCP/2.0 58 STOP 12345",
    b"MRCP/2.0 58 STOP 4294967295",
    b"MRCP/2.0 58 STOP 4294967296",
    b"MRCP/2.0 58 STOP 00000000008",
    b"MRCP/2.0 58 STOP 8x",
    b"MRCP/2.0 58 STOP +8",
    b"MRCP/2.0 58 STOP 1_0",
    b"MRCP/2.0 5_8 STOP 8",
    b"MRCP/2.0 0 STOP 8",
    b"MRCP/2.0 00000000000000000058 STOP 8",
    b"MRCP/2.0 65537 STOP 8",
    b"MRCP/2.0 58 88 8",
    b"MRCP/2.0 58 ST@P 8",
    b"MRCP/2.0 58  8",
    b"MRCP/2.0 58 STOP ",
    b"MRCP/2.0 58 STOP  8",
    b"MRCP/2.0 58 STOP 8 ",
    b"MRCP/2.0 58 %b 8" % (b"X" * 65),
    b"MRCP/2.1 58 STOP 8",
    b"MRCP/1.0 58 STOP 8",
    b"MRCP/2.0 58 SPEAK-COMPLETE 8 COMPLETE",
    b"MRCP/2.0 58 SPEAK-COMPLETE 8 COMPLETED",
    b"MRCP/2.0 58  8 COMPLETE",
    b"MRCP/2.0 58 8 200 IN-PROGRESS",
    b"MRCP/2.0 58 8 2000 IN-PROGRESS",
    b"MRCP/2.0 58 8 2x0 IN-PROGRESS",
    b"MRCP/2.0 58 8 20 IN-PROGRESS",
    b"MRCP/2.0 58 8 20 IN-PROGRESS x",
)


@pytest.mark.parametrize("line", START_LINES)
def test_start_lines_are_read_alike(line: bytes) -> None:  # M-03 to M-07
    by_rule = Limits(header_lines=200)
    head = b"%b\r\nChannel-Identifier: %b@x\r\n\r\n"
    whole = head % (line, b"4" * (58 - len(head % (line, b""))))
    for octets in (line, line + b"\r\n", whole, whole * 2):
        expected = outcome_of(octets, limits=by_rule)
        assert outcome_of(octets) == outcome_of(octets) == expected


def test_start_lines_that_are_read_the_quick_way() -> None:
    taken = [line for line in START_LINES if quick.read_start(line) is not None]
    assert len(taken) == 6
    assert {quick.read_start(line) for line in taken} == {
        (58, mrcpv2.Kind.REQUEST, b"STOP", 8, 0, b""),
        (58, mrcpv2.Kind.REQUEST, b"STOP", 12345, 0, b""),
        (58, mrcpv2.Kind.REQUEST, b"STOP", 2**32 - 1, 0, b""),
        (58, mrcpv2.Kind.EVENT, b"SPEAK-COMPLETE", 8, 0, b"COMPLETE"),
        (58, mrcpv2.Kind.RESPONSE, b"", 8, 200, b"IN-PROGRESS"),
    }


def test_a_full_memory_of_names_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "_MOST_NAMES", 0)
    monkeypatch.setattr(quick, "_MOST_SIZES", 0)
    octets = mrcpv2.request(b"X-NEVER-SEEN-BEFORE", 1, b"45@speechsynth", body=b"x" * 3001)
    messages, fault = outcome_of(octets)
    assert fault is None
    assert len(messages) == 1
