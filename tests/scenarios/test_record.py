"""Guards against recordings that Wireshark or `inspect` can't read, that miss a message, or that tell what people said."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from mrcpbalance.simulator import (
    EchoServer,
    FramedCaller,
    FramedServer,
    RtspCaller,
    SipCaller,
    SipServer,
    SpeechServer,
)
from mrcpbalance.traces import Message, read
from mrcpbalance.traces.sessions import Kind
from mrcpwire import sip
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Process
from tests.scenarios.dissecting import ERROR, Protocol, dissect
from tests.scenarios.mrcpv2 import GRAMMAR, RECOGNISED, SIP, Marks, recognise
from tests.scenarios.operating import ADMIN, Done, Operator, run, sip_address
from tests.scenarios.running import MRCP, TCP, V1
from tests.scenarios.sip_recordings import Transport
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

WRONG: Final = f"_ws.expert.severity >= {ERROR} or tcp.analysis.flags"
OPENED: Final = "tcp.flags.syn==1 and tcp.flags.ack==0"
MRCP_LINES: Final = ("mrcpv2.Request-Line", "mrcpv2.Response-Line", "mrcpv2.Event-Line")
SECRET: Final = b"<grammar>secret</grammar>"


@asynccontextmanager
async def recorded(operator: Operator, *arguments: str) -> AsyncIterator[list[Done]]:
    """Run `record` meanwhile; it must end by itself."""
    done: list[Done] = []

    async def record() -> None:
        done.append(await operator.run("record", *arguments))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(record)
        while not (await operator.get("/api/v1/recordings")).json["recordings"] and not done:  # noqa: ASYNC110 - it tells nobody
            await trio.sleep(0.02)
        yield done


async def inspected(file: Path) -> list[Any]:
    """Give the sessions that `inspect` finds."""
    shown = await run("inspect", str(file), "--json")
    found = json.loads(shown.out)
    assert found["capture"]["findings"] == []
    sessions = found["sessions"]
    assert isinstance(sessions, list)
    return sessions


async def test_an_rtsp_session_on_both_legs(process: Process, tmp_path: Path) -> None:
    file = tmp_path / "live.pcapng"
    async with (
        SpeechServer("a") as a,
        process(V1 + ADMIN, a) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        async with recorded(operator, str(file), "--last", "1") as done:
            session = await caller.setup("speechrecog")
            await session.request("DEFINE-GRAMMAR", GRAMMAR, SECRET)
            await session.teardown()
        assert (done[0].status, done[0].out) == (0, "")
        assert f"octets in {file}" in done[0].err
        assert (await operator.get("/api/v1/recordings")).json == {"recordings": []}
    data = await trio.Path(file).read_bytes()
    assert b"secret" not in data
    assert b"ended client/teardown" in data
    assert await dissect(file, {}, "frame.number", only=WRONG) == []
    one, other = await inspected(file)
    assert one["outcome"]["end"] == other["outcome"]["end"] == "completed"
    servers = {one["server"], other["server"]}
    assert servers == {str(served.address), str(a.address)}


async def test_a_call_on_both_legs(process: Process, tmp_path: Path) -> None:
    file = tmp_path / "live.pcapng"
    async with (
        SipServer("a") as a,
        process(SIP + ADMIN, a, key="sip") as served,
        SipCaller(sip_address(served)) as phone,
    ):
        operator = await Operator.of(served)
        async with recorded(operator, str(file), "--last", "1", "--protocol", "mrcpv2"):
            call = await phone.invite("speechrecog")
            assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
            await call.bye()
        ports: dict[int, Protocol] = {sip_address(served).port: "sip", a.address.port: "sip"}
    opened = await dissect(file, {}, "tcp.dstport", only=OPENED)
    ports |= {int(packet["tcp.dstport"][0]): "mrcpv2" for packet in opened}
    assert len(ports) == 4
    assert await dissect(file, ports, "frame.number", only=WRONG) == []
    found = await dissect(file, ports, *MRCP_LINES, only="mrcpv2")
    assert [sum(len(packet[name]) for packet in found) for name in MRCP_LINES] == [4, 4, 4]
    asked = await dissect(file, ports, "sip.Method", only="sip.Method")
    assert sorted(name for packet in asked for name in packet["sip.Method"]) == sorted(
        ["INVITE", "ACK", "BYE"] * 2
    )
    assert [one["outcome"]["end"] for one in await inspected(file)] == ["completed"] * 2


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nothing_is_before_what_it_answers(
    process: Process, tmp_path: Path, transport: Transport
) -> None:
    """On both legs of calls that change, ask inside, and are ended by either side."""
    file = tmp_path / "live.pcapng"
    async with (
        SipServer("a") as a,
        process(SIP + ADMIN, a, key="sip", backend=f'sip_transport = "{transport}"') as served,
        SipCaller(sip_address(served), transport=transport) as phone,
    ):
        operator = await Operator.of(served)
        async with recorded(operator, str(file), "--last", "6"):
            for by_server in (False, True) * 3:
                call = await phone.invite("speechrecog")
                assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
                await call.refresh()
                assert (await call.ask("INFO")).status == 200
                await (a.sessions[0] if by_server else call).bye()
        ports: dict[int, Protocol] = {sip_address(served).port: "sip", a.address.port: "sip"}
    assert await dissect(file, ports, "frame.number", only=WRONG) == []
    times = [float(packet["frame.time_epoch"][0]) for packet in await dissect(file, {}, "frame.time_epoch")]
    assert times == sorted(times)
    ends = [one["outcome"]["end"] for one in await inspected(file)]
    assert (
        ends == ["completed", "completed", "cut", "cut"] * 3
    )  # on both legs each; "cut" is ended by its server
    with file.open("rb") as source:
        sessions = read(source).sessions
    for session in sessions:
        assert session.methods.keys() >= {"INVITE", "INFO", "BYE", "RECOGNIZE"}
        assert_in_order(session.messages)


def assert_in_order(messages: Sequence[Message]) -> None:
    """Have every answer behind what it answers, and every ACK behind its 2xx."""
    asked, accepted = set(), set()
    for message in messages:
        parsed = message.parsed
        match parsed:
            case sip.Request(method=b"ACK"):
                assert parsed.cseq[0] in accepted
            case sip.Request():
                asked.add((message.to_server, parsed.cseq))
            case sip.Response():
                assert (not message.to_server, parsed.cseq) in asked
                if parsed.cseq[1] == b"INVITE" and parsed.status == 200:
                    accepted.add(parsed.cseq[0])
            case _:
                if message.mrcp is not None and message.mrcp.kind is not Kind.REQUEST:
                    assert message.answers is not None


async def test_channels_without_sip_and_octets_that_pass_through(process: Process, tmp_path: Path) -> None:
    file = tmp_path / "live.pcapng"
    raw = TCP.replace("front", "raw").replace("speech", "raw") + '[pools.raw.health]\nprobe = "none"\n'
    async with FramedServer("a") as a, EchoServer("b") as b:
        raw += f'[pools.raw.backends.b]\ntcp = "{b.address}"\n'
        async with (
            process(MRCP + raw + ADMIN, a, listeners=2) as served,
            FramedCaller(served.addresses[0]) as caller,
            calling(served.addresses[1]) as line,
        ):
            operator = await Operator.of(served)
            async with recorded(operator, str(file), "--last", "1", "--protocol", "mrcp") as done:
                channel = await caller.open("speechrecog")
                await channel.request("DEFINE-GRAMMAR", GRAMMAR, SECRET)
                await channel.teardown()
            assert done[0].status == 0
            data = await trio.Path(file).read_bytes()
            assert b"secret" not in data
            ports: dict[int, Protocol] = {
                address.port: "mrcpv2" for address in (served.addresses[0], a.address)
            }
            assert await dissect(file, ports, "frame.number", only=WRONG) == []
            found = await dissect(file, ports, *MRCP_LINES, only="mrcpv2")
            assert [sum(len(packet[name]) for packet in found) for name in MRCP_LINES] == [6, 6, 0]
            async with (
                recorded(operator, str(file), "--duration", "4s", "--with-bodies", "--force"),
                calling(served.addresses[1]) as other,
            ):
                await other.says(b"hello")
                await other.hears(b"hello")
            await line.says(b"not wanted: it began before")
    data = await trio.Path(file).read_bytes()
    assert data.count(b"hello") == 4
    assert b"began before" not in data


async def test_a_session_that_fails_is_kept(process: Process, tmp_path: Path) -> None:
    record = f'[record]\ndirectory = "{tmp_path}"\n'
    async with (
        speech_process("a") as a,
        process(V1 + ADMIN + record, a) as served,
        RtspCaller(served.address) as good,
        RtspCaller(served.address) as bad,
    ):
        await (await good.setup("speechrecog")).teardown()
        session = await bad.setup("speechrecog")
        await session.request("DEFINE-GRAMMAR", GRAMMAR, SECRET)
        a.kill()
        line = await served.until("session-end", end="backend/active")
        assert "recording" not in (await served.until("session-end", end="client/teardown"))
    kept = [str(file) for file in await trio.Path(tmp_path).iterdir() if file.suffix == ".pcapng"]
    assert kept == [line["recording"]]
    assert b"secret" not in await trio.Path(kept[0]).read_bytes()
    assert len(await inspected(Path(kept[0]))) == 2


async def test_a_live_session_is_told_message_by_message(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        process(V1 + ADMIN, a) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        session = await caller.setup("speechrecog")
        told: list[str] = []

        async def listen() -> None:
            told.append((await operator.get(f"/api/v1/sessions/{session.id}/messages")).body.decode())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.sleep(0.5)  # nothing tells when it listens; the rest holds without
            await session.request("DEFINE-GRAMMAR", GRAMMAR, SECRET)
            await session.teardown()
        (text,) = told
        assert text.startswith("event: session\n")
        assert 'event: end\ndata: {"end":"client/teardown"}\n\n' in text
        assert "secret" not in text
        assert '"line":"TEARDOWN ' in text
