"""The simulated MRCPv2 server and caller with SIP between them, each held against the other."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    ConnectionLost,
    FramedCaller,
    FramedChannel,
    Refused,
    SipCaller,
    SipServer,
    audio_of,
    call_ids,
    hex_ids,
    one_for_each_call,
    small_numbers,
)
from mrcpbalance.simulator.callers._sip import Transport
from mrcpbalance.simulator.servers._ids import Naming
from mrcpbalance.simulator.servers._sip import Control
from mrcpwire import mrcpv2

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
RECOGNISED = ["COMPLETE", "IN-PROGRESS", "START-OF-INPUT", "RECOGNITION-COMPLETE"]
TRANSPORTS: list[Transport] = ["udp", "tcp"]


async def recognise(channel: FramedChannel) -> list[str]:
    defined = await channel.request("DEFINE-GRAMMAR", {"Content-ID": "<g>"}, b"<grammar/>")
    begun = await channel.request("RECOGNIZE", URIS, b"session:g")
    events = [await channel.event(), await channel.event()]
    return [defined.state, begun.state, *(event.name for event in events)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_from_invite_to_bye(transport: Transport) -> None:
    async with SipServer() as server, SipCaller(server.address, transport=transport) as caller:
        call = await caller.invite("speechrecog")
        assert await recognise(call.channels["speechrecog"]) == RECOGNISED
        (session,) = server.sessions
        assert (session.id, session.offer, session.answer) == (call.id, call.offer, call.answer)
        assert await call.bye() == 200
        await call.ended.wait()
    assert caller.transcript.of(call.id) == ["INVITE", "100", "200", "ACK", "BYE", "200"]
    said = server.transcript.of(call.id, sender="caller")
    assert said == ["INVITE", "ACK", "DEFINE-GRAMMAR", "RECOGNIZE", "BYE"]
    assert (call.end, server.sessions, server.sessions_total) == ("caller", [], 1)
    assert caller.anomalies == server.errors == []
    assert await call.bye() is None


async def test_descriptions() -> None:
    audio = b"m=audio 41000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=mid:1\r\n"
    async with SipServer() as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth", "speechrecog", audio=audio)
        assert audio_of(call.offer) == audio
        assert call.audio == (
            b"m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            b"a=fmtp:101 0-15\r\na=recvonly\r\na=mid:1\r\n"
        )
        assert call.offer.count(b"a=connection:new\r\n") == call.answer.count(b"a=connection:new\r\n") == 2
        assert len(call.controls) == 1
        assert call.reply is not None
        assert call.reply.headers.get(b"Session-Expires") == b"600;refresher=uac"


async def test_ids_of_channels() -> None:  # E-01, F-11, F-12
    async with SipServer() as server, SipCaller(server.address) as caller:

        async def names(naming: Naming) -> list[str]:
            server.naming = naming
            call = await caller.invite("speechsynth", "speechrecog")
            assert await recognise(call.channels["speechrecog"]) == RECOGNISED
            return [
                channel.id.rpartition("@")[0].replace(call.id, "call") for channel in call.channels.values()
            ]

        assert await names(small_numbers(45)) == ["45", "46"]
        assert await names(call_ids) == ["call", "call"]
        one, other = await names(one_for_each_call(hex_ids(7)))
        assert one == other == hex_ids(7)()


async def test_calls_that_share_a_connection() -> None:
    found: list[list[str]] = []

    async with SipServer() as server, SipCaller(server.address) as caller:
        first = await caller.invite("speechsynth")

        async def another() -> None:
            call = await caller.invite("speechrecog", share=first.control)
            assert call.control is first.control
            found.append(await recognise(call.channels["speechrecog"]))
            await call.bye()

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(another)
        assert server.connections_total == 1
        assert found == [RECOGNISED] * 10
        await first.bye()
        await server.transcript.until(lambda entry: entry.name == "closed")  # nobody uses it any more
    assert caller.anomalies == server.errors == []


async def test_new_and_existing() -> None:  # A.9
    async with SipServer() as server, SipCaller(server.address) as caller:
        first = await caller.invite("speechsynth", connection="existing")
        assert b"a=connection:new" in first.answer  # there was none
        second = await caller.invite("speechsynth", share=first.control, connection="new")
        assert second.control is not first.control
        server.sharing = "never"
        third = await caller.invite("speechsynth", share=first.control)
        assert b"a=connection:new" in third.answer
        assert third.control is not first.control
        server.sharing = "always"
        async with SipCaller(server.address, host="127.0.0.77") as elsewhere:
            fourth = await elsewhere.invite("speechsynth", connection="existing")
            assert b"a=connection:existing" in fourth.answer
            assert (await fourth.channels["speechsynth"].request("STOP")).status == 200
        server.sharing = "unimrcp"
        async with SipCaller(server.address, host="127.0.0.78") as elsewhere:
            fifth = await elsewhere.invite("speechsynth", connection="existing")
            assert b"a=connection:new" in fifth.answer


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_channels_come_and_go(transport: Transport) -> None:
    async with SipServer() as server, SipCaller(server.address, transport=transport) as caller:
        call = await caller.invite("speechsynth")
        channel = await call.add("speechrecog")
        assert (server.connections_total, channel.id.partition("@")[0]) == (
            1,
            call.channels["speechsynth"].id.partition("@")[0],
        )
        assert await recognise(channel) == RECOGNISED
        assert (await call.channels["speechsynth"].request("STOP")).request_id == 3  # counted by the session
        await call.remove("speechrecog")
        assert list(call.channels) == ["speechsynth"]
        assert b"m=application 0 TCP/MRCPv2" in call.answer
        with trio.move_on_after(0.05) as waiting:
            await channel.request("STOP")
        assert waiting.cancelled_caught  # it is gone: nobody answers
        again = await call.add("speechrecog")
        assert (await again.request("STOP")).status == 200
        with pytest.raises(Refused, match="200"):
            await call.add("teleprompter")
        assert await call.bye() == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_refreshes_from_both_sides(transport: Transport, method: str) -> None:  # S-08
    async with SipServer() as server, SipCaller(server.address, transport=transport) as caller:
        call = await caller.invite("speechsynth")
        (session,) = server.sessions
        channel = call.channels["speechsynth"]
        refreshed = await call.refresh(method)
        assert refreshed.headers.get(b"Session-Expires") == b"600;refresher=uac"
        assert (await session.refresh(method)).status == 200
        assert call.refreshed == 1
        assert call.channels["speechsynth"] is channel
        assert (await channel.request("STOP")).status == 200
        assert (await call.ask("INFO")).status == (await call.ask("OPTIONS")).status == 200
        assert (await call.ask("PUBLISH")).status == 501
        assert await call.bye() == 200
        with pytest.raises(Refused, match="481"):
            await call.refresh()
    assert server.connections_total == 1
    assert caller.anomalies == server.errors == []


async def test_intervals_that_are_too_small() -> None:  # RFC 4028 section 9
    async with SipServer() as server, SipCaller(server.address) as caller:
        with pytest.raises(Refused, match="422"):
            await caller.invite("speechsynth", headers=[("Session-Expires", "90")])
        call = await caller.invite("speechsynth", headers=[("Session-Expires", "300;refresher=uac")])
        assert call.reply is not None
        assert call.reply.headers.get(b"Session-Expires") == b"300;refresher=uac"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_server_ends_a_call(transport: Transport) -> None:
    async with SipServer() as server, SipCaller(server.address, transport=transport) as caller:
        call = await caller.invite("speechsynth")
        channel = call.channels["speechsynth"]
        (session,) = server.sessions
        assert await session.bye() == 200
        await call.ended.wait()
        assert call.end == "peer"
        with pytest.raises(ConnectionLost):
            await channel.event()
        await session.ended.wait()
    assert server.sessions == []
    assert caller.anomalies == server.errors == []


async def test_byes_that_cross() -> None:  # S-09
    async with SipServer() as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechsynth")
        (session,) = server.sessions
        statuses: list[int | None] = []

        async def ask(bye: Callable[[], Awaitable[int | None]]) -> None:
            statuses.append(await bye())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, call.bye)
            nursery.start_soon(ask, session.bye)
    assert statuses == [200, 200]
    assert caller.anomalies == server.errors == []


async def test_what_there_is() -> None:  # A.11
    async with SipServer(resources=["speechsynth"]) as server, SipCaller(server.address) as caller:
        told = await caller.options()
        assert (told.status, told.body.count(b"a=resource:speechsynth\r\n")) == (200, 1)
        with pytest.raises(Refused, match="404"):
            await caller.invite("speechrecog")
        call = await caller.invite("speechrecog", "speechsynth")
        assert list(call.channels) == ["speechsynth"]
        server.offline = True
        assert (await caller.options()).status == 503
        with pytest.raises(Refused, match="503"):
            await caller.invite("speechsynth")
        with pytest.raises(Refused, match="503"):
            await call.refresh()
        assert (await call.channels["speechsynth"].request("STOP")).status == 200


@pytest.mark.parametrize("control", ["shared", "own"])
async def test_control_ports(control: Control) -> None:
    async with SipServer(control=control) as server, SipCaller(server.address) as caller:
        calls = [await caller.invite("speechsynth") for _ in range(2)]
        addresses = {one.address for call in calls for one in call.controls}
        assert len(addresses) == (2 if control == "own" else 1)
        for call in calls:
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
            assert await call.bye() == 200


async def test_a_control_connection_that_no_channel_waits_for() -> None:  # F-25
    async with SipServer() as server, SipCaller(server.address) as caller:
        address = Address(server.address.host, server.control_port)
        async with FramedCaller(address) as idle:
            await idle.ended.wait()
        call = await caller.invite("speechsynth")
        assert (await call.channels["speechsynth"].request("STOP")).status == 200
        async with FramedCaller(address) as idle:
            await idle.ended.wait()
        assert server.turned_away == 2


async def test_messages_that_are_ignored() -> (
    None
):  # section I: unknown ids, and channels of another connection
    async with SipServer() as server, SipCaller(server.address) as caller:
        one, other = await caller.invite("speechsynth"), await caller.invite("speechsynth")
        assert one.control is not other.control
        for call in (one, other):
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
        assert other.control is not None
        mine = one.channels["speechsynth"].id.encode()
        await other.control.send_raw(mrcpv2.request(b"STOP", 2, mine))
        await other.control.send_raw(mrcpv2.request(b"STOP", 2, b"7@speechsynth"))
        await other.control.send_raw(mrcpv2.response(2, 200, b"COMPLETE", mine))
        assert (await other.channels["speechsynth"].request("STOP")).status == 200
        said = [entry.name for entry in server.transcript if entry.session == "7@speechsynth"]
        assert said == ["STOP"]
        assert server.transcript.of(one.id, sender="server") == ["200", "COMPLETE"]
    assert len(server.errors) == 1
    assert caller.anomalies == []


async def test_ipv6() -> None:
    async with SipServer(bind=Address("::1", 0)) as server, SipCaller(server.address) as caller:
        call = await caller.invite("speechrecog")
        assert b"c=IN IP6 ::1\r\n" in call.answer
        assert await recognise(call.channels["speechrecog"]) == RECOGNISED
        assert await call.bye() == 200
