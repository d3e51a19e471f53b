"""The capture reader against the captures' own description, against tshark, and against awkward packets."""

import re
import struct
import subprocess
from pathlib import Path

import pytest

from mrcpbalance.config import Address
from tests import peers
from tests.pcap import CAPTURES, Conversation, Piece, read_conversations

ROW = re.compile(r"^\| (\S+\.pcap) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", re.MULTILINE)
DESCRIBED = {
    name: tuple(map(int, counts))
    for name, *counts in ROW.findall((CAPTURES / "README.md").read_text(encoding="utf-8"))
}
CLIENT, SERVER = Address("127.0.0.1", 40000), Address("127.0.0.2", 1554)


def starts(conversations: list[Conversation], method: bytes) -> int:
    """Count the messages that begin with a method: a start-line follows a blank line or a body without line end."""
    octets = b"\0".join(part for one in conversations for part in (one.to_server, one.to_client))
    return len(re.findall(method + rb" rtsp://\S+ RTSP/1\.0\r\n", octets))


def test_every_capture_is_described() -> None:
    assert sorted(DESCRIBED) == sorted(path.name for path in CAPTURES.glob("*.pcap"))


@pytest.mark.parametrize("name", DESCRIBED)
def test_counts_as_described(name: str) -> None:
    rtsp = read_conversations(CAPTURES / name, port=1554)
    counts = (len(rtsp), *(starts(rtsp, method) for method in (b"SETUP", b"TEARDOWN", b"ANNOUNCE")))
    assert counts == DESCRIBED[name]
    assert {one.server for one in rtsp} == {SERVER}


@pytest.mark.parametrize("name", ["mixed-unimrcp-concurrent.pcap", "mrcpv1-unimrcp-synth-with-rtp.pcap"])
def test_same_octets_as_tshark(name: str) -> None:
    fields = ["tcp.stream", "ip.src", "tcp.srcport", "tcp.payload"]
    command = [peers.need("tshark"), "-r", str(CAPTURES / name), "-Y", "tcp.len > 0", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    theirs: dict[tuple[str, str, str], str] = {}
    for stream, source, port, payload in (row.split("\t") for row in rows):
        key = (stream, source, port)
        theirs[key] = theirs.get(key, "") + payload
    ours = [
        octets for one in read_conversations(CAPTURES / name) for octets in (one.to_server, one.to_client)
    ]
    assert sorted(theirs.values()) == sorted(octets.hex() for octets in ours if octets)


def segment(
    source: Address, target: Address, sequence: int, payload: bytes = b"", flags: int = 0x10
) -> bytes:
    """Write an Ethernet frame with one TCP segment, padded as short frames are."""
    hosts = b"".join(bytes(map(int, one.host.split("."))) for one in (source, target))
    tcp = struct.pack("!HHIIBBHHH", source.port, target.port, sequence % 2**32, 0, 0x50, flags, 1024, 0, 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0)
    return (bytes(12) + b"\x08\x00" + head + hosts + tcp + payload).ljust(60, b"\0")


def write(path: Path, frames: list[bytes], order: str = "<") -> Path:
    """Write a classic capture file."""
    out = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    for second, frame in enumerate(frames):
        out += struct.pack(order + "IIII", second, 500_000, len(frame), len(frame)) + frame
    path.write_bytes(out)
    return path


def up(sequence: int, payload: bytes = b"", flags: int = 0x10) -> bytes:
    return segment(CLIENT, SERVER, sequence, payload, flags)


def down(sequence: int, payload: bytes = b"", flags: int = 0x10) -> bytes:
    return segment(SERVER, CLIENT, sequence, payload, flags)


OPENED = [up(99, flags=0x02), down(199, flags=0x12)]
AWKWARD = {
    "in order": ([*OPENED, up(100, b"ab"), up(102, b"cd")], [b"ab", b"cd"]),
    "retransmitted": ([*OPENED, up(100, b"ab"), up(100, b"ab"), up(102, b"cd")], [b"ab", b"cd"]),
    "overlapping": ([*OPENED, up(100, b"ab"), up(100, b"abcd")], [b"ab", b"cd"]),
    "keep-alive": ([*OPENED, up(100, b"ab"), up(101, b"b"), up(102, b"cd")], [b"ab", b"cd"]),
    "out of order": ([*OPENED, up(102, b"cd"), up(104, b"e"), up(100, b"ab")], [b"abcde"]),
    "without handshake": ([up(100, b"ab"), up(102, b"cd")], [b"ab", b"cd"]),
    "sequence wraps": ([up(2**32 - 2, flags=0x02), up(2**32 - 1, b"ab"), up(1, b"cd")], [b"ab", b"cd"]),
}


@pytest.mark.parametrize(("frames", "pieces"), AWKWARD.values(), ids=AWKWARD)
@pytest.mark.parametrize("order", ["<", ">"])
def test_octets_come_once_and_in_order(
    frames: list[bytes], pieces: list[bytes], order: str, tmp_path: Path
) -> None:
    (one,) = read_conversations(write(tmp_path / "x.pcap", frames, order))
    assert (one.client, one.server) == (CLIENT, SERVER)
    assert [piece.data for piece in one.pieces] == pieces


def test_both_directions_keep_their_order_and_ends(tmp_path: Path) -> None:
    frames = [*OPENED, up(100, b"ask"), down(200, b"tell"), up(103, flags=0x11), down(204, flags=0x04)]
    (one,) = read_conversations(write(tmp_path / "x.pcap", frames))
    assert one.pieces == [Piece(True, b"ask", 0.0), Piece(False, b"tell", 0.0)]
    assert [piece.time for piece in one.pieces] == [2.5, 3.5]
    assert (one.client_end, one.server_end) == ("finished", "reset")


def test_a_server_that_is_seen_first_is_still_the_server(tmp_path: Path) -> None:
    (one,) = read_conversations(write(tmp_path / "x.pcap", [down(200, b"event"), up(100, b"ok")]))
    assert (one.client, one.to_client, one.to_server) == (CLIENT, b"event", b"ok")


def test_a_port_used_again_is_another_connection(tmp_path: Path) -> None:
    frames = [*OPENED, up(100, b"first"), up(499, flags=0x02), up(500, b"second")]
    found = read_conversations(write(tmp_path / "x.pcap", frames))
    assert [one.to_server for one in found] == [b"first", b"second"]


def test_other_packets_are_passed_over(tmp_path: Path) -> None:
    udp = bytearray(up(100, b"audio"))
    udp[14 + 9] = 17
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    assert read_conversations(write(tmp_path / "x.pcap", [bytes(udp), arp])) == []
