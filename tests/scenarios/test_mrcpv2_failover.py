"""Guards against calls that fail, or begin twice, because one backend can't take them: no caller sees a thing of it."""

import pytest
import trio

from mrcpbalance.simulator import (
    Delay,
    Drop,
    Fault,
    Garbage,
    Refuse,
    Refused,
    Silence,
    SipCaller,
    SipServer,
)
from mrcpbalance.simulator.servers._sip import Control
from tests.scenarios.by_hand import refusing_address
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import OVER_TCP, RECOGNISED, SIP, Marks, front, recognise
from tests.scenarios.running import FIRST, Named

pytestmark = pytest.mark.real_time

WITHIN = 3.0  # seconds
WHOLE = ["INVITE", "100", "200", "ACK", "BYE", "200"]
BAD: dict[str, tuple[list[Fault], Control, str]] = {
    "a dead control port": ([], "dead", ""),
    "silence": ([Silence(at="*")], "shared", ""),
    "silence, by TCP": ([Silence(at="*")], "shared", OVER_TCP),
    "refused with 503": ([Refuse(at="INVITE", status=503)], "shared", ""),
    "refused with 480": ([Refuse(at="INVITE", status=480)], "shared", OVER_TCP),
    "redirected": ([Refuse(at="INVITE", status=302)], "shared", ""),
    "nothing but garbage": ([Garbage(at="INVITE"), Silence(at="CANCEL")], "shared", ""),
    "nothing but garbage, by TCP": ([Garbage(at="INVITE")], "shared", OVER_TCP),
    "a connection that breaks": ([Drop(at="INVITE")], "shared", OVER_TCP),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_backend_that_wont_do(proxy: Proxy, bad: str) -> None:  # S-03, S-05
    faults, control, transport = BAD[bad]
    provisional = () if "garbage" in bad else (100,)
    a, b = SipServer("a", faults=faults, control=control, provisional=provisional), SipServer("b")
    async with (
        a,
        b,
        proxy(FIRST + SIP, a, b, key="sip", backend=transport) as running,
        SipCaller(front(running)) as caller,
    ):
        with trio.fail_after(WITHIN):
            call = await caller.invite("speechrecog")
        assert await recognise(call.channels["speechrecog"], Marks("one")) == RECOGNISED
        assert await call.bye() == 200
        assert caller.transcript.of(call.id) == WHOLE
        (session,) = running.ended
        assert (str(session.end), session.backend, session.attempts) == ("client/teardown", "b", 2)
        (failed,) = running.said("attempt-failed")
        assert failed["backend"] == "a"
        assert caller.anomalies == []
    assert a.sessions == b.sessions == []


async def test_a_backend_where_nobody_listens(proxy: Proxy) -> None:
    b = SipServer("b")
    async with (
        b,
        proxy(FIRST + SIP, Named("a", await refusing_address()), b, key="sip", backend=OVER_TCP) as running,
        SipCaller(front(running), transport="tcp") as caller,
    ):
        with trio.fail_after(WITHIN):
            call = await caller.invite("speechrecog")
        assert await call.bye() == 200
        assert caller.transcript.of(call.id) == WHOLE


async def test_a_server_that_is_off_line(proxy: Proxy) -> None:
    a, b = SipServer("a"), SipServer("b")
    async with a, b, proxy(FIRST + SIP, a, b, key="sip") as running, SipCaller(front(running)) as caller:
        before = await caller.invite("speechrecog")
        a.offline = True
        after = await caller.invite("speechrecog")
        assert [session.id for session in a.sessions] == [before.id]
        assert [session.id for session in b.sessions] == [after.id]
        with pytest.raises(Refused, match="503"):
            await before.refresh()  # which does not end it
        for call in (before, after):
            assert await recognise(call.channels["speechrecog"], Marks("one")) == RECOGNISED
            assert await call.bye() == 200


async def test_an_answer_that_comes_too_late(proxy: Proxy) -> None:  # S-03
    late = [Delay(at="INVITE", seconds=2.5)]
    a, b = SipServer("a", faults=late, provisional=()), SipServer("b")
    async with a, b, proxy(FIRST + SIP, a, b, key="sip") as running, SipCaller(front(running)) as caller:
        with trio.fail_after(WITHIN):
            call = await caller.invite("speechrecog")
        with trio.fail_after(WITHIN):
            await a.transcript.until(lambda entry: entry.sender == "server" and entry.name == "200")
            await a.transcript.until(lambda entry: entry.name == "BYE")
        assert a.transcript.of(call.id, sender="caller") == ["INVITE", "ACK", "BYE"]
        assert await recognise(call.channels["speechrecog"], Marks("one")) == RECOGNISED
        assert await call.bye() == 200
        assert caller.transcript.of(call.id) == WHOLE
        assert caller.anomalies == a.errors == []


async def test_nobody_takes_it(proxy: Proxy) -> None:
    a, b = (SipServer(name, faults=[Refuse(at="INVITE", status=503)]) for name in "ab")
    async with a, b, proxy(FIRST + SIP, a, b, key="sip") as running, SipCaller(front(running)) as caller:
        with pytest.raises(Refused, match="503"):
            await caller.invite("speechrecog")
        assert running.ends == ["backend/setup"]


async def test_datagrams_that_get_lost(proxy: Proxy) -> None:
    lost = [Silence(at=method, times=1) for method in ("INVITE", "ACK", "BYE")]
    async with (
        SipServer("a", faults=lost) as a,
        proxy(SIP, a, key="sip") as running,
        SipCaller(front(running)) as caller,
    ):
        call = await caller.invite("speechrecog")
        (session,) = a.sessions
        await session.acknowledged.wait()
        caller.faults.add(Silence(at="BYE", times=1))
        assert await call.bye() == 200
        await session.ended.wait()
        another = await caller.invite("speechrecog")
        (session,) = a.sessions
        assert await session.bye() == 200
        await another.ended.wait()
        await running.ended.count(2)
        assert running.ends == ["client/teardown", "backend/teardown"]
