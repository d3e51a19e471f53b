"""Recordings damaged in every way: whatever is in a file, reading it, drawing it and making a play of it ends well."""

import io
import random
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcpbalance.traces import Trace, keep_none, ladder, page, read, svg, text
from mrcpbalance.traces.anonymous import capture
from mrcpbalance.traces.replay import script
from tests.traces.damaging import octets, packets
from tests.traces.packets import Packet, pcap, pcapng

NAMES = [
    "mixed-unimrcp-concurrent.pcap",
    "mrcpv2/mrcpv2-unimrcp-siptcp-synth-recog.pcap",
    "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap",
    "mrcpv2/mrcpv2-unimrcp-sip-302-redirect.pcap",
    "mrcpv1-unimrcp-synth-with-rtp.pcap",
]
names = st.sampled_from(NAMES)


def whole(file: bytes) -> Trace:
    """Read a file and draw everything in it."""
    trace = read(io.BytesIO(file))
    for session in trace.sessions:
        assert text(ladder(session), width=100)
        ET.fromstring(svg(ladder(session)))
        assert session.duration >= 0
    assert page(trace, trace.sessions, "damaged").count("<h1>") == 1
    played = script(trace.sessions)
    assert len(played.sessions) + len(played.left_out) == len(trace.sessions)
    assert read(io.BytesIO(b"".join(capture(trace.sessions)))).sessions or not played.sessions
    return trace


@settings(max_examples=60, deadline=None)
@given(names, st.integers(0, 10**6))
def test_cut_anywhere(name: str, place: int) -> None:
    """Every session that began before the cut is there."""
    file = octets(name)
    end = 24 + place % (len(file) - 24)
    trace = whole(file[:end])
    complete = whole(file)
    assert len(trace.sessions) <= len(complete.sessions)
    assert trace.packets <= complete.packets
    assert [one.caller for one in trace.sessions] == [
        one.caller for one in complete.sessions[: len(trace.sessions)]
    ]


@settings(max_examples=150, deadline=None)
@given(names, st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=20))
def test_flipped_octets(name: str, flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(octets(name))
    for place, bits in flips:
        damaged[24 + place % (len(damaged) - 24)] ^= bits
    whole(bytes(damaged))


@settings(max_examples=40, deadline=None)
@given(names, st.integers(0, 10**6), st.integers(1, 4000))
def test_octets_cut_out(name: str, place: int, size: int) -> None:
    file = octets(name)
    start = 24 + place % (len(file) - 24)
    whole(file[:start] + file[start + size :])


@settings(max_examples=40, deadline=None)
@given(names, st.randoms(use_true_random=False), st.floats(0.0, 0.5))
def test_lost_packets(name: str, chance: random.Random, share: float) -> None:
    kept = [packet for packet in packets(name) if chance.random() >= share]
    trace = whole(pcap(kept))
    assert trace.packets == len(kept)


@settings(max_examples=30, deadline=None)
@given(names, st.randoms(use_true_random=False))
def test_shuffled_packets(name: str, chance: random.Random) -> None:
    """Neighbours in any order, as several queues of a card give them: not a message is lost."""
    order = sorted(packets(name), key=lambda packet: packet.time + chance.randrange(20_000))
    trace = whole(pcapng(order))
    assert sum(trace.messages.values()) <= sum(whole(octets(name)).messages.values())


@settings(max_examples=30, deadline=None)
@given(names, st.randoms(use_true_random=False))
def test_doubled_packets(name: str, chance: random.Random) -> None:
    """As on the "any" interface."""
    twice = [packet for packet in packets(name) for _ in range(chance.choice([1, 2]))]
    trace, complete = whole(pcap(twice)), whole(octets(name))
    assert trace.messages == complete.messages
    assert [(one.id, one.counts) for one in trace.sessions] == [
        (one.id, one.counts) for one in complete.sessions
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("snap", [0, 14, 34, 60, 100, 200, 400, 600, 1000])
def test_snapshot_lengths(name: str, snap: int) -> None:
    file = pcap(packets(name), snap=snap)
    trace = whole(file)
    assert trace.packets == len(packets(name))
    if 0 < snap < 600:
        assert trace.findings


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_alike(name: str) -> None:
    one, other = whole(octets(name)), whole(pcapng(packets(name), order=">"))
    assert [(session.id, session.outcome, session.start) for session in one.sessions] == [
        (session.id, session.outcome, session.start) for session in other.sessions
    ]


def test_progress_is_told() -> None:
    told: list[int] = []
    file = pcap([Packet(bytes(60))] * 2000)
    assert read(io.BytesIO(file), progress=told.append, keep=keep_none).packets == 2000
    assert told == sorted(told)
    assert 0 < told[-1] <= len(file)


def test_sessions_without_their_messages_are_drawn_too() -> None:
    trace = read(io.BytesIO(octets(NAMES[0])), keep=keep_none)
    assert page(trace, trace.sessions, "x").count("<svg") == 0
    assert text(ladder(trace.sessions[0]))
