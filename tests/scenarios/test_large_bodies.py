"""Guards against bodies being cut, joined or held: 64 KiB in requests, answers and events, of many sessions at once."""

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.mrcpv1.rtsp_stage import announce, answer, set_up, setup
from tests.scenarios.by_hand import calling, hand_server
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

SIZE = 64 * 1024
MRCP = b"Content-Type: application/mrcp"


async def test_every_octet_of_large_bodies_passes_both_ways(proxy: Proxy) -> None:
    requests = [announce(cseq, b"the-session", bytes([65 + cseq]) * SIZE) for cseq in range(2, 10)]
    answers = [
        answer(200, cseq, b"the-session", MRCP, body=bytes([97 + cseq]) * SIZE) for cseq in range(2, 10)
    ]
    events = [announce(9, b"the-session", b"%d" % number * SIZE) for number in range(4)]
    async with hand_server() as server, proxy(V1, server) as running, calling(running.address) as caller:
        await caller.says(setup(1))
        backend = await server.accepted()
        await backend.hears(setup(1))
        await backend.says(set_up(1, b"the-session"))
        await caller.hears(set_up(1, b"the-session"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.says, *requests)
            await backend.hears(b"".join(requests))
            nursery.start_soon(backend.says, b"".join(answers + events))
            await caller.hears(b"".join(answers + events))


async def test_a_caller_and_servers_that_know_what_they_say(proxy: Proxy) -> None:
    uris = b"builtin:grammar/" + b"x" * SIZE
    a, b = SpeechServer("a"), SpeechServer("b")
    async with a, b, proxy(V1, a, b) as running, RtspCaller(running.address) as caller:

        async def recognise() -> None:
            session = await caller.setup("speechrecog")
            answer = await session.request("RECOGNIZE", {"Content-Type": "text/uri-list"}, uris)
            assert answer.mrcp is not None
            completion = await session.events.completion(answer.mrcp.request_id)
            assert uris in completion.body
            assert await session.teardown() == 200

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(recognise)
    assert caller.anomalies == a.errors == b.errors == []
    assert running.ends == ["client/teardown"] * 8
