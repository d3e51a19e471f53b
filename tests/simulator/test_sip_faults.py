"""What the simulated MRCPv2 server and caller do when SIP or control connections go wrong."""

import contextlib

import pytest
import trio

from mrcpbalance.simulator import (
    ConnectionLost,
    Delay,
    Drop,
    Fault,
    Garbage,
    Pace,
    Refuse,
    Refused,
    Silence,
    SipCaller,
    SipServer,
)
from mrcpbalance.simulator.callers._sip import Transport

pytestmark = pytest.mark.real_time

TRANSPORTS: list[Transport] = ["udp", "tcp"]
SLOW = Pace(speech=60, result=60)


@pytest.mark.parametrize("status", [404, 480, 503, 603])
async def test_refusals(status: int) -> None:
    faults = [Refuse(at="INVITE", status=status, times=1)]
    async with SipServer(faults=faults) as server, SipCaller(server.address) as caller:
        with pytest.raises(Refused, match=str(status)):
            await caller.invite("speechsynth")
        call = await caller.invite("speechsynth")
        server.faults.add(Refuse(at="re-INVITE", status=488))
        with pytest.raises(Refused, match="488"):
            await call.add("speechrecog")
        with pytest.raises(Refused, match="488"):
            await call.remove("speechsynth")
        server.faults.add(Refuse(at="UPDATE", status=500))
        with pytest.raises(Refused, match="500"):
            await call.refresh("UPDATE")
        server.faults.add(Refuse(at="STOP", status=402))
        assert (await call.channels["speechsynth"].request("STOP")).status == 402
        assert await call.bye() == 200
    assert caller.anomalies == server.errors == []


async def test_an_offer_is_wanted() -> None:
    async with SipServer() as server, SipCaller(server.address) as caller:
        request = caller._request(b"INVITE", "no-offer")
        assert (await caller.ask(request, caller.agent.to(server.address)).final()).status == 400
        request = caller._request(b"REGISTER", "no-registrar")
        assert (await caller.ask(request, caller.agent.to(server.address)).final()).status == 405


async def test_lost_datagrams_are_sent_again() -> None:
    lost = [Silence(at=method, times=1) for method in ("INVITE", "ACK", "BYE")]
    async with SipServer(faults=lost, provisional=()) as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth")
        await server.sessions[0].acknowledged.wait()
        caller.faults.add(Silence(at="INFO", times=1))
        assert await call.bye() == 200
        assert caller.agent.transactions.statistics.retransmissions == 3  # INVITE, ACK, BYE
        assert server.agent.transactions.statistics.retransmissions == 1  # 200
    assert caller.transcript.of(call.id) == ["INVITE", "200", "ACK", "BYE", "200"]


async def test_a_silent_server() -> None:
    async with SipServer(faults=[Silence(at="INVITE")]) as server, SipCaller(server.address) as caller:
        with trio.move_on_after(0.1) as waiting:
            await caller.invite("speechsynth")
        assert waiting.cancelled_caught
        assert len(server.transcript) == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_given_up_while_it_rings(transport: Transport) -> None:  # RFC 3261 section 9
    faults = [Delay(at="INVITE", seconds=60)]
    async with (
        SipServer(faults=faults, provisional=(180,)) as server,
        SipCaller(server.address, transport=transport) as caller,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.invite, "speechsynth")
            await caller.transcript.until(lambda entry: entry.name == "180")
            nursery.cancel_scope.cancel()
        await caller.transcript.until(lambda entry: entry.name == "487")
        assert server.sessions == []
        said = [entry.name for entry in server.transcript if entry.sender == "caller"]
        assert said == ["INVITE", "CANCEL"]
        assert caller.calls == {}
    assert caller.anomalies == server.errors == []


async def test_accepted_after_it_was_given_up() -> None:
    faults: list[Fault] = [Delay(at="INVITE", seconds=0.1), Silence(at="CANCEL")]
    async with SipServer(faults=faults) as server, SipCaller(server.address) as caller:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.invite, "speechsynth")
            await caller.transcript.until(lambda entry: entry.name == "100")
            nursery.cancel_scope.cancel()
        await server.transcript.until(lambda entry: entry.name == "BYE")
        await caller.transcript.until(lambda entry: entry.name == "200" and b"BYE" in entry.raw)
        said = [entry.name for entry in server.transcript if entry.sender == "caller"]
        assert said == ["INVITE", "ACK", "BYE"]
    assert caller.anomalies == server.errors == []


async def test_a_change_that_is_given_up_changes_nothing() -> None:
    async with SipServer() as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth")
        answer = server.sessions[0].answer
        server.faults.add(Delay(at="re-INVITE", seconds=60, times=1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call.add, "speechrecog")
            await caller.transcript.until(lambda entry: entry.name == "100" and b"2 INVITE" in entry.raw)
            nursery.cancel_scope.cancel()
        await caller.transcript.until(lambda entry: entry.name == "487")
        assert server.sessions[0].answer == answer
        assert (await call.channels["speechsynth"].request("STOP")).status == 200
        await call.add("speechrecog")
        assert await call.bye() == 200
    assert caller.anomalies == server.errors == []


async def test_a_dead_control_port() -> None:
    async with SipServer(control="dead") as server, SipCaller(server.address) as caller:
        with pytest.raises(ConnectionLost):
            await caller.invite("speechsynth")
        await server.transcript.until(lambda entry: entry.name == "BYE")


DROPS: list[tuple[str, Fault]] = [
    ("as it opens", Drop(at="accept")),
    ("under a request", Drop(at="STOP")),
    ("in the middle of an answer", Drop(at="STOP", octets=20)),
    ("orderly", Drop(at="STOP", octets=None, reset=False)),
    ("garbage", Garbage(at="STOP")),
]


@pytest.mark.parametrize("fault", [fault for _, fault in DROPS], ids=[name for name, _ in DROPS])
async def test_a_lost_control_connection_ends_its_calls(
    fault: Fault,
) -> None:  # section I: the client BYEs at once
    async with SipServer(faults=[fault]) as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth", "speechrecog")
        channel = call.channels["speechsynth"]
        other = await caller.invite("speechsynth", share=call.control)
        with contextlib.suppress(ConnectionLost):
            await channel.request("STOP")
        for one in (call, other):
            await one.ended.wait()
            assert one.end == "lost"
            assert server.transcript.of(one.id, sender="caller")[-1] == "BYE"
    assert server.sessions == []


async def test_a_caller_that_loses_its_connection_gets_a_bye_after_a_while() -> None:  # section I
    async with SipServer(grace=0.1) as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth")
        assert call.control is not None
        await call.channels["speechsynth"].request("STOP")
        call.control.users.clear()  # it doesn't notice
        await call.control.finish()
        await call.ended.wait()
        assert call.end == "peer"
        assert caller.transcript.of(call.id, sender="server")[-1] == "BYE"


async def test_a_caller_that_is_gone_doesnt_answer() -> None:
    async with SipServer(grace=0) as server, SipCaller(server.address) as caller:
        caller.faults.add(Silence(at="BYE"))
        call = await caller.invite("speechsynth")
        (session,) = server.sessions
        with trio.move_on_after(0.1):
            await session.bye()
        assert call.end == ""


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_killed_server(transport: Transport) -> None:
    async with SipServer(pace=SLOW) as server, SipCaller(server.address, transport=transport) as caller:
        call = await caller.invite("speechsynth")
        channel = call.channels["speechsynth"]
        assert (await channel.request("SPEAK")).state == "IN-PROGRESS"
        server.kill()
        with pytest.raises(ConnectionLost):
            await channel.event()
        if transport == "tcp":
            await call.ended.wait()  # its BYE finds nobody
            with pytest.raises(OSError, match="onnect"):
                await caller.invite("speechsynth")
        else:
            with trio.move_on_after(0.1) as waiting:
                await caller.invite("speechsynth")
            assert waiting.cancelled_caught


async def test_a_connection_for_sip_that_breaks() -> None:
    faults: list[Fault] = [Drop(at="INVITE", times=1)]
    async with SipServer(faults=faults) as server, SipCaller(server.address, transport="tcp") as caller:
        with pytest.raises(ConnectionLost, match="INVITE"):
            await caller.invite("speechsynth")
        call = await caller.invite("speechsynth")  # on another
        server.faults.add(Drop(at="re-INVITE", times=1))
        with pytest.raises(ConnectionLost, match="INVITE"):
            await call.refresh()
        assert await call.bye() == 200  # dialogs outlive connections


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_garbage(transport: Transport) -> None:
    faults = [Garbage(at="INVITE", octets=b"HTTP/1.1 200 OK\r\n\r\n", times=1)]
    async with SipServer(faults=faults) as server, SipCaller(server.address, transport=transport) as caller:
        with trio.move_on_after(0.1):
            with pytest.raises(ConnectionLost):
                await caller.invite("speechsynth")
        assert len(caller.anomalies) == 1
        caller.agent.send_raw(caller.agent.to(server.address), b"TEST")
        caller.agent.send_raw(caller.agent.to(server.address), b"INVITE sip:x SIP/2.0\r\n\r\n")
        call = await caller.invite("speechsynth")
        assert await call.bye() == 200
        assert len(server.errors) == 2


async def test_keep_alives_and_nonsense_on_a_connection() -> None:
    async with (
        SipServer() as server,
        await trio.open_tcp_stream(server.address.host, server.address.port) as stream,
    ):
        await stream.send_all(b"\r\n\r\n")
        assert await stream.receive_some() == b"\r\n"
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await stream.receive_some() == b""
    assert len(server.errors) == 1


async def test_messages_for_nobody() -> None:
    async with SipServer() as server, SipCaller(server.address) as caller:
        way = server.agent.to(caller.agent.address)
        stray = caller._request(b"BYE", "nobodys")
        stray = stray.with_headers(stray.headers.with_(b"To", b"<sip:ivr@127.0.0.1>;tag=1"))
        assert (await server.agent.ask(stray, way).final()).status == 481
        assert (await caller.ask(stray, caller.agent.to(server.address)).final()).status == 481
        assert len(caller.anomalies) == 1
