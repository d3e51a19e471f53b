"""What messages say to people who look on, and the stream they are told by."""

import json
from typing import Any

import attrs
import pytest
import trio

from mrcpbalance.config import Address, AdminConfig
from mrcpbalance.observe import streams
from mrcpbalance.observe.messages import Telling
from mrcpbalance.sessions import Direction, Hop, Overheard, Phase, Session, Who
from tests.observe.test_server import ASK, ServedStage, served

WAY = Hop(Address("192.0.2.1", 5060), Address("2001:db8::9", 5062))


@attrs.define
class Wire:
    """A connection, as far as tellings know it."""

    peer: str = "192.0.2.9"
    peer_port: int = 4711
    guarded: bool = True


def overheard(data: bytes, protocol: str = "rtsp", direction: Direction = Direction.FROM_CLIENT) -> Overheard:
    return Overheard(direction, protocol, data, Wire(), 5.0)  # type: ignore[arg-type]


ANNOUNCE = (
    b"ANNOUNCE rtsp://192.0.2.1/media/asr RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/mrcp\r\n"
    b"Content-Length: 24\r\n\r\nRECOGNIZE 1 MRCP/1.0\r\n\r\n"
)
ROWS: dict[str, tuple[Overheard, dict[str, object]]] = {
    "an ANNOUNCE tells what it carries": (
        overheard(ANNOUNCE),
        {
            "time": 105.0,
            "direction": "from-client",
            "peer": "client",
            "protocol": "rtsp",
            "line": "ANNOUNCE rtsp://192.0.2.1/media/asr RTSP/1.0",
            "mrcp": "RECOGNIZE 1 MRCP/1.0",
            "octets": len(ANNOUNCE),
            "body": 24,
            "remote": "192.0.2.9:4711",
        },
    ),
    "a body that is no MRCP": (
        overheard(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nv=0\r\n", direction=Direction.TO_CLIENT),
        {"line": "RTSP/1.0 200 OK", "mrcp": None, "body": 5, "direction": "to-client"},
    ),
    "a head alone": (overheard(b"OPTIONS * RTSP/1.0\r\nCSeq: 1"), {"line": "OPTIONS * RTSP/1.0", "body": 0}),
    "octets nobody reads": (
        overheard(b"\x00\xffsecret", "tcp", Direction.FROM_BACKEND),
        {"line": None, "mrcp": None, "octets": 8, "body": 8, "peer": "backend"},
    ),
    "a line too long": (overheard(b"X" * 300 + b"\r\n\r\n", "mrcpv2"), {"line": "X" * 256 + "…"}),
    "a line that plays with terminals": (overheard(b"\x1b[31mX\r\n\r\n", "sip"), {"line": "\\x1b[31mX"}),
}


@pytest.mark.parametrize(("message", "row"), ROWS.values(), ids=ROWS)
def test_rows(message: Overheard, row: dict[str, object]) -> None:
    told = Telling(lambda at: at + 100.0).row(message)
    assert {name: told[name] for name in row} == row
    assert "text" not in told


def test_bodies_are_told_only_where_that_is_wanted() -> None:
    told = Telling(lambda at: at, bodies=True).row(overheard(ANNOUNCE))
    assert told["text"] == "RECOGNIZE 1 MRCP/1.0\r\n\r\n"


def test_addresses() -> None:
    telling = Telling(lambda at: at)
    hop = Overheard(Direction.FROM_CLIENT, "sip", b"x", WAY, 0.0)
    assert telling.row(hop)["remote"] == "[2001:db8::9]:5062"
    for wire, shown in (
        (Wire("2001:db8::9", 1), "[2001:db8::9]:1"),
        (Wire("192.0.2.9", 0), "192.0.2.9"),  # being made
    ):
        message = Overheard(Direction.TO_BACKEND, "rtsp", b"x", wire, 0.0)  # type: ignore[arg-type]
        assert telling.row(message)["remote"] == shown


# The stream.


class Listener:
    """A client that listens, and reads the events."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.octets = b""

    async def head(self) -> bytes:
        while b"\r\n\r\n" not in self.octets:
            self.octets += await self.stream.receive_some()
        head, _, self.octets = self.octets.partition(b"\r\n\r\n")
        return head

    async def event(self) -> tuple[str, Any]:
        """Give the next event; chunk sizes between events are skipped, as no event is cut by one here."""
        while True:
            start, end = self.octets.find(b"event: "), self.octets.find(b"\n\n")
            if 0 <= start < end:
                kind, _, data = self.octets[start + len(b"event: ") : end].partition(b"\ndata: ")
                self.octets = self.octets[end + 2 :]
                return kind.decode(), json.loads(data)
            more = await self.stream.receive_some()
            assert more, "the stream ended"
            self.octets += more


async def listen(stage: ServedStage, key: str) -> Listener:
    stream = await stage.call()
    await stream.send_all(ASK % f"/api/v1/sessions/{key}/messages".encode())
    return Listener(stream)


def say(session: Session, data: bytes) -> None:
    assert session.tap is not None
    session.tap.hear(Direction.FROM_CLIENT, "sip", data, WAY, 1000.0)


@pytest.mark.real_time
async def test_messages_are_told_until_the_session_ends() -> None:
    async with served() as stage:
        session = stage.session("call-1")
        client = await listen(stage, "call-1")
        head = await client.head()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"content-type: text/event-stream" in head
        kind, row = await client.event()
        assert (kind, row["id"]) == ("session", session.id)
        say(session, b"BYE sip:x SIP/2.0\r\n\r\n")
        kind, told = await client.event()
        assert (kind, told["line"], told["time"]) == ("message", "BYE sip:x SIP/2.0", 1_700_001_000.0)
        stage.end(session, Who.CLIENT, Phase.TEARDOWN)
        assert await client.event() == ("end", {"end": "client/teardown"})
        assert (stage.register.tapped, stage.notes) == (0, [])
        await client.stream.aclose()


@pytest.mark.real_time
async def test_a_client_that_leaves_observes_no_longer() -> None:
    async with served() as stage:
        session = stage.session("call-1")
        client = await listen(stage, "call-1")
        await client.head()
        await client.event()
        assert stage.register.tapped == 1
        await client.stream.aclose()
        with trio.fail_after(10):
            while stage.register.tapped or stage.console.listening:  # noqa: ASYNC110 - it tells nobody
                await trio.sleep(0.01)
        assert (session.tap, stage.notes) == (None, [])


@pytest.mark.real_time
async def test_what_a_slow_client_misses_is_counted() -> None:
    async with served() as stage:
        stage.console.admin = AdminConfig(message_queue=2)
        session = stage.session("call-1")
        client = await listen(stage, "call-1")
        await client.head()
        await client.event()
        for _ in range(5):
            say(session, b"BYE sip:x SIP/2.0\r\n\r\n")
        kinds = [await client.event() for _ in range(3)]
        assert [kind for kind, _ in kinds] == ["message", "message", "dropped"]
        assert kinds[2][1] == {"messages": 3}
        await client.stream.aclose()


@pytest.mark.real_time
async def test_a_silent_session_shows_that_the_connection_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    async with served() as stage:
        stage.session("call-1")
        client = await listen(stage, "call-1")
        with trio.fail_after(10):
            while b": still here\n\n" not in client.octets:
                client.octets += await client.stream.receive_some()
        await client.stream.aclose()


@pytest.mark.real_time
async def test_only_so_many_listen() -> None:
    async with served() as stage:
        stage.console.admin = AdminConfig(message_streams=1)
        stage.session("call-1")
        first = await listen(stage, "call-1")
        await first.head()
        await first.event()
        second = await listen(stage, "call-1")
        assert (await second.head()).startswith(b"HTTP/1.1 503 ")
        for client in (first, second):
            await client.stream.aclose()


async def test_nobody_is_told_of_what_is_not_there() -> None:
    stage = ServedStage()
    assert (await stage.get("/api/v1/sessions/nobody/messages")).status == 404
    for _ in range(2):
        stage.session("45@speechrecog")
    assert (await stage.get("/api/v1/sessions/45@speechrecog/messages")).status == 409
