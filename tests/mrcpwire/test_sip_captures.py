"""Every SIP message that was recorded: read, compared with what tshark reads, and written octet for octet."""

import re
import socket
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcpwire.sip import Request, Response, SipError, parse_datagram
from tests import peers
from tests.mrcpwire.sip_feeding import Message, octets, outcome_of
from tests.pcap import CAPTURES, read_conversations

# SIP over TCP or UDP, then requests and responses, as the captures' own description has them.
ROW = re.compile(r"^\| (mrcpv2/\S+\.pcap) \| (udp|tcp|both) \| (\d+) \| (\d+) \|", re.MULTILINE)
DESCRIBED = {
    name: (transport, int(requests), int(responses))
    for name, transport, requests, responses in ROW.findall(
        (CAPTURES / "README.md").read_text(encoding="utf-8")
    )
}
BESIDE_MRCPV1 = sorted(path.name for kind in ("mixed", "unimrcp") for path in CAPTURES.glob(f"{kind}-*.pcap"))
SERVER = 8060
CALLERS = {8062, 8064, 8066, 8072}
FRAME, UDP_HEAD = 14, 8  # octets before the IP header, and of the UDP header


def datagrams(path: Path) -> Iterator[bytes]:
    """Read the payloads of a capture's UDP datagrams to or from SIP's ports, in order (classic pcap, Ethernet)."""
    raw = path.read_bytes()
    assert raw[:4] == b"\xd4\xc3\xb2\xa1"
    at = 24
    while at < len(raw):
        (kept,) = struct.unpack_from("<I", raw, at + 8)
        ip = raw[at + 16 + FRAME : at + 16 + kept]
        at += 16 + kept
        if ip[9] == socket.IPPROTO_UDP:
            start = (ip[0] & 0x0F) * 4
            source, target, size = struct.unpack_from("!HHH", ip, start)
            if SERVER in {source, target} or {source, target} <= CALLERS:
                yield ip[start + UDP_HEAD : start + size]


def streams(path: Path) -> Iterator[bytes]:
    for conversation in read_conversations(path, port=SERVER):
        yield from (conversation.to_server, conversation.to_client)


def messages(path: Path) -> list[Message]:
    """Read every SIP message of a capture, those over UDP first."""
    found = [parse_datagram(raw) for raw in datagrams(path) if raw != b"TEST"]
    for stream in streams(path):
        events, faults = outcome_of(stream)
        assert faults == []
        found += [event for event in events if isinstance(event, Request | Response)]
    return found


def test_every_capture_is_described() -> None:
    assert sorted(DESCRIBED) == sorted(f"mrcpv2/{path.name}" for path in (CAPTURES / "mrcpv2").glob("*.pcap"))


@pytest.mark.parametrize("name", DESCRIBED)
def test_counts_as_described(name: str) -> None:
    kinds = Counter(type(one) for one in messages(CAPTURES / name))
    over = {"udp" for _ in datagrams(CAPTURES / name)} | {"tcp" for _ in streams(CAPTURES / name)}
    transport = over.pop() if len(over) == 1 else "both"
    assert (transport, kinds[Request], kinds[Response]) == DESCRIBED[name]


@pytest.mark.parametrize("name", [*DESCRIBED, *BESIDE_MRCPV1])
def test_every_message_leaves_as_it_came(name: str) -> None:
    assert messages(CAPTURES / name)
    for raw in datagrams(CAPTURES / name):
        if raw != b"TEST":
            assert parse_datagram(raw).to_bytes() == raw
    for stream in streams(CAPTURES / name):
        told = outcome_of(stream)
        assert outcome_of(*octets(stream)) == told
        assert (
            b"".join(event.to_bytes() for event in told.events if isinstance(event, Request | Response))
            == stream
        )


def test_what_is_not_sip_is_dropped() -> None:  # section I: Sofia's own start-up test
    noise = [raw for name in DESCRIBED for raw in datagrams(CAPTURES / name) if raw == b"TEST"]
    assert noise
    for raw in noise:
        with pytest.raises(SipError) as caught:
            parse_datagram(raw)
        assert caught.value.answer is None


FIELDS = (
    "sip.Method",
    "sip.Status-Code",
    "sip.Call-ID",
    "sip.CSeq.seq",
    "sip.CSeq.method",
    "sip.Via.branch",
    "sip.Via.transport",
    "sip.Via.sent-by.address",
    "sip.from.tag",
    "sip.to.tag",
    "sip.Content-Length",
    "sip.Max-Forwards",
    "sip.contact.uri",
    "sip.Content-Type",
)


def facts(one: Message) -> list[str]:
    """Give what tshark calls `FIELDS`, in their order."""
    via, contact = one.vias[0], one.contact
    texts = [
        one.method if isinstance(one, Request) else b"",
        b"%d" % one.status if isinstance(one, Response) else b"",
        one.call_id,
        b"%d" % one.cseq[0],
        one.cseq[1],
        via.branch,
        via.transport,
        via.host,
        one.from_.tag,
        one.to.tag,
        b"%d" % len(one.body),
        None if one.max_forwards is None else b"%d" % one.max_forwards,
        contact.uri if contact else b"",
        one.content_type,
    ]
    return [(text or b"").decode() for text in texts]


@pytest.mark.parametrize(
    "name",
    [
        "mrcpv2/mrcpv2-unimrcp-siptcp-synth-plus-recog-one-session.pcap",
        "mrcpv2/mrcpv2-unimrcp-session-timer-refresh.pcap",
        "mrcpv2/mrcpv2-unimrcp-sip-302-redirect.pcap",
        "mrcpv2/mrcpv2-script-vs-unimrcp-server-edge-cases.pcap",
        "mixed-unimrcp-concurrent.pcap",
    ],
)
def test_the_same_facts_as_tshark(name: str) -> None:
    command = [
        peers.need("tshark"),
        "-r",
        str(CAPTURES / name),
        "-Y",
        "sip",
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]
    command += [part for kind in ("tcp", "udp") for part in ("-d", f"{kind}.port=={SERVER},sip")]
    command += [part for field in FIELDS for part in ("-e", field)]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    theirs = sorted(row.split("\t") for row in rows)
    ours = sorted(facts(one) for one in messages(CAPTURES / name))
    assert ours == theirs
