"""The connections that other tests replay, against the captures' own description and against tshark."""

import re
import subprocess
from pathlib import Path

import pytest

from mrcpbalance.config import Address
from tests import peers
from tests.pcap import CAPTURES, Conversation, Piece, read_conversations
from tests.traces.packets import ACK, FIN
from tests.traces.scene import Scene

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


def test_both_directions_keep_their_order_and_ends(tmp_path: Path) -> None:
    scene = Scene()
    talk = scene.tcp(("127.0.0.1", 40000), ("127.0.0.2", 1554))
    talk.up(b"ask")
    talk.down(b"tell")
    talk.segment(True, b"", FIN | ACK)
    talk.reset(by="server")
    path = tmp_path / "x.pcap"
    path.write_bytes(scene.file())
    (one,) = read_conversations(path)
    assert (one.client, one.server) == (CLIENT, SERVER)
    assert one.pieces == [Piece(True, b"ask", 0.0), Piece(False, b"tell", 0.0)]
    assert [piece.time for piece in one.pieces] == [scene.packets[2].time / 1e9, scene.packets[3].time / 1e9]
    assert (one.client_end, one.server_end) == ("finished", "reset")


def test_conversations_to_a_port(tmp_path: Path) -> None:
    scene = Scene()
    for port in (1554, 1544):
        scene.tcp(("127.0.0.1", 40000), ("127.0.0.2", port)).up(b"%d" % port)
    scene.udp(("127.0.0.1", 4000), ("127.0.0.2", 1544), b"audio")
    path = tmp_path / "x.pcap"
    path.write_bytes(scene.file())
    assert [one.to_server for one in read_conversations(path, port=1544)] == [b"1544"]
    assert len(read_conversations(path)) == 2
