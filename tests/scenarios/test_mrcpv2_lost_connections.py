"""Guards against calls left over on one side, or requests never answered, when a control connection is lost."""

import contextlib

import pytest
import trio

from mrcpbalance.simulator import (
    ConnectionLost,
    Drop,
    Fault,
    FramedCaller,
    Garbage,
    Pace,
    Silence,
    SipCall,
    SipCaller,
    SipServer,
)
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import OVER_TCP, RECOGNISED, SIP, Marks, control, front, recognise
from tests.scenarios.running import FIRST

pytestmark = pytest.mark.real_time

WITHIN = 5.0  # seconds
SLOW = Pace(speech=60, result=60)
LOSSES: dict[str, Fault] = {
    "reset": Drop(at="STOP"),
    "ended": Drop(at="STOP", reset=False),
    "ended in the middle of a message": Drop(at="STOP", octets=30, reset=False),
    "garbage": Garbage(at="STOP"),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("transport", ["", OVER_TCP], ids=["udp", "tcp"])
async def test_a_backend_loses_a_control_connection(
    proxy: Proxy, loss: str, transport: str
) -> None:  # M-30, M-32
    a, b = SipServer("a", pace=SLOW, faults=[LOSSES[loss]], grace=60), SipServer("b")
    async with (
        a,
        b,
        proxy(FIRST + SIP, a, b, key="sip", backend=transport) as running,
        SipCaller(front(running)) as caller,
    ):
        doomed = await caller.invite("speechsynth", "speechrecog")
        a.offline = True
        living = await caller.invite("speechrecog", share=doomed.control)
        assert living.controls == doomed.controls
        (session,) = a.sessions
        speaking = await doomed.channels["speechsynth"].request("SPEAK", {}, b"Good evening")
        assert speaking.state == "IN-PROGRESS"
        with trio.fail_after(WITHIN):
            assert (await doomed.channels["speechrecog"].request("STOP")).status == 501
            await doomed.ended.wait()
            await session.ended.wait()
            await running.ended.count(1)
        assert (doomed.end, running.ends) == ("peer", ["backend/active"])
        assert await recognise(living.channels["speechrecog"], Marks("living")) == RECOGNISED
        assert await living.bye() == 200
        assert caller.unanswered == caller.anomalies == []
        assert [entry.name for entry in a.transcript if entry.name == "BYE"] == ["BYE"]


async def test_a_control_connection_that_nobody_needs_any_more_is_closed(proxy: Proxy) -> None:  # M-30
    async with (
        SipServer("a", faults=[Drop(at="STOP")]) as a,
        proxy(SIP, a, key="sip") as running,
        SipCaller(front(running)) as caller,
    ):
        call = await caller.invite("speechsynth")
        assert call.control is not None
        call.control.users.clear()  # leave it to the proxy
        with trio.fail_after(WITHIN):
            assert (await call.channels["speechsynth"].request("STOP")).status == 501
            await call.control.ended.wait()
        assert call.control.broken == "closed by the peer"


async def lose(call: SipCall, how: str) -> None:
    """Have a caller lose its control connection, and not notice."""
    assert call.control is not None
    call.control.users.clear()
    if how == "reset":
        call.control.reset()
    else:
        await call.control.finish()


@pytest.mark.parametrize("how", ["reset", "ended"])
async def test_a_caller_loses_its_control_connection(proxy: Proxy, how: str) -> None:  # M-31, M-32
    async with (
        SipServer("a", pace=SLOW, grace=60) as a,
        SipServer("b", grace=60) as b,
        proxy(SIP, a, b, key="sip") as running,
        SipCaller(front(running)) as caller,
    ):
        calls = [await caller.invite("speechsynth")]
        calls.append(await caller.invite("speechsynth", share=calls[0].control))
        sessions = [*a.sessions, *b.sessions]
        assert (len(a.sessions), len(b.sessions)) == (1, 1)
        for call in calls:
            await call.channels["speechsynth"].request("SPEAK", {}, b"Good evening")
        await lose(calls[0], how)
        with trio.fail_after(WITHIN):
            for ended in [call.ended for call in calls] + [session.ended for session in sessions]:
                await ended.wait()
            await running.ended.count(2)
        assert [call.end for call in calls] == ["peer", "peer"]
        assert running.ends == ["client/active"] * 2


async def test_a_caller_comes_back_on_another_connection(proxy: Proxy) -> None:  # M-31
    async with (
        SipServer("a", grace=60) as a,
        proxy(SIP, a, key="sip") as running,
        SipCaller(front(running)) as caller,
    ):
        call = await caller.invite("speechrecog")
        name = call.channels["speechrecog"].id
        assert call.control is not None
        await call.channels["speechrecog"].request("STOP")
        await lose(call, "ended")
        again = await caller.connect(call.control.address)
        channel = again.attach(name, iter(range(10, 20)))
        assert await recognise(channel, Marks("again")) == RECOGNISED
        assert await call.bye() == 200
        assert running.ends == ["client/teardown"]


@pytest.mark.parametrize("first", ["FIN", "BYE"])
async def test_an_ordinary_end_in_either_order(proxy: Proxy, first: str) -> None:  # M-31, M-33
    async with SipServer("a") as a, proxy(SIP, a, key="sip") as running, SipCaller(front(running)) as caller:
        call = await caller.invite("speechsynth")
        channel, control = call.channels["speechsynth"], call.control
        assert control is not None
        await channel.request("STOP")
        if first == "FIN":
            await lose(call, "ended")
            assert await call.bye() == 200
        else:
            other = await caller.invite("speechsynth", share=control)  # keeps it open
            assert await call.bye() == 200
            await call.ended.wait()
            late = control.attach(channel.id, iter((7,)))
            assert (await late.request("STOP")).status == 405
            assert (await other.channels["speechsynth"].request("STOP")).status == 200
        assert running.ends == ["client/teardown"]


@pytest.mark.parametrize("transport", ["", OVER_TCP], ids=["udp", "tcp"])
async def test_a_server_killed_under_a_prompt(proxy: Proxy, transport: str) -> None:
    a, b = SipServer("a", pace=SLOW), SipServer("b")
    async with (
        a,
        b,
        proxy(FIRST + SIP, a, b, key="sip", backend=transport) as running,
        SipCaller(front(running)) as caller,
    ):
        calls = [await caller.invite("speechsynth", "speechrecog") for _ in range(3)]
        for call in calls:
            assert (await call.channels["speechsynth"].request("SPEAK", {}, b"x")).state == "IN-PROGRESS"
        a.faults.add(Silence(at="STOP"))
        statuses: list[int] = []

        async def ask(call: SipCall) -> None:
            statuses.append((await call.channels["speechrecog"].request("STOP")).status)

        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as nursery:
                for call in calls:
                    nursery.start_soon(ask, call)
                for call in calls:
                    await a.transcript.until(lambda entry: (entry.session, entry.name) == (call.id, "STOP"))  # noqa: B023
                a.kill()
            for call in calls:
                await call.ended.wait()
        assert statuses == [501] * 3
        assert running.ends == ["backend/active"] * 3
        with trio.fail_after(WITHIN):
            call = await caller.invite("speechrecog")
        assert await recognise(call.channels["speechrecog"], Marks("after")) == RECOGNISED
        assert await call.bye() == 200
        assert caller.unanswered == caller.anomalies == []


async def test_a_caller_that_has_nothing_to_say_for_long(proxy: Proxy) -> None:  # M-24
    text = SIP + '[timeouts]\nfirst_message = "100ms"\n'
    async with SipServer("a") as a, proxy(text, a, key="sip") as running, SipCaller(front(running)) as caller:
        call = await caller.invite("speechrecog")
        assert call.control is not None
        async with FramedCaller(control(running), source="127.0.0.77") as nobody:
            await nobody.ended.wait()  # it has no call
        await trio.sleep(0.2)
        assert not call.control.ended.is_set()
        assert await recognise(call.channels["speechrecog"], Marks("late")) == RECOGNISED
        assert await call.bye() == 200


async def test_channels_of_others(proxy: Proxy) -> None:  # M-24, G-5
    async with (
        SipServer("a") as a,
        proxy(SIP, a, key="sip") as running,
        SipCaller(front(running)) as caller,
        FramedCaller(control(running), source="127.0.0.77") as thief,
    ):
        call = await caller.invite("speechrecog")
        mine = call.channels["speechrecog"]
        assert (await mine.request("GET-PARAMS")).status == 200
        assert (await thief.attach(mine.id, iter((9,))).request("STOP")).status == 405
        guessed = [thief.attach(f"{number}@speechrecog", iter((9,))) for number in range(19)]
        for channel in guessed[:18]:
            assert (await channel.request("STOP")).status == 405
        with contextlib.suppress(ConnectionLost):  # enough of that
            await guessed[18].request("STOP")
        await thief.ended.wait()
        assert await recognise(mine, Marks("mine")) == RECOGNISED
        assert await call.bye() == 200
        assert "STOP" not in [entry.name for entry in a.transcript]
