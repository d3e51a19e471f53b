"""Guards against sessions cut by an orderly stop, against new ones let in meanwhile, and against a stop without end."""

import signal

import pytest

from mrcpbalance.simulator import FramedCaller, FramedServer, Pace, Refused, RtspCaller, SpeechServer
from tests.mrcpv1.rtsp_stage import announce, setup, statuses
from tests.scenarios.by_hand import calling, hand_server
from tests.scenarios.conftest import Process
from tests.scenarios.running import MRCP, TCP, V1

pytestmark = pytest.mark.real_time

SOON = '[timeouts]\ndrain = "300ms"\n'
URIS = {"Content-Type": "text/uri-list"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_live_sessions_finish_and_new_ones_are_refused(
    process: Process, number: signal.Signals
) -> None:  # E-07
    async with (
        SpeechServer("a") as a,
        process(V1, a) as served,
        RtspCaller(served.address) as caller,
        RtspCaller(served.address) as idle,
    ):
        session = await caller.setup("speechrecog")
        served.signal(number)
        draining = await served.until("draining")
        assert draining["sessions"] == 1
        for one in (caller, idle):
            with pytest.raises(Refused, match="503"):
                await one.setup("speechrecog")
        with pytest.raises(OSError, match="onnect"):
            async with RtspCaller(served.address):
                pass
        await session.add("speechsynth")  # what belongs to a live session goes on
        assert (await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")).state == "IN-PROGRESS"
        assert (await session.events.completion(1)).name == "RECOGNITION-COMPLETE"
        assert await session.teardown() == 200
        assert await served.wait() == 0
        assert (await served.until("stopping"))["sessions_cut"] == 0
        ends = [line["end"] for line in served.said("session-end")]
        assert sorted(map(str, ends)) == ["client/teardown", "proxy/setup", "proxy/setup"]
        await caller.ended.wait()
        assert caller.broken == "closed by the peer"
        assert caller.anomalies == []


async def test_what_is_left_when_time_is_up_is_answered_and_cut(process: Process) -> None:
    async with (
        hand_server() as server,
        process(V1 + SOON, server) as served,
        calling(served.address) as caller,
    ):
        await caller.says(setup(1))
        backend = await server.accepted()
        await backend.hears(setup(1))
        await backend.says(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: the-session\r\n\r\n")
        await caller.message()
        await caller.says(announce(2, b"the-session"))
        await backend.hears(announce(2, b"the-session"))
        served.signal(signal.SIGTERM)
        told, ending = await caller.rest()
        assert (statuses(told), ending) == ([(503, b"2")], "end")
        said, ending = await backend.rest()
        assert said.startswith(b"TEARDOWN rtsp://")
        assert ending == "end"
        await caller.finish()
        await backend.finish()
        assert await served.wait() == 0
        assert (await served.until("stopping"))["sessions_cut"] == 1
        assert (await served.until("session-end"))["end"] == "operator/active"


async def test_channels_and_passed_connections_drain_too(process: Process) -> None:
    both = MRCP + TCP.replace("front", "raw") + SOON
    async with (
        FramedServer("a", pace=Pace(result=0.1)) as a,
        hand_server() as raw,
        process(both, a, backend=f'tcp = "{raw.address}"', listeners=2) as served,
        FramedCaller(served.addresses[0]) as caller,
        calling(served.addresses[1]) as passed,
    ):
        backend = await raw.accepted()
        channel = await caller.open("speechsynth")
        await channel.request("SPEAK")
        served.signal(signal.SIGTERM)
        await served.until("draining", sessions=2)
        with pytest.raises(Refused, match="501"):
            await caller.open("speechsynth")
        assert (await channel.event()).name == "SPEAK-COMPLETE"
        assert await channel.teardown() == 200
        await passed.says(b"still here")
        await backend.hears(b"still here")
        assert await passed.rest() == (b"", "end")
        await passed.finish()
        await backend.finish()
        assert await served.wait() == 0
        ends = {str(line["protocol"]) + " " + str(line["end"]) for line in served.said("session-end")}
        assert ends == {"mrcp client/teardown", "mrcp proxy/setup", "tcp operator/active"}


async def test_a_second_signal_ends_the_waiting(process: Process) -> None:
    async with (
        SpeechServer("a", pace=Pace(result=60)) as a,
        process(V1 + '[timeouts]\ndrain = "1h"\n', a) as served,
        RtspCaller(served.address) as caller,
    ):
        session = await caller.setup("speechsynth")
        await session.request("SPEAK")
        served.signal(signal.SIGTERM)
        await served.until("draining")
        served.signal(signal.SIGTERM)
        assert await served.wait() == 0
        assert (await served.until("session-end"))["end"] == "operator/active"
        assert [line["second"] for line in served.said("signal")] == [False, True]
        await caller.ended.wait()
        assert caller.broken == "closed by the peer"
        await a.transcript.until(lambda entry: entry.name == "closed")
        assert a.transcript.of(session.id, sender="caller") == ["SETUP", "SPEAK", "TEARDOWN"]


async def test_without_sessions_it_ends_at_once(process: Process) -> None:
    async with SpeechServer("a") as a, process(V1, a) as served, RtspCaller(served.address) as idle:
        assert (await idle.ask_rtsp("OPTIONS")).status == 200
        served.signal(signal.SIGTERM)
        assert await served.wait() == 0
        assert (await served.until("draining"))["sessions"] == 0


async def test_hang_up_is_not_an_end(process: Process) -> None:
    async with SpeechServer("a") as a, process(V1, a) as served, RtspCaller(served.address) as caller:
        served.signal(signal.SIGHUP)
        await served.until("reloaded")
        assert await (await caller.setup("speechsynth")).teardown() == 200
