"""Guards against licences left taken on a backend by callers who gave up: CANCEL, and its race with the answer."""

import pytest
import trio

from mrcpbalance.simulator import Delay, Fault, Silence, SipCaller, SipServer
from mrcpbalance.simulator.callers._sip import Transport
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import OVER_TCP, SIP, front
from tests.scenarios.running import FIRST

pytestmark = pytest.mark.real_time

WAYS: list[tuple[Transport, str]] = [("udp", ""), ("tcp", OVER_TCP), ("tcp", ""), ("udp", OVER_TCP)]


async def give_up(caller: SipCaller, server: SipServer, at: str) -> None:
    """Invite, and give up when this answer has come and a backend has the INVITE."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller.invite, "speechrecog")
        await caller.transcript.until(lambda entry: entry.name == at)
        await server.transcript.until(lambda entry: entry.name == "INVITE")
        nursery.cancel_scope.cancel()
    await caller.transcript.until(lambda entry: entry.name == "487")


@pytest.mark.parametrize(("transport", "towards_backend"), WAYS)
async def test_given_up_while_it_rings(
    proxy: Proxy, transport: Transport, towards_backend: str
) -> None:  # S-06
    faults = [Delay(at="INVITE", seconds=60, times=1)]
    async with (
        SipServer("a", faults=faults, provisional=(180,)) as a,
        SipServer("b") as b,
        proxy(FIRST + SIP, a, b, key="sip", backend=towards_backend) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        with trio.fail_after(5):
            await give_up(caller, a, "180")
            await a.transcript.until(lambda entry: entry.name == "487")
            await running.ended.count(1)
        assert [entry.name for entry in a.transcript if entry.sender == "caller"] == ["INVITE", "CANCEL"]
        assert running.ends == ["client/setup"]
        assert b.sessions_total == 0
        call = await caller.invite("speechrecog")
        assert await call.bye() == 200
        assert caller.anomalies == a.errors == []


@pytest.mark.parametrize(("transport", "towards_backend"), WAYS)
async def test_accepted_just_as_it_is_given_up(
    proxy: Proxy, transport: Transport, towards_backend: str
) -> None:  # S-06
    faults: list[Fault] = [Delay(at="INVITE", seconds=0.3, times=1), Silence(at="CANCEL")]
    async with (
        SipServer("a", faults=faults) as a,
        proxy(FIRST + SIP, a, key="sip", backend=towards_backend) as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        with trio.fail_after(5):
            await give_up(caller, a, "100")
            await a.transcript.until(lambda entry: entry.name == "BYE")
        said = [entry.name for entry in a.transcript if entry.sender == "caller"]
        assert said == ["INVITE", "ACK", "BYE"]
        assert running.ends == ["client/setup"]
        assert caller.anomalies == a.errors == []


async def test_a_change_that_is_given_up(proxy: Proxy) -> None:
    async with SipServer("a") as a, proxy(SIP, a, key="sip") as running, SipCaller(front(running)) as caller:
        call = await caller.invite("speechrecog")
        a.faults.add(Delay(at="re-INVITE", seconds=60, times=1))
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call.add, "speechsynth")
                await a.transcript.until(
                    lambda entry: b"m=audio" in entry.raw and b"speechsynth" in entry.raw
                )
                nursery.cancel_scope.cancel()
            await caller.transcript.until(lambda entry: entry.name == "487")
            added = await call.add("speechsynth")
        assert (await added.request("STOP")).status == 200
        assert await call.bye() == 200
        assert caller.anomalies == a.errors == []
