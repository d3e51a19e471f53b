"""Capture files: every kind is read alike, and damage costs what is damaged."""

import gzip
import io
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces import Finding, Limits, NotACapture
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces.capture import Capture, Frame
from tests.traces.packets import (
    ETHERNET,
    RAW,
    SECOND,
    START,
    Packet,
    block,
    enhanced,
    interface,
    pcap,
    pcapng,
    section,
)

PACKETS = [
    Packet(b"first packet", START + 1_000),
    Packet(b"", START + SECOND),
    Packet(b"third, cut", START + 2 * SECOND + 999_999_000, 1500),
]
MORE = [Packet(bytes([number]) * (30 + number), START + number * 10_000_000) for number in range(40)]


def frames(file: bytes, limits: Limits | None = None) -> tuple[list[Frame], list[Finding]]:
    limits = limits or Limits()
    findings = Findings(limits.findings)
    found = list(Capture(io.BytesIO(file), findings, limits))
    return found, findings.all()


def as_frames(packets: list[Packet], link: int = ETHERNET) -> list[Frame]:
    return [
        Frame(number, packet.time, link, packet.data, packet.original - len(packet.data))
        for number, packet in enumerate(packets, start=1)
    ]


NANO = [Packet(one.data, one.time + 7, one.length) for one in PACKETS]
TICKS = {"micro": (6, 10**6), "nano": (9, 10**9), "milli": (3, 10**3), "binary": (0x80 | 10, 2**10)}

FILES = {
    "little, micro": (pcap(PACKETS), as_frames(PACKETS)),
    "big, micro": (pcap(PACKETS, order=">"), as_frames(PACKETS)),
    "little, nano": (pcap(NANO, unit=1), as_frames(NANO)),
    "big, nano": (pcap(NANO, unit=1, order=">"), as_frames(NANO)),
    "raw IP": (pcap(PACKETS, link=RAW), as_frames(PACKETS, RAW)),
    "frame check sequences": (pcap(PACKETS, link=ETHERNET | 0x24000000), as_frames(PACKETS)),
    "no packets": (pcap([]), []),
    "next generation, little": (pcapng(PACKETS), as_frames(PACKETS)),
    "next generation, big": (pcapng(PACKETS, order=">"), as_frames(PACKETS)),
    "next generation, no packets": (section(), []),
    "compressed": (gzip.compress(pcap(PACKETS)), as_frames(PACKETS)),
    "compressed in two": (
        gzip.compress(pcap(PACKETS)[:50]) + gzip.compress(pcap(PACKETS)[50:]),
        as_frames(PACKETS),
    ),
}


@pytest.mark.parametrize(("file", "expected"), FILES.values(), ids=FILES)
def test_good(file: bytes, expected: list[Frame]) -> None:
    assert frames(file) == (expected, [])


def test_records_of_an_old_patch() -> None:
    """Kuznetzov's libpcap wrote eight more octets before each packet."""
    out = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    out += struct.pack("<IIII", 1_700_000_000, 1, 5, 5) + bytes(8) + b"hello"
    assert frames(out) == ([Frame(1, START + 1000, 1, b"hello", 0)], [])


@pytest.mark.parametrize(("code", "ticks"), TICKS.values(), ids=TICKS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_resolution_of_an_interface(code: int, ticks: int, order: str) -> None:
    packet = Packet(b"x", START + SECOND // 2)
    file = section(order) + interface(1, [(9, bytes([code]))], order) + enhanced(packet, 0, ticks, order)
    assert frames(file) == (as_frames([packet]), [])


def test_offset_of_an_interface() -> None:
    file = section() + interface(1, [(14, struct.pack("<q", 3600))]) + enhanced(Packet(b"x", START))
    assert frames(file)[0][0].time == START + 3600 * SECOND


def test_several_interfaces_and_sections() -> None:
    file = (
        section()
        + interface(ETHERNET)
        + interface(RAW, [(9, b"\x09")])
        + enhanced(Packet(b"one", START), 1, 10**9)
        + enhanced(Packet(b"two", START), 0)
        + section(">")
        + interface(276, order=">")
        + enhanced(Packet(b"three", START), 0, order=">")
    )
    found, findings = frames(file)
    assert [(one.number, one.time, one.link, one.data) for one in found] == [
        (1, START, RAW, b"one"),
        (2, START, ETHERNET, b"two"),
        (3, START, 276, b"three"),
    ]
    assert findings == []


def test_other_blocks() -> None:
    """Names, statistics, secrets and custom blocks are skipped; old and simple packets are read."""
    high, low = divmod(START // 1000, 2**32)
    old = struct.pack("<HHIIII", 0, 0, high, low, 3, 3) + b"old"
    simple = struct.pack("<I", 9) + b"simp"
    file = section() + interface(1, [(2, b"lo")], snap=4)
    file += b"".join(block(kind, b"whatever it is") for kind in (4, 5, 10, 0xBAD, 0x40000BAD, 0x7777))
    file += block(2, old) + block(3, simple)
    assert frames(file) == ([Frame(1, START, 1, b"old", 0), Frame(2, START, 1, b"simp", 5)], [])


BAD = {
    "empty": (b"", "it is empty"),
    "text": (b"root:x:0:0", "it begins with 72 6f 6f 74"),
    "short": (b"\xd4\xc3", "it begins with d4 c3"),
    "compressed text": (gzip.compress(b"root:x"), "it begins with 72 6f 6f 74"),
}


@pytest.mark.parametrize(("file", "what"), BAD.values(), ids=BAD)
def test_not_a_capture(file: bytes, what: str) -> None:
    with pytest.raises(NotACapture, match=what):
        frames(file)


FORMS = {
    "classic": pcap(MORE),
    "classic, big": pcap(MORE, order=">", unit=1),
    "next generation": pcapng(MORE),
    "next generation, big": pcapng(MORE, order=">"),
}


@pytest.mark.parametrize("file", FORMS.values(), ids=FORMS)
def test_cut_anywhere(file: bytes) -> None:
    """What is whole is read, of the last packet what there is, and the cut is told."""
    whole = as_frames(MORE)
    for end in range(4, len(file)):
        found, findings = frames(file[:end])
        complete = [one for one in found if not one.missing]
        assert complete == whole[: len(complete)]
        assert len(found) - len(complete) <= 1
        for last in found[len(complete) :]:
            assert whole[len(complete)].data.startswith(last.data)
        assert [finding.code for finding in findings] in ([], ["truncated"], ["damaged"])
    assert len(frames(file[:-1])[0]) == len(MORE)


def test_cut_within_compression() -> None:
    packed = gzip.compress(pcap(MORE))
    found, findings = frames(packed[:-20])
    assert found[:-1] == as_frames(MORE)[: len(found) - 1]
    assert "truncated" in [finding.code for finding in findings]

    many = [Packet(random.Random(number).randbytes(100), START) for number in range(100)]
    packed = gzip.compress(pcap(many))
    found, findings = frames(packed[:5000] + b"\xff" * 400 + packed[5400:])
    assert 30 < len(found) < 100
    assert found[:30] == as_frames(many)[:30]
    assert "damaged" in [finding.code for finding in findings]


@pytest.mark.parametrize("file", FORMS.values(), ids=FORMS)
def test_damaged_lengths_cost_a_few_packets(file: bytes) -> None:
    place = file.index(MORE[10].data) - 8
    damaged = file[:place] + b"\xff" * 4 + file[place + 4 :]
    found, findings = frames(damaged)
    assert found[:10] == as_frames(MORE)[:10]
    assert [one.data for one in found[-25:]] == [one.data for one in MORE[-25:]]
    assert "damaged" in [finding.code for finding in findings]


@pytest.mark.parametrize("file", FORMS.values(), ids=FORMS)
def test_damage_to_the_end_is_told(file: bytes) -> None:
    place = file.index(MORE[30].data) - 28
    found, findings = frames(file[:place] + b"\xff" * (len(file) - place))
    assert found[:29] == as_frames(MORE)[:29]
    assert len(found) <= 30
    assert findings[-1].code in ("damaged", "truncated")


@given(
    st.sampled_from(list(FORMS.values())),
    st.lists(st.tuples(st.integers(4, 3000), st.integers(1, 255)), max_size=6),
)
def test_flipped_octets_never_raise(file: bytes, flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(file)
    for place, bits in flips:
        damaged[place % (len(file) - 4) + 4] ^= bits
    found, _ = frames(bytes(damaged))
    assert all(one.missing >= 0 for one in found)
    assert sum(len(one.data) for one in found) <= len(file)


@given(st.sampled_from(list(FORMS.values())), st.binary(max_size=300))
def test_garbage_behind_the_head_never_raises(file: bytes, garbage: bytes) -> None:
    frames(file[:60] + garbage)


def test_a_length_beyond_reason_reserves_nothing() -> None:
    """A packet of 4 GB, and a block of as many (G-2)."""
    for file in (
        pcap([]) + struct.pack("<IIII", 1, 1, 2**32 - 1, 2**32 - 1),
        section() + struct.pack("<II", 6, 2**32 - 4),
    ):
        found, findings = frames(file + bytes(100))
        assert found == []
        assert [finding.code for finding in findings] == ["damaged"]


def test_an_interface_nobody_described() -> None:
    found, findings = frames(section() + enhanced(Packet(b"x"), 3) + interface(1) + enhanced(Packet(b"y")))
    assert [one.data for one in found] == [b"y"]
    assert [finding.code for finding in findings] == ["damaged"]


def test_progress_follows_the_file() -> None:
    file = pcap(MORE)
    capture = Capture(io.BytesIO(file), Findings(), Limits())
    assert capture.used == 0
    assert [one.number for one in capture][-1] == len(MORE)
    assert capture.used == len(file)


def test_damage_up_to_another_section() -> None:
    """The next section may have another order of octets."""
    whole = as_frames(MORE)
    for order in ("<", ">"):
        file = pcapng(MORE[:5]) + b"\xff" * 40 + pcapng(MORE[5:], order=order)
        found, findings = frames(file)
        assert [(one.number, one.time, one.data) for one in found] == [
            (one.number, one.time, one.data) for one in whole
        ]
        assert [finding.text for finding in findings] == ["40 octets make no sense"]
    found, findings = frames(pcapng(MORE[:5]) + b"\xff" * 8 + b"\x0a\x0d\x0d\x0a" + b"\xff" * 40)
    assert (found, len(findings)) == (whole[:5], 1)


def test_a_wrong_length_behind_a_block_is_forgiven() -> None:
    file = pcapng(MORE)
    place = file.index(MORE[10].data) + len(MORE[10].data)
    end = place + -len(MORE[10].data) % 4
    found, findings = frames(file[:end] + b"\xff" * 4 + file[end + 4 :])
    assert (found, findings) == (as_frames(MORE), [])
    found, findings = frames(file[:-4] + b"\xff" * 4)
    assert (found, findings) == (as_frames(MORE), [])


def test_interfaces_are_bounded() -> None:
    file = section() + interface(1) * 3 + enhanced(Packet(b"x"), 1) + enhanced(Packet(b"y"), 2)
    found, findings = frames(file, Limits(interfaces=2))
    assert [one.data for one in found] == [b"x"]
    assert [finding.code for finding in findings] == ["damaged"]


def test_options_that_make_no_sense() -> None:
    body = struct.pack("<HHIHH", 1, 0, 0, 9, 200) + b"\x06"
    found, findings = frames(section() + block(1, body) + enhanced(Packet(b"x", START)))
    assert ([one.time for one in found], findings) == ([START], [])


def test_simple_packets_that_make_no_sense() -> None:
    found, findings = frames(
        section() + block(3, struct.pack("<I", 9) + b"x") + interface(1) + block(3, struct.pack("<I", 9))
    )
    assert found == []
    assert [finding.code for finding in findings] == ["damaged", "damaged"]


def test_findings_are_bounded() -> None:
    findings = Findings(2)
    for number in range(5):
        findings.add(Finding(code="damaged", text=str(number)))
    assert [finding.text for finding in findings.all()] == ["0", "1", "3 more of the kind “damaged”"]
