"""Every fault a simulated server can be told to have, as its caller meets it."""

import pytest
import trio

from mrcpbalance.simulator import (
    ConnectionLost,
    Delay,
    Drop,
    Fault,
    Faults,
    Garbage,
    Refuse,
    Refused,
    RtspCaller,
    Silence,
    SpeechServer,
)

pytestmark = pytest.mark.real_time

SOON = 0.05  # seconds in which nothing must come


def test_faults_strike_where_and_as_often_as_told() -> None:
    twice, ever = Refuse(at="SETUP", times=2), Silence(at="*")
    faults = Faults.of([twice, ever])
    assert faults.take((Refuse, Silence), "TEARDOWN") == []
    assert faults.take((Refuse, Silence), "SETUP", "*") == [twice, ever]
    assert faults.take(Refuse, "SETUP") == [twice]
    assert faults.take((Refuse, Silence), "SETUP", "*") == [ever]
    faults.clear()
    assert faults.take(Silence, "*") == []


async def test_refused_set_ups() -> None:
    async with SpeechServer(faults=[Refuse(at="SETUP", status=503, times=2)]) as server:
        async with RtspCaller(server.address) as caller:
            for _ in range(2):
                with pytest.raises(Refused) as refused:
                    await caller.setup("speechrecog")
                assert refused.value.status == 503
            await caller.setup("speechrecog")
        assert server.sessions_total == 3


REFUSALS = [
    ("ANNOUNCE", "speechrecog", "STOP"),
    ("STOP", "speechrecog", "STOP"),
]


@pytest.mark.parametrize(("at", "resource", "method"), REFUSALS)
async def test_refused_requests(at: str, resource: str, method: str) -> None:
    faults = [Refuse(at=at, status=500)]
    async with SpeechServer(faults=faults) as server, RtspCaller(server.address) as caller:
        session = await caller.setup(resource)
        answer = await session.request(method)
        assert (answer.rtsp_status, answer.status, answer.state) == (500, 500, "")


@pytest.mark.parametrize("method", ["TEARDOWN", "DESCRIBE"])
async def test_other_refused_requests(method: str) -> None:
    faults = [Refuse(at=method, status=500)]
    async with SpeechServer(faults=faults) as server, RtspCaller(server.address) as caller:
        session = (await caller.setup("speechrecog")).id if method == "TEARDOWN" else None
        assert (await caller.ask_rtsp(method, session=session)).status == 500


async def test_a_slow_set_up_holds_up_its_session_only() -> None:
    async with SpeechServer(faults=[Delay(at="SETUP", seconds=1, times=1)]) as server:
        async with RtspCaller(server.address) as caller, trio.open_nursery() as nursery:
            begun = trio.current_time()
            nursery.start_soon(caller.setup, "speechrecog")
            await server.transcript.until(lambda entry: entry.name == "SETUP")
            await caller.setup("speechsynth")
            assert trio.current_time() - begun < 1
        assert trio.current_time() - begun >= 1


async def test_a_late_answer_that_nobody_waits_for_is_no_anomaly() -> None:
    faults = [Delay(at="SETUP", seconds=SOON, times=1)]
    async with SpeechServer(faults=faults) as server, RtspCaller(server.address) as caller:
        with trio.move_on_after(SOON / 5) as waiting:
            await caller.setup("speechrecog")
        assert waiting.cancelled_caught
        await server.transcript.until(lambda entry: entry.sender == "server")
        await caller.setup("speechrecog")  # answered behind the late answer
        assert caller.anomalies == []


@pytest.mark.parametrize("at", ["SETUP", "*"])
async def test_silence(at: str) -> None:
    async with SpeechServer(faults=[Silence(at=at)]) as server, RtspCaller(server.address) as caller:
        with trio.move_on_after(SOON) as waiting:
            await caller.setup("speechrecog")
        assert waiting.cancelled_caught
        assert server.transcript.sessions()


async def test_silent_events() -> None:
    async with SpeechServer(faults=[Silence(at="EVENT")]) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        await session.request("SPEAK", body=b"x")
        with trio.move_on_after(SOON * 2) as waiting:
            await session.event()
        assert waiting.cancelled_caught


DROPS = {
    "when accepted": Drop(at="accept"),
    "before the answer": Drop(at="SETUP"),
    "in the middle of the answer": Drop(at="SETUP", octets=20),
    "with an end instead of a reset": Drop(at="SETUP", reset=False),
}


@pytest.mark.parametrize("fault", DROPS.values(), ids=DROPS)
async def test_dropped_connections(fault: Drop) -> None:
    async with SpeechServer(faults=[fault]) as server, RtspCaller(server.address) as caller:
        with pytest.raises(ConnectionLost):
            await caller.setup("speechrecog")
        await caller.ended.wait()
        if fault.at != "accept":  # there the reset may be spent on the caller's sending
            assert caller.broken == ("reset" if fault.reset else "closed by the peer")
        assert all("SETUP" in what for what in caller.unanswered)
        assert server.connections_total == 1


async def test_dropped_after_the_answer() -> None:
    async with SpeechServer(faults=[Drop(at="SETUP", octets=None)]) as server:
        async with RtspCaller(server.address) as caller:
            await caller.setup("speechrecog")
            await caller.ended.wait()
            assert caller.unanswered == []
        assert server.sessions == []


async def test_dropped_before_an_event() -> None:
    faults = [Drop(at="RECOGNITION-COMPLETE")]
    async with SpeechServer(faults=faults) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        await session.request("RECOGNIZE", {"Content-Type": "text/uri-list"}, b"builtin:grammar/digits")
        assert (await session.event()).name == "START-OF-SPEECH"
        with pytest.raises(ConnectionLost):
            await session.event()


@pytest.mark.parametrize("at", ["accept", "SETUP"])
async def test_garbage(at: str) -> None:
    faults: list[Fault] = [Garbage(at=at)]
    async with SpeechServer(faults=faults) as server, RtspCaller(server.address) as caller:
        with pytest.raises(ConnectionLost):
            await caller.setup("speechrecog")
        assert len(caller.anomalies) == 1
