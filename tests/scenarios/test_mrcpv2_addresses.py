"""Guards against addresses that lead nowhere: direct control, IPv6 callers of IPv4 backends, control ports of all kinds."""

import pytest

from mrcpbalance.config import Address
from mrcpbalance.simulator import SipCaller, SipServer, small_numbers
from mrcpbalance.simulator.callers._sip import Transport
from mrcpbalance.simulator.servers._control import Sharing
from mrcpbalance.simulator.servers._sip import Control
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import DIRECT, OVER_TCP, RECOGNISED, SIP, Marks, control, front, recognise

pytestmark = pytest.mark.real_time

SIX = SIP.replace("127.0.0.1:0", "[::1]:0")
TRANSPORTS: list[Transport] = ["udp", "tcp"]


async def test_direct_control(proxy: Proxy) -> None:
    a, b = (SipServer(name, naming=small_numbers(45)) for name in "ab")
    async with a, b, proxy(DIRECT, a, b, key="sip") as running, SipCaller(front(running)) as caller:
        assert len(running.addresses["front"]) == 1
        calls = [await caller.invite("speechsynth", "speechrecog") for _ in range(4)]
        for server in (a, b):
            assert len(server.sessions) == 2
            for session in server.sessions:
                (call,) = [call for call in calls if call.id == session.id]
                assert (session.offer, session.answer) == (call.offer, call.answer)  # to the octet
                assert {one.address.port for one in call.controls} == {server.control_port}
                assert call.channels["speechrecog"].id in ("46@speechrecog", "48@speechrecog")
                assert await recognise(call.channels["speechrecog"], Marks("one")) == RECOGNISED
        for call in calls:
            assert await call.bye() == 200
        assert running.ends == ["client/teardown"] * 4
        assert {session.resources for session in running.ended} == {("speechsynth", "speechrecog")}
        assert {session.messages_to_backend for session in running.ended} == {0}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("towards_backends", ["", OVER_TCP], ids=["udp", "tcp"])
async def test_ipv6_callers_of_ipv4_backends(
    proxy: Proxy, transport: Transport, towards_backends: str
) -> None:  # F-38
    async with (
        SipServer("a") as a,
        proxy(SIX, a, key="sip", backend=towards_backends) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        assert control(running).host == "::1"
        call = await caller.invite("speechrecog")
        (session,) = a.sessions
        assert b"m=application 9 TCP/MRCPv2 1\r\nc=IN IP4 127.0.0.1\r\n" in session.offer
        assert b"TCP/MRCPv2 1\r\nc=IN IP6 ::1\r\n" in call.answer
        assert b"s=-\r\nc=IN IP6 ::1\r\n" in session.offer  # audio is between them
        assert b"s=-\r\nc=IN IP4 127.0.0.1\r\n" in call.answer
        assert await recognise(call.channels["speechrecog"], Marks("one")) == RECOGNISED
        assert (await session.refresh()).status == 200
        assert await session.bye() == 200
        await call.ended.wait()
        another = await caller.invite("speechrecog")
        assert await another.bye() == 200
        assert running.ends == ["backend/teardown", "client/teardown"]


@pytest.mark.parametrize("kind", ["shared", "own"])
@pytest.mark.parametrize("sharing", ["unimrcp", "never", "always"])
async def test_ports_and_connections_as_servers_have_them(
    proxy: Proxy, kind: Control, sharing: Sharing
) -> None:  # M-21
    async with (
        SipServer("a", control=kind, sharing=sharing) as a,
        proxy(SIP, a, key="sip") as running,
        SipCaller(front(running)) as caller,
    ):
        first = await caller.invite("speechsynth")
        second = await caller.invite("speechsynth", share=first.control)
        assert second.controls == first.controls
        assert {one.address for one in first.controls} == {Address("127.0.0.1", control(running).port)}
        for call in (first, second):
            assert await recognise(await call.add("speechrecog"), Marks("one")) == RECOGNISED
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
        for call in (first, second):
            assert await call.bye() == 200
        assert running.ends == ["client/teardown"] * 2
        assert caller.anomalies == a.errors == []
        assert a.turned_away == 0
