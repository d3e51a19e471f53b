"""Frames taken apart: every link layer, both versions of IP, fragments, and what makes no sense."""

import ipaddress
import itertools
import random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces import Finding, Limits
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces.capture import Frame, Packets
from tests.traces import packets
from tests.traces.packets import COOKED, COOKED2, ETHERNET, LOOP, NULL, RAW, START, Peer

V4: tuple[Peer, Peer] = (("192.0.2.10", 5062), ("198.51.100.2", 5060))
V6: tuple[Peer, Peer] = (("2001:db8::10", 5062), ("2001:db8::2", 5060))
TEXT = b"OPTIONS sip:x SIP/2.0, or anything else"


@attrs.define
class Sink:
    """Remembers what it is given."""

    datagrams: list[tuple[Any, Any, bytes, int]] = attrs.field(factory=list)
    segments: list[tuple[Any, Any, int, int, int, bytes, int]] = attrs.field(factory=list)

    def udp(self, source: Any, target: Any, payload: bytes, missing: int, frame: Frame) -> None:
        self.datagrams.append((source, target, payload, missing))

    def tcp(
        self,
        source: Any,
        target: Any,
        sequence: int,
        acknowledged: int,
        flags: int,
        payload: bytes,
        missing: int,
        frame: Frame,
    ) -> None:
        self.segments.append((source, target, sequence, acknowledged, flags, payload, missing))


def take(
    *frames: bytes, link: int = ETHERNET, missing: int = 0, times: Any = None
) -> tuple[Sink, Packets, list[Finding]]:
    sink, findings = Sink(), Findings()
    all_ = Packets(sink, findings, Limits())
    for number, data in enumerate(frames, start=1):
        time = START + number if times is None else times[number - 1]
        all_.take(Frame(number, time, link, data, missing))
    all_.end()
    return sink, all_, findings.all()


def datagram(ends: tuple[Peer, Peer], payload: bytes = TEXT) -> bytes:
    return packets.ip(*ends, 17, packets.udp(*ends, payload))


def peers(ends: tuple[Peer, Peer]) -> list[tuple[bytes, int]]:
    return [(ipaddress.ip_address(host).packed, port) for host, port in ends]


LINKS = {
    "Ethernet": (ETHERNET, {}),
    "VLAN": (ETHERNET, {"tags": [0x8100]}),
    "QinQ": (ETHERNET, {"tags": [0x88A8, 0x8100]}),
    "QinQ of old": (ETHERNET, {"tags": [0x9100, 0x8100]}),
    "BSD loopback": (NULL, {}),
    "BSD loopback of the other order": (NULL, {"order": ">"}),
    "OpenBSD loopback": (LOOP, {}),
    "raw": (RAW, {}),
    "raw 12": (12, {}),
    "raw IPv4 or IPv6": (228, {}),
    "Linux cooked": (COOKED, {}),
    "Linux cooked, VLAN": (COOKED, {"tags": [0x8100]}),
    "Linux cooked 2": (COOKED2, {}),
    "Linux cooked 2, VLAN": (COOKED2, {"tags": [0x8100]}),
}


@pytest.mark.parametrize(("link", "how"), LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])
def test_links(link: int, how: dict[str, Any], ends: tuple[Peer, Peer]) -> None:
    sink, all_, findings = take(packets.frame(datagram(ends), link, **how), link=link)
    assert sink.datagrams == [(*peers(ends), TEXT, 0)]
    assert (all_.other, all_.rtp, findings) == (0, 0, [])


@pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("options", [b"", bytes(12)])
def test_segments(ends: tuple[Peer, Peer], options: bytes) -> None:
    segment = packets.tcp(*ends, 7, b"ab", flags=0x18, ack=9, options=options)
    sink, _, _ = take(packets.frame(packets.ip(*ends, 6, segment)))
    assert sink.segments == [(*peers(ends), 7, 9, 0x18, b"ab", 0)]


def test_options_of_ipv4() -> None:
    packet = bytearray(datagram(V4))
    packet[0] = 0x46
    packet[3] += 4
    packet[20:20] = bytes(4)
    assert take(packets.frame(bytes(packet)))[0].datagrams == [(*peers(V4), TEXT, 0)]


def test_length_left_to_the_card() -> None:
    """Large sends are captured before the card has filled in their lengths."""
    packet = bytearray(datagram(V4))
    packet[2:4] = bytes(2)
    packet[24:26] = bytes(2)
    assert take(bytes(packet), link=RAW)[0].datagrams == [(*peers(V4), TEXT, 0)]


def test_extension_headers() -> None:
    """Hop-by-hop, routing, destination options, authentication."""
    content = packets.udp(*V6, TEXT)
    chain = bytes([43, 0, *bytes(6)]) + bytes([60, 1, *bytes(14)]) + bytes([51, 0, *bytes(6)])
    chain += bytes([17, 4, *bytes(22)])
    sink, _, _ = take(packets.ip(*V6, 0, chain + content), link=RAW)
    assert sink.datagrams == [(*peers(V6), TEXT, 0)]


@pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])
def test_fragments_in_any_order(ends: tuple[Peer, Peer]) -> None:
    payload = bytes(range(65, 91)) * 4
    pieces = packets.fragments(*ends, 17, packets.udp(*ends, payload), 40)
    for order in itertools.permutations(pieces):
        sink, _, findings = take(*order, order[0], link=RAW)
        assert sink.datagrams == [(*peers(ends), payload, 0)]
        assert [finding.code for finding in findings] == ["lost-fragments"]  # the one that came again


def test_overlapping_fragments() -> None:
    content = packets.udp(*V4, bytes(range(100)))
    first = packets.ip(*V4, 17, content[:64], ident=3, fragment=0x2000)
    last = packets.ip(*V4, 17, content[40:], ident=3, fragment=5)
    assert take(last, first, link=RAW)[0].datagrams == [(*peers(V4), bytes(range(100)), 0)]


def test_lost_fragments_are_told() -> None:
    pieces = packets.fragments(*V4, 17, packets.udp(*V4, bytes(100)), 40)
    sink, _, findings = take(*pieces[1:], link=RAW)
    assert sink.datagrams == []
    assert [(finding.code, finding.text) for finding in findings] == [
        ("lost-fragments", "1 IP datagrams lack fragments")
    ]


def test_old_fragments_are_given_up() -> None:
    pieces = packets.fragments(*V4, 17, packets.udp(*V4, bytes(100)), 40)
    times = [START, START + 1, START + Limits().fragment_wait + 2]
    sink, _, findings = take(*pieces, link=RAW, times=times)
    assert sink.datagrams == []
    assert [finding.text for finding in findings] == ["2 IP datagrams lack fragments"]


def test_fragments_are_bounded() -> None:
    many = [packets.fragments(*V4, 17, bytes(80), 40, number)[0] for number in range(Limits().fragments + 5)]
    _, _, findings = take(*many, link=RAW)
    assert {finding.code: finding.text.split()[0] for finding in findings} == {
        "too-many-fragments": "5",
        "lost-fragments": str(Limits().fragments),
    }
    tiny = [packets.ip(*V4, 17, bytes(8), ident=1, fragment=0x2000 | at) for at in range(400)]
    assert take(*tiny, link=RAW)[0].datagrams == []


def test_fragments_of_something_else() -> None:
    _, all_, findings = take(packets.ip(*V4, 47, bytes(80), fragment=0x2000), link=RAW)
    assert (all_.other, findings) == (1, [])


def test_media_is_counted() -> None:
    rtp, rtcp = b"\x80\x00" + bytes(170), b"\x81\xc8" + bytes(30)
    sink, all_, _ = take(datagram(V4, rtp), datagram(V6, rtcp), datagram(V4, rtp[:8]), link=RAW)
    assert all_.rtp == 2
    assert [one[2] for one in sink.datagrams] == [rtp[:8]]


OTHER = {
    "ARP": (ETHERNET, bytes(12) + b"\x08\x06" + bytes(46)),
    "no IP over loopback": (NULL, b"\x07\0\0\0" + bytes(30)),
    "neither IPv4 nor IPv6": (RAW, b"\x50" + bytes(30)),
    "ICMP": (RAW, packets.ip(*V4, 1, bytes(20))),
    "nothing at all": (RAW, b""),
    "nothing at all, Ethernet": (ETHERNET, b""),
    "many VLANs": (ETHERNET, bytes(12) + b"\x81\0\0\7" * 9),
}


@pytest.mark.parametrize(("link", "data"), OTHER.values(), ids=OTHER)
def test_other_packets_are_passed_over(link: int, data: bytes) -> None:
    sink, all_, findings = take(data, link=link)
    assert (sink.datagrams, sink.segments, all_.other, findings) == ([], [], 1, [])


WHOLE = {"IPv4, UDP": datagram(V4), "IPv6, UDP": datagram(V6), "TCP": packets.ip(*V4, 6, packets.tcp(*V4, 1))}


@pytest.mark.parametrize("packet", WHOLE.values(), ids=WHOLE)
def test_cut_headers_are_told(packet: bytes) -> None:
    for size in range(1, len(packet) if packet[9] == 6 else len(packet) - len(TEXT)):
        _, _, findings = take(packet[:size], link=RAW)
        assert [finding.code for finding in findings] == ["bad-packet"]
        _, _, findings = take(packet[:size], link=RAW, missing=100)
        assert [finding.code for finding in findings] == ["snapped"]


def test_header_lengths_that_make_no_sense() -> None:
    short = bytearray(datagram(V4))
    short[0] = 0x44
    less = bytearray(datagram(V4))
    less[2:4] = b"\0\x0a"
    wrong = bytearray(datagram(V4))
    wrong[0] = 0x75
    far = bytearray(packets.ip(*V4, 6, packets.tcp(*V4, 1)))
    far[32] = 0xF0
    near = bytearray(packets.ip(*V4, 6, packets.tcp(*V4, 1)))
    near[32] = 0x10
    frames = [bytes(12) + b"\x08\0" + bytes(one) for one in (short, less, wrong, far, near)]
    _, all_, findings = take(*frames)
    assert all_.other == 5
    assert [finding.text for finding in findings] == ["5 packets have headers that make no sense"]


def test_payload_cut_by_the_capture() -> None:
    sink, _, findings = take(datagram(V4)[:-10], link=RAW, missing=10)
    assert sink.datagrams == [(*peers(V4), TEXT[:-10], 10)]
    segment = packets.ip(*V4, 6, packets.tcp(*V4, 1, b"hello"))
    sink, _, _ = take(segment[:-3], link=RAW, missing=3)
    assert sink.segments[0][5:] == (b"he", 3)
    assert [finding.code for finding in findings] == ["snapped"]


def test_unknown_link_is_told_once() -> None:
    _, all_, findings = take(b"x", b"y", link=147)
    assert all_.other == 2
    assert [finding.text for finding in findings] == ["packets of link type 147 can't be read"]


@given(
    st.sampled_from([*WHOLE.values()]),
    st.integers(0, 2**32),
    st.sampled_from([link for link, _ in LINKS.values()]),
)
def test_damage_never_raises(packet: bytes, seed: int, link: int) -> None:
    chance = random.Random(seed)
    data = bytearray(packets.frame(packet, link))
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    take(bytes(data[: chance.randint(0, len(data))]), link=link, missing=chance.choice([0, 50]))


def test_octets_behind_a_datagram() -> None:
    """UDP's own length counts."""
    content = packets.udp(*V4, TEXT) + b"padding"
    assert take(packets.ip(*V4, 17, content), link=RAW)[0].datagrams == [(*peers(V4), TEXT, 0)]


def test_extension_headers_without_end() -> None:
    chain = bytes([0, 0, *bytes(6)]) * 40
    _, all_, _ = take(packets.ip(*V6, 0, chain), link=RAW)
    assert all_.other == 1
