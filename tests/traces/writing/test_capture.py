"""Captures written by us are read by us and by Wireshark: the same octets, in order, on the same connections."""

import re
import subprocess
from pathlib import Path

import pytest

from mrcpbalance.traces import Endpoint
from mrcpbalance.traces.writing import Writer
from tests import peers

FOUR = (Endpoint("192.0.2.9", 40_000), Endpoint("192.0.2.1", 1554))
SIX = (Endpoint("2001:db8::9", 40_000), Endpoint("2001:db8::1", 1554))
NOON = 1_700_000_000.25
STRICT = ("-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")


def tshark(file: Path, *arguments: str) -> str:
    command = [peers.need("tshark"), "-n", "-r", str(file), *STRICT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def complaints(file: Path) -> str:
    """What tshark holds against a file: bad checksums, gaps, malformed packets, all of it."""
    wrong = "_ws.malformed or tcp.analysis.flags or tcp.checksum.status==0 or udp.checksum.status==0 or ip.checksum.status==0"
    return tshark(file, "-Y", wrong)


@pytest.mark.parametrize("ends", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_tshark_finds_nothing_wrong(tmp_path: Path, ends: tuple[Endpoint, Endpoint]) -> None:
    client, server = ends
    writer = Writer()
    file = tmp_path / "made.pcapng"
    file.write_bytes(
        writer.begin()
        + writer.stream(NOON, client, server, b"x" * 50_001, "a comment")
        + writer.stream(NOON + 1, server, client, b"answer", opened=False)
        + writer.datagram(NOON + 2, client, server, b"odd")
        + writer.datagram(NOON + 2, server, client, b"even")
        + writer.remark(NOON + 3, client, server, "the end")
    )
    assert complaints(file) == ""
    rows = tshark(file, "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.len", "-e", "frame.comment")
    assert [float(row.split("\t")[0]) for row in rows.splitlines()] == [
        *[NOON] * 7,
        NOON + 1,
        *[NOON + 2] * 2,
        NOON + 3,
    ]
    assert re.findall(r"a comment|the end", rows) == ["a comment", "the end"]


def test_a_connection_is_opened_by_who_opened_it(tmp_path: Path) -> None:
    client, server = FOUR
    writer = Writer()
    file = tmp_path / "made.pcapng"
    file.write_bytes(writer.begin() + writer.stream(NOON, server, client, b"hello", opened=False))
    syn = tshark(file, "-Y", "tcp.flags.syn==1 and tcp.flags.ack==0", "-T", "fields", "-e", "ip.src")
    assert syn.strip() == client.host


def test_an_address_that_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "made.pcapng"
    writer = Writer()
    unknown, name = Endpoint("", 1), Endpoint("asr.example", 2)
    file.write_bytes(
        writer.begin()
        + writer.stream(NOON, unknown, SIX[1], b"x")
        + writer.stream(NOON, unknown, FOUR[1], b"x")
        + writer.stream(NOON, FOUR[0], SIX[1], b"x")
        + writer.stream(NOON, SIX[0], FOUR[1], b"x")
        + writer.datagram(NOON, unknown, name, b"x")
    )
    assert complaints(file) == ""


def test_a_remark_needs_a_connection() -> None:
    assert Writer().remark(NOON, *FOUR, "nowhere") == b""


def test_connections_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrcpbalance.traces.writing._capture.MOST", 1)
    writer = Writer()
    first = writer.stream(NOON, *FOUR, b"x")
    writer.stream(NOON, *SIX, b"x")
    assert writer.stream(NOON, *FOUR, b"x") == first


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_carries_nothing_begins_and_ends(tmp_path: Path, reset: bool) -> None:
    file = tmp_path / "made.pcapng"
    client, server = FOUR
    writer = Writer()
    written = writer.begin() + writer.opened(NOON, client, server)
    written += writer.ended(NOON + 1, server, client, reset=reset)
    file.write_bytes(written if reset else written + writer.ended(NOON + 2, client, server, reset=False))
    assert complaints(file) == ""
    flags = tshark(file, "-Y", "tcp.flags.reset==1 or tcp.flags.fin==1", "-T", "fields", "-e", "ip.src")
    assert flags.split() == ([server.host] if reset else [server.host, client.host])


def test_nothing_ends_that_never_began() -> None:
    assert Writer().ended(NOON, *FOUR, reset=True) == b""
