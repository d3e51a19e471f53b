"""Guards against a caller noticing that a backend can't take its session while another can, or waiting long for it."""

import pytest
import trio

from mrcpbalance.simulator import Drop, Garbage, Refuse, RtspCaller, Silence, SpeechServer
from tests.mrcpv1.rtsp_stage import setup
from tests.scenarios.by_hand import calling, hand_server, refusing_address
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import FIRST, V1, Named, Running
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

FAST = 3.0  # seconds in which a caller must have its answer, with the timeouts as they are by default


async def one_clean_session(running: Running, *, tries: int = 2) -> None:
    """Set a session up in time: one 200, nothing before and nothing after it; and use it."""
    begun = trio.current_time()
    async with RtspCaller(running.address) as caller:
        session = await caller.setup("speechsynth")
        assert trio.current_time() - begun < FAST
        assert (await session.request("SPEAK", body=b"hello")).state == "IN-PROGRESS"
        assert (await session.event()).name == "SPEAK-COMPLETE"
        assert await session.teardown() == 200
        assert caller.anomalies == []
    (ended,) = await running.ended.count(1)
    assert (str(ended.end), ended.backend, ended.attempts) == ("client/teardown", "good", tries)


async def test_refused(proxy: Proxy) -> None:
    bad = Named("bad", await refusing_address())
    async with SpeechServer("good") as good, proxy(FIRST + V1, bad, good) as running:
        await one_clean_session(running)


async def test_several_that_refuse(proxy: Proxy) -> None:
    dead = [Named(name, await refusing_address()) for name in ("bad", "worse")]
    async with SpeechServer("good") as good, proxy(FIRST + V1, *dead, good) as running:
        await one_clean_session(running, tries=3)


async def test_a_server_that_stands_still_still_accepts(proxy: Proxy) -> None:
    async with (
        speech_process("bad") as bad,
        SpeechServer("good") as good,
        proxy(FIRST + V1, bad, good) as running,
    ):
        bad.stop()
        await one_clean_session(running)


FAULTS = {
    "503": Refuse(at="SETUP", status=503),
    "453": Refuse(at="SETUP", status=453),
    "reads and resets": Drop(at="SETUP"),
    "reads and closes": Drop(at="SETUP", reset=False),
    "begins to answer and resets": Drop(at="SETUP", octets=40),
    "begins to answer and closes": Drop(at="SETUP", octets=40, reset=False),
    "accepts and resets": Drop(at="accept"),
    "accepts and closes": Drop(at="accept", reset=False),
    "answers nonsense": Garbage(at="SETUP"),
    "answers for another request": Garbage(
        at="SETUP", octets=b"RTSP/1.0 200 OK\r\nCSeq: 77\r\nSession: no-one\r\n\r\n"
    ),
    "answers without a session": Garbage(at="SETUP", octets=b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
    "reads and is silent": Silence(at="SETUP"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_server_that_answers_badly(
    proxy: Proxy, fault: Refuse | Drop | Garbage | Silence
) -> None:
    timeouts = '[timeouts]\nsetup = "250ms"\n'
    async with (
        SpeechServer("bad", faults=[fault]) as bad,
        SpeechServer("good") as good,
        proxy(FIRST + V1 + timeouts, bad, good) as running,
    ):
        await one_clean_session(running)
    assert bad.sessions == []


async def test_an_answer_that_comes_too_late_is_undone(proxy: Proxy) -> None:
    timeouts = '[timeouts]\nsetup = "100ms"\n'
    async with (
        hand_server("slow") as slow,
        SpeechServer("good") as good,
        proxy(FIRST + V1 + timeouts, slow, good) as running,
        calling(running.address) as caller,
    ):
        await caller.says(setup(1))
        late = await slow.accepted()
        await late.hears(setup(1))
        assert (await caller.message()).startswith(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")
        await late.says(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: too-late-id\r\n\r\n")
        goodbye = await late.message()
        assert goodbye.startswith(b"TEARDOWN rtsp://")
        assert b"\r\nSession: too-late-id\r\n" in goodbye
        await caller.finish()
        assert await caller.rest() == (b"", "end")


async def test_nobody_can_take_it(proxy: Proxy) -> None:
    a, b = SpeechServer("a", faults=[Refuse(at="SETUP")]), Named("b", await refusing_address())
    async with a, proxy(FIRST + V1, a, b) as running, calling(running.address) as caller:
        await caller.says(setup(1))
        assert (await caller.message()).startswith(b"RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n")
        assert running.ends == ["backend/setup"]
