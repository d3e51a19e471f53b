"""Guards against sessions cut in their middle: channels that come and go, and the refreshes of session timers."""

import pytest

from mrcpbalance.simulator import Refused, SipCaller, SipServer, small_numbers
from mrcpbalance.simulator.callers._sip import Transport
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import OVER_TCP, RECOGNISED, SIP, Marks, front, recognise

pytestmark = pytest.mark.real_time

WAYS: list[tuple[Transport, str]] = [("udp", ""), ("tcp", OVER_TCP), ("tcp", ""), ("udp", OVER_TCP)]


@pytest.mark.parametrize(("transport", "towards_backends"), WAYS)
async def test_channels_come_and_go(
    proxy: Proxy, transport: Transport, towards_backends: str
) -> None:  # S-07, E-07
    a, b = (SipServer(name, naming=small_numbers(45)) for name in "ab")
    async with (
        a,
        b,
        proxy(SIP, a, b, key="sip", backend=towards_backends) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        calls = [await caller.invite("speechsynth") for _ in range(2)]
        assert (len(a.sessions), len(b.sessions)) == (1, 1)
        for call in calls:
            first = call.channels["speechsynth"].id
            channel = await call.add("speechrecog")
            assert call.channels["speechsynth"].id == first
            assert await recognise(channel, Marks("added")) == RECOGNISED
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
        for call in calls:
            await call.remove("speechrecog")
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
            again = await call.add("speechrecog")
            assert await recognise(again, Marks("again")) == RECOGNISED
        assert (len(a.sessions), len(b.sessions)) == (1, 1)
        for call in calls:
            assert await call.bye() == 200
        assert sorted(session.resources for session in running.ended) == [("speechsynth", "speechrecog")] * 2
        assert caller.anomalies == a.errors == b.errors == []


async def test_lines_that_a_backend_refuses(proxy: Proxy) -> None:
    a = SipServer("a", resources=["speechsynth"])
    async with a, proxy(SIP, a, key="sip") as running, SipCaller(front(running)) as caller:
        call = await caller.invite("speechsynth", "speechrecog")
        assert list(call.channels) == ["speechsynth"]
        with pytest.raises(Refused, match="200"):
            await call.add("recorder")
        assert (await call.channels["speechsynth"].request("STOP")).status == 200
        assert await call.bye() == 200
        with pytest.raises(Refused, match="404"):
            await caller.invite("speechrecog")
        assert running.ends == ["client/teardown", "backend/setup"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(("transport", "towards_backends"), WAYS)
async def test_refreshes_from_both_sides(
    proxy: Proxy, transport: Transport, towards_backends: str, method: str
) -> None:  # S-08
    async with (
        SipServer("a") as a,
        proxy(SIP, a, key="sip", backend=towards_backends) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        call = await caller.invite("speechrecog", headers=[("Session-Expires", "300;refresher=uac")])
        assert call.reply is not None
        assert call.reply.headers.get(b"Session-Expires") == b"300;refresher=uac"
        assert call.reply.headers.get(b"Require") == b"timer"
        (session,) = a.sessions
        channel, answer = call.channels["speechrecog"], call.answer
        refreshed = await call.refresh(method)
        assert refreshed.headers.get(b"Session-Expires") == b"300;refresher=uac"
        assert (
            call.answer.partition(b"s=-")[2] == answer.partition(b"s=-")[2]
        )  # D-02: but for the version in o=
        assert (await call.ask("INFO")).status == 200  # behind the ACK: what crosses that gets 491
        assert (await session.refresh(method)).status == 200
        assert call.refreshed == 1
        assert call.channels["speechrecog"] is channel
        assert await recognise(channel, Marks("one")) == RECOGNISED
        assert await call.bye() == 200
        assert caller.anomalies == a.errors == []
        assert a.connections_total == 1


async def test_an_interval_that_is_too_small_for_the_backend(proxy: Proxy) -> None:  # S-08
    async with SipServer("a") as a, proxy(SIP, a, key="sip") as running, SipCaller(front(running)) as caller:
        with pytest.raises(Refused, match="422"):
            await caller.invite("speechrecog", headers=[("Session-Expires", "90")])
        refusal = await caller.transcript.until(lambda entry: entry.name == "422")
        assert b"\r\nMin-SE: 120\r\n" in refusal.raw


@pytest.mark.parametrize(("transport", "towards_backends"), WAYS)
async def test_a_backend_ends_a_call(
    proxy: Proxy, transport: Transport, towards_backends: str
) -> None:  # S-09
    async with (
        SipServer("a") as a,
        proxy(SIP, a, key="sip", backend=towards_backends) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        call = await caller.invite("speechrecog")
        assert await a.sessions[0].bye() == 200
        await call.ended.wait()
        assert (call.end, running.ends) == ("peer", ["backend/teardown"])
        assert caller.transcript.of(call.id)[-2:] == ["BYE", "200"]


async def test_what_the_pool_can_do(proxy: Proxy) -> None:  # S-12
    async with SipServer("a") as a, proxy(SIP, a, key="sip") as running, SipCaller(front(running)) as caller:
        assert (await caller.options()).status == 200
        assert len(a.transcript) == 0
