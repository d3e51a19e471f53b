"""The simulated MRCPv1 server against recordings of a real one: the same callers' octets, the same answers."""

import re
from functools import partial
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import Pace, Silence, SpeechServer
from mrcpwire import Headers, rtsp
from tests.pcap import CAPTURES, Conversation, read_conversations

pytestmark = pytest.mark.real_time

HOST = "127.0.0.2"  # where the recorded server was: descriptions of media name it
RTP_PORTS = re.compile(rb"(?<=server_port=)\d+-\d+|(?<=m=audio )[1-9]\d*")
WHOLE = [
    "mrcpv1-unimrcp-synth.pcap",
    "mrcpv1-unimrcp-recog.pcap",
    "mrcpv1-unimrcp-dtmf.pcap",
    "mrcpv1-unimrcp-params.pcap",
    "mrcpv1-unimrcp-unmapped-resources.pcap",
    "mrcpv1-unimrcp-concurrent.pcap",
    "mrcpv1-script-vs-unimrcp-synth-plus-recog-one-session.pcap",
    "mixed-unimrcp-concurrent.pcap",
    "unimrcp-bypass-media.pcap",
    "unimrcp-resource-discovery.pcap",
    "unimrcp-server-offline-503.pcap",
]
Shape = tuple[bytes, frozenset[tuple[bytes, bytes]], bytes]


def shape(message: rtsp.Request | rtsp.Response) -> Shape:
    """Reduce a server's message to what must agree: start-line, headers in any order, body; RTP ports masked."""
    raw = RTP_PORTS.sub(b"N", message.raw)
    start, _, rest = raw.partition(b"\r\n")
    section, _, body = rest.partition(b"\r\n\r\n")
    headers = {(name, value) for name, value in Headers.split(section + b"\r\n") if name != b"Content-Length"}
    if b"application/x-nlsml" in body:  # the result itself is ours, and so is its length
        body = re.sub(rb"Content-Length: \d+\r\n\r\n.*", b"", body, flags=re.DOTALL)
    return start, frozenset(headers), body


def shapes(octets: bytes) -> list[Shape]:
    receiver = rtsp.Receiver(rtsp.Limits())
    receiver.receive_data(octets)
    found = []
    while (message := receiver.next_event()) is not None:
        assert not isinstance(message, rtsp.Interleaved)
        found.append(shape(message))
    return found


def test_shapes_tell_messages_apart() -> None:
    one, other = (rtsp.reply(200, cseq=cseq) for cseq in (b"1", b"2"))
    assert shapes(one) == shapes(one)
    assert shapes(one) != shapes(other)


async def replay(conversation: Conversation, address: Address) -> bytes:
    """Send what the recorded caller sent, each piece once the server has sent what it had sent by then."""
    heard = bytearray()
    due = 0
    async with await trio.open_tcp_stream(address.host, address.port) as stream:
        for piece in conversation.pieces:
            if not piece.to_server:
                due += len(shapes(piece.data))
                continue
            while len(shapes(bytes(heard))) < due:
                heard += await stream.receive_some() or pytest.fail("the server closed the connection")
            await stream.send_all(piece.data)
        while len(shapes(bytes(heard))) < due:
            heard += await stream.receive_some() or pytest.fail("the server closed the connection")
    return bytes(heard)


def recorded_session(conversation: Conversation) -> str:
    found = re.search(rb"\r\nSession: (\w+)", conversation.to_client)
    return found[1].decode() if found else "0000000000000000"


@pytest.mark.parametrize("name", WHOLE)
async def test_same_answers_as_recorded(name: str) -> None:
    for conversation in read_conversations(CAPTURES / name, port=1554):
        # The script's caller said nothing, and its recording ends before the prompt does.
        script = "script" in name
        server = SpeechServer(
            bind=Address(HOST, 0),
            pace=Pace(callers_speak=not script),
            faults=[Silence(at="SPEAK-COMPLETE")] if script else [],
            new_id=partial(recorded_session, conversation),
        )
        server.offline = "offline" in name
        async with server:
            heard = await replay(conversation, server.address)
        assert shapes(heard) == shapes(conversation.to_client)
        assert server.errors == []


def test_every_mrcpv1_recording_is_replayed() -> None:
    left = {path.name for path in Path(CAPTURES).glob("*.pcap")} - set(WHOLE)
    assert left == {
        "mrcpv1-unimrcp-synth-with-rtp.pcap",  # the same as -synth
        "unimrcp-server-killed-mid-session.pcap",
        "unimrcp-idle-inactivity-timeout.pcap",
    }
