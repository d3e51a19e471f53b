"""Guards against traces that don't tell what happened, and against a collector that gets in the way of traffic."""

import signal

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.by_hand import refusing_address
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import sip_address
from tests.scenarios.running import FIRST, V1, Named
from tests.tracing.collector import collecting

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
GRAMMAR = b"builtin:grammar/digits"


def tracing(endpoint: str, more: str = "") -> str:
    return f'[tracing]\nendpoint = "{endpoint}"\n{more}'


async def test_an_mrcpv1_session_that_failed_over(process: Process) -> None:
    dead = Named("dead", await refusing_address())
    with collecting() as collector:
        async with (
            SpeechServer("a") as a,
            process(V1 + FIRST + tracing(collector.endpoint), dead, a) as served,
            RtspCaller(served.address) as caller,
        ):
            session = await caller.setup("speechrecog")
            assert (await session.request("RECOGNIZE", URIS, GRAMMAR)).state == "IN-PROGRESS"
            assert (await session.events.completion(1)).name == "RECOGNITION-COMPLETE"
            assert await session.teardown() == 200
            line = await served.until("session-end")
            spans = {span.name: span for span in await collector.count(3)}
            assert set(spans) == {"session mrcpv1", "set-up", "RECOGNIZE"}
            root, setup, request = spans["session mrcpv1"], spans["set-up"], spans["RECOGNIZE"]
            assert root.id == line["session"]
            assert root.trace == str(line["session"]) * 2
            assert root.attributes["mrcp.keys"] == [session.id]
            assert root.attributes["mrcp.end"] == line["end"] == "client/teardown"
            assert (root.attributes["mrcp.backend"], root.attributes["mrcp.attempts"]) == ("a", 2)
            assert (root.error, root.attributes["mrcp.resources"]) == ("", ["speechrecog"])
            assert abs((root.ended - root.begun) / 1e9 - float(str(line["duration_s"]))) < 0.01
            assert abs((setup.ended - setup.begun) / 1e6 - float(str(line["setup_ms"]))) < 1
            assert (setup.parent, request.parent) == (root.id, root.id)
            assert root.begun <= setup.ended <= request.begun < request.ended <= root.ended
            assert request.attributes["mrcp.cause"] == "000 success"
            assert request.attributes["mrcp.status"] == 200
        assert served.stray == []


async def test_a_call_whose_backend_dies(process: Process) -> None:
    with collecting() as collector:
        async with (
            SipServer("a") as a,
            process(SIP + tracing(collector.endpoint), a, key="sip") as served,
            SipCaller(sip_address(served)) as phone,
        ):
            call = await phone.invite("speechrecog")
            channel = call.channels["speechrecog"]
            assert (await channel.request("SET-PARAMS")).state == "COMPLETE"
            for connection in list(a.connections):
                connection.reset()
            line = await served.until("session-end")
            spans = {span.name: span for span in await collector.count(3)}
            root, request = spans["session mrcpv2"], spans["SET-PARAMS"]
            assert root.error == root.attributes["mrcp.end"] == line["end"] == "backend/active"
            keys = root.attributes["mrcp.keys"]
            assert isinstance(keys, list)
            assert {call.id, channel.id} <= set(keys)
            assert request.attributes["mrcp.channel"] == channel.id


async def test_a_collector_that_says_nothing(process: Process) -> None:
    """Traffic goes on, and the process ends in time."""
    with collecting(silent=True) as collector:
        async with (
            SpeechServer("a") as a,
            process(V1 + tracing(collector.endpoint, "queue = 10\n"), a) as served,
            RtspCaller(served.address) as caller,
        ):
            for _ in range(100):
                assert await (await caller.setup("speechrecog")).teardown() == 200
            served.signal(signal.SIGTERM)
            with trio.fail_after(15):
                assert await served.wait() == 0
        assert served.stray == []


async def test_a_part_of_the_sessions(process: Process) -> None:
    with collecting() as collector:
        async with (
            SpeechServer("a") as a,
            process(V1 + tracing(collector.endpoint, "sample = 0.0\n"), a) as served,
            RtspCaller(served.address) as caller,
        ):
            assert await (await caller.setup("speechrecog")).teardown() == 200
            served.signal(signal.SIGTERM)
            assert await served.wait() == 0
    assert collector.spans == []
