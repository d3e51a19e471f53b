"""Cutting octets into MRCPv2 messages: any cut, any damage, any end, and how much work and memory it takes."""

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, RemoteProtocolError
from mrcpwire.mrcpv2 import Limits, Policy, Receiver, request, response
from tests.mrcpwire.mrcpv2_feeding import one_by_one, outcome_of
from tests.pcap import CAPTURES, Conversation, read_conversations
from tests.strategies import Mrcpv2Example, mrcpv2_messages, mutated, pieces_of

STOP = request(b"STOP", 8, b"45@speechsynth")
SPEAK = request(b"SPEAK", 7, b"45@speechsynth", [(b"Content-Type", b"text/plain")], b"Good evening")
NOT_CANONICAL = STOP.replace(b"58 STOP 8", b"59 STOP  8")
TOO_LONG = STOP.replace(b"58", b"67")

streams = st.lists(
    (mrcpv2_messages(canonical=True) | mrcpv2_messages(exact=False)).map(lambda example: example.raw)
    | st.sampled_from((b"\r\n", b"\n", STOP)),
    max_size=5,
).map(b"".join)


@given(st.data(), streams, st.sampled_from(Policy))
def test_chunking_never_matters(data: st.DataObject, stream: bytes, policy: Policy) -> None:
    stream = data.draw(st.just(stream) | mutated(stream))
    assert outcome_of(*data.draw(pieces_of(stream)), policy=policy) == outcome_of(stream, policy=policy)


@given(
    st.binary(max_size=80),
    st.sampled_from((b"", b"MRCP/", b"MRCP/2.0 58 STOP 8\r\n")),
    st.sampled_from(Policy),
)
def test_garbage_raises_only_remote_protocol_error(garbage: bytes, before: bytes, policy: Policy) -> None:
    assert outcome_of(before + garbage, policy=policy) == outcome_of(
        *one_by_one(before + garbage), policy=policy
    )


@given(st.data(), st.lists(mrcpv2_messages(), min_size=1, max_size=3))
def test_every_message_arrives(data: st.DataObject, examples: list[Mrcpv2Example]) -> None:
    stream = b"\r\n".join(example.raw for example in examples)
    messages, fault = outcome_of(*data.draw(pieces_of(stream)))
    assert fault is None
    assert [message[1] for message in messages] == [len(example.raw) for example in examples]


@given(st.data(), mrcpv2_messages(), st.sampled_from(Policy))
def test_no_message_is_taken_from_a_part_of_it(
    data: st.DataObject, example: Mrcpv2Example, policy: Policy
) -> None:
    part = example.raw[: data.draw(st.integers(1, len(example.raw) - 1))]
    outcome = outcome_of(part, policy=policy)
    assert outcome.messages == []
    assert outcome.fault == ("mrcpv2.truncated", "M-18", None)
    assert outcome_of(*one_by_one(part), policy=policy) == outcome


@pytest.mark.parametrize("octets", [STOP, SPEAK, NOT_CANONICAL, SPEAK * 9000], ids=len)
def test_pending(octets: bytes) -> None:
    receiver = Receiver(Policy.STRICT)
    told = []
    for part in (b"", octets[:-1], octets[-1:]):
        if part:
            receiver.receive_data(part)
        while receiver.next_event() is not None:
            pass
        told.append(receiver.pending)
    assert told == [False, True, False]


def test_many_at_once_and_a_fault_behind_them() -> None:
    receiver = Receiver(Policy.STRICT)
    assert receiver.next_events() == []
    receiver.receive_data(STOP + SPEAK + NOT_CANONICAL + STOP + SPEAK[:-1])
    assert [message.raw for message in receiver.next_events(2)] == [STOP, SPEAK]
    assert [message.received for message in receiver.next_events()] == [59, 58]
    assert receiver.next_events() == []
    receiver.receive_data(SPEAK[-1:] + STOP + b"x")
    assert [message.raw for message in receiver.next_events()] == [SPEAK, STOP]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="M-02"):
            receiver.next_events()


def test_filler_alone_is_not_pending() -> None:  # M-01
    receiver = Receiver(Policy.STRICT)
    receiver.receive_data(b"\r\n\r\n")
    assert receiver.next_event() is None
    assert not receiver.pending
    receiver.receive_eof()
    assert receiver.next_event() is None


def test_filler_counts_across_reads_and_anew_after_a_message() -> None:  # M-01
    assert (
        outcome_of(b"\r\n" * 32, STOP, b"\r\n" * 32, NOT_CANONICAL, b"\r\n" * 32, STOP, b"\r\n" * 32).fault
        is None
    )
    assert outcome_of(b"\r\n" * 32, b"\n").fault == ("mrcpv2.filler", "M-01", None)
    assert outcome_of(STOP, b"\r\n" * 32, b"\n").fault == ("mrcpv2.filler", "M-01", None)


def test_desync_is_told_across_reads() -> None:  # M-17
    desync = ("mrcpv2.desync", "M-17", None)
    assert outcome_of(TOO_LONG, b"\r\n", b"x", policy=Policy.REPAIR).fault == desync
    assert outcome_of(TOO_LONG, STOP, b"x", policy=Policy.REPAIR).fault == (
        "mrcpv2.bad-start-line",
        "M-02",
        None,
    )


@pytest.mark.parametrize("fault", [b"X", b"MRCP/1.0 1 2 3\r\n", STOP.replace(b":", b"")])
def test_the_same_fault_for_ever(fault: bytes) -> None:
    receiver = Receiver(Policy.REPAIR)
    receiver.receive_data(STOP + fault)
    assert receiver.next_event() is not None
    with pytest.raises(RemoteProtocolError) as first:
        receiver.next_event()
    assert not receiver.pending
    receiver.receive_data(STOP)  # no resynchronisation (G-1)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError) as again:
            receiver.next_event()
        assert again.value is first.value
    receiver.receive_eof()
    with pytest.raises(RemoteProtocolError):
        receiver.next_event()


def test_excerpts_are_short() -> None:
    receiver = Receiver(Policy.STRICT)
    receiver.receive_data(STOP.replace(b"58", b"67") + b"x" * 1000)
    with pytest.raises(RemoteProtocolError) as fault:
        receiver.next_event()
    assert fault.value.excerpt == STOP.replace(b"58", b"67")[:64]


def test_no_octets_after_the_end() -> None:
    receiver = Receiver(Policy.STRICT)
    receiver.receive_data(STOP)
    receiver.receive_eof()
    assert receiver.next_event() is not None
    with pytest.raises(LocalProtocolError):
        receiver.receive_data(STOP)


# Just what a limit allows, and one octet or line more.
LIMITS = {
    "start-line": (
        Limits(start_line=18),
        STOP,
        STOP.replace(b"58 STOP 8", b"59 STOP 88"),
        "start-line-too-long",
    ),
    "start-line, bare LF": (
        Limits(start_line=18),
        STOP.replace(b"58 STOP 8\r", b"57 STOP 8"),
        STOP.replace(b"58 STOP 8\r", b"58 STOP 88"),
        "start-line-too-long",
    ),
    "header section": (
        Limits(header_section=38),
        STOP,
        request(b"STOP", 8, b"451@speechsynth"),
        "headers-too-long",
    ),
    "header lines": (
        Limits(header_lines=1),
        STOP,
        request(b"STOP", 8, b"1@x", [(b"A", b"")]),
        "too-many-headers",
    ),
    "header line": (Limits(header_line=36), STOP, request(b"STOP", 8, b"451@speechsynth"), "header-too-long"),
    "message": (Limits(message=117), STOP, SPEAK, "too-large"),
    "message by its body": (
        Limits(message=110),
        STOP,
        SPEAK.replace(b"118", b"100").replace(b"Length: 12", b"Length: 99"),
        "too-large",
    ),
    "filler": (Limits(filler=1), b"\n" + STOP, b"\r\n" + STOP, "filler"),
}


@pytest.mark.parametrize("row", LIMITS)
def test_limits(row: str) -> None:
    limits, good, bad, code = LIMITS[row]
    assert outcome_of(good, limits=limits).fault is None
    assert outcome_of(*one_by_one(good), limits=limits).fault is None
    for pieces in ([bad], one_by_one(bad)):
        fault = outcome_of(*pieces, policy=Policy.REPAIR, limits=limits).fault
        assert fault is not None
        assert fault[0] == f"mrcpv2.{code}"


ENDLESS = {
    "start-line": (b"MRCP/2.0 58 ", b"X" * 1000),
    "headers": (STOP[:-2], b"A: b\r\n" * 20_000),
    "header": (STOP[:-2], b"A: " + b"b" * 100_000),
    "fold": (STOP[:-2] + b"A: b", b"\r\n c" * 20_000),
}


@pytest.mark.parametrize("row", ENDLESS)
def test_what_has_no_end_is_refused_before_it_is_held(row: str) -> None:  # G-9
    start, more = ENDLESS[row]
    receiver = Receiver(Policy.STRICT)
    receiver.receive_data(start)
    assert 0 < _fed_until_refused(receiver, more) < 67_000


def _fed_until_refused(receiver: Receiver, octets: bytes) -> int:
    for i in range(0, len(octets), 10):
        receiver.receive_data(octets[i : i + 10])
        try:
            assert receiver.next_event() is None
        except RemoteProtocolError:
            return i
    return 0


def test_a_huge_length_reserves_nothing() -> None:  # G-2
    limits = Limits(message=10**15)
    receiver = Receiver(Policy.REPAIR, limits)
    tracemalloc.start()
    try:
        receiver.receive_data(
            b"MRCP/2.0 100000000000000 SPEAK 7\r\nChannel-Identifier: 1@x\r\nContent-Length: 100000000000000\r\n\r\n"
        )
        assert receiver.next_event() is None
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()
    assert receiver.pending


def test_nothing_is_held_while_idle() -> None:
    receiver = Receiver(Policy.STRICT)
    fresh = {
        name: getattr(receiver, name)
        for base in type(receiver).__mro__
        for name in getattr(base, "__slots__", ())
    }
    for octets in (
        STOP * 3,
        SPEAK,
        NOT_CANONICAL,
        SPEAK[:30],
        SPEAK[30:],
        request(b"X", 1, b"1@x", (), b"x" * 99_999),
    ):
        receiver.receive_data(octets)
        while receiver.next_event() is not None:
            pass
    assert {name: getattr(receiver, name) for name in fresh} == fresh
    assert sys.getsizeof(receiver) < 150
    assert not hasattr(receiver, "__dict__")


@pytest.mark.parametrize("size", [1, 100, 5000, 10**6])
def test_work_grows_linearly(size: int) -> None:
    # A quadratic receiver would copy or search gigabytes here.
    big = request(
        b"SPEAK", 7, b"1@x", [(b"A", b"b" * 900)] * 60, b"x" * 1_000_000 if size > 1 else b"x" * 50_000
    )
    stream = big + STOP * 100 + NOT_CANONICAL * 100
    messages, fault = outcome_of(*(stream[i : i + size] for i in range(0, len(stream), size)))
    assert fault is None
    assert len(messages) == 201


def test_a_connection_with_many_channels() -> None:
    requests = [
        request(b"SPEAK", n, b"%d@speechsynth" % n, [(b"X", b"y")], b"x" * (n % 40)) for n in range(500)
    ]
    stream = b"".join(requests)
    for size in (100, 4096, 65_536):
        messages, fault = outcome_of(*(stream[i : i + size] for i in range(0, len(stream), size)))
        assert fault is None
        assert [message[0] for message in messages] == requests


def test_both_directions_are_alike() -> None:
    answer = response(7, 200, b"IN-PROGRESS", b"45@speechsynth")
    assert [message[0] for message in outcome_of(SPEAK + answer + STOP).messages] == [SPEAK, answer, STOP]


RECORDED = [
    pytest.param(one, id=f"{path.stem}-{place}")
    for path in sorted(CAPTURES.glob("*.pcap"))
    if "script" not in path.stem  # some scripted clients send garbage on purpose
    for place, one in enumerate(read_conversations(path, port=1544))
]


@pytest.mark.parametrize("recorded", RECORDED)
def test_recorded_peers(recorded: Conversation) -> None:
    for octets in (recorded.to_server, recorded.to_client):
        messages, fault = outcome_of(octets)
        assert fault is None
        assert b"".join(parts[0] for parts in messages if isinstance(parts[0], bytes)) == octets
        assert {parts[-1] for parts in messages} <= {None}
        assert outcome_of(*one_by_one(octets)).messages == messages
