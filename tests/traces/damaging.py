"""How the files of `tests/captures/damaged` were made, each of a whole one."""

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from tests.pcap import CAPTURES
from tests.traces.packets import Packet, pcap, pcapng

_HEAD: Final = 24  # octets of a pcap file's own head
_RECORD: Final = 16  # octets of the head of a packet in it


@cache
def octets(name: str) -> bytes:
    """Read a whole capture."""
    return (CAPTURES / name).read_bytes()


@cache
def packets(name: str) -> tuple[Packet, ...]:
    """Take a whole pcap file of microseconds apart."""
    raw, found, at = octets(name), [], _HEAD
    while at < len(raw):
        seconds, micro, kept, length = struct.unpack_from("<IIII", raw, at)
        found.append(Packet(raw[at + _RECORD : at + _RECORD + kept], seconds * 10**9 + micro * 1000, length))
        at += _RECORD + kept
    return tuple(found)


def place_of(name: str, number: int) -> int:
    """Tell where the record of a packet begins in its file; they count from 1."""
    return _HEAD + sum(_RECORD + len(packet.data) for packet in packets(name)[: number - 1])


def cut_in_a_packet() -> bytes:
    name = "mrcpv1-unimrcp-recog.pcap"
    return octets(name)[: place_of(name, 13) + _RECORD + 40]


def flipped_length() -> bytes:
    name = "mrcpv2/mrcpv2-unimrcp-recog.pcap"
    damaged = bytearray(octets(name))
    damaged[place_of(name, 15) + 11] ^= 0x40  # the highest octet of how much of the packet was kept
    return bytes(damaged)


def missing_packets() -> bytes:
    name = "mrcpv1-unimrcp-recog.pcap"
    return pcap([packet for number, packet in enumerate(packets(name), 1) if number not in (8, 9, 12)])


def doubled_and_swapped() -> bytes:
    found = packets("mrcpv2/mrcpv2-unimrcp-synth.pcap")
    swapped = [one for pair in zip(found[1::2], found[::2], strict=False) for one in pair]
    return pcap([packet for packet in swapped for _ in range(2)])


def half_a_file() -> bytes:
    whole = pcapng(packets("mixed-unimrcp-concurrent.pcap"))
    return whole[: len(whole) // 2]


def short_snapshots() -> bytes:
    return pcap(packets("mrcpv2/mrcpv2-unimrcp-params.pcap"), snap=420)


MADE: Final[Mapping[str, Callable[[], bytes]]] = {
    "cut-in-a-packet.pcap": cut_in_a_packet,
    "flipped-length.pcap": flipped_length,
    "missing-packets.pcap": missing_packets,
    "doubled-and-swapped.pcap": doubled_and_swapped,
    "half-a-file.pcapng": half_a_file,
    "short-snapshots.pcap": short_snapshots,
}
