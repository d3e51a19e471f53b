"""Guards against sessions and seats that outlive their caller, however it leaves, and against harm to other callers."""

from collections.abc import Awaitable, Callable

import pytest

from mrcpbalance.simulator import Pace, RtspCaller, SpeechServer
from tests.mrcpv1.rtsp_stage import announce, setup
from tests.scenarios.by_hand import Line, calling
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
GRAMMAR = (
    b"RECOGNIZE 1 MRCP/1.0\r\nContent-Type: text/uri-list\r\nContent-Length: 22\r\n\r\nbuiltin:grammar/digits"
)


async def reset(caller: Line) -> None:
    caller.reset()


async def reset_in_mid_message(caller: Line) -> None:
    await caller.says(announce(90, b"whatever", GRAMMAR)[:-9])
    caller.reset()


async def finish(caller: Line) -> None:
    await caller.finish()


async def finish_in_mid_message(caller: Line) -> None:
    await caller.says(announce(90, b"whatever", GRAMMAR)[:-9])
    await caller.finish()


async def finish_in_mid_header(caller: Line) -> None:
    await caller.says(setup(90)[:50])
    await caller.finish()


LEAVINGS = (reset, reset_in_mid_message, finish, finish_in_mid_message, finish_in_mid_header)


@pytest.mark.parametrize("leave", LEAVINGS, ids=lambda leave: leave.__name__)
async def test_its_sessions_end_at_their_backends(
    proxy: Proxy, leave: Callable[[Line], Awaitable[None]]
) -> None:
    slow = Pace(speech=60)
    a, b = SpeechServer("a", pace=slow), SpeechServer("b", pace=slow)
    async with (
        a,
        b,
        proxy(V1, a, b, backend="max_sessions = 3") as running,
        RtspCaller(running.address) as other,
    ):
        kept = [await other.setup("speechrecog") for _ in range(2)]
        async with calling(running.address) as caller:
            await caller.says(*(setup(cseq) for cseq in range(1, 5)))
            replies = [await caller.message() for _ in range(4)]
            names = [reply.partition(b"Session: ")[2].partition(b"\r\n")[0] for reply in replies]
            await caller.says(*(announce(5 + at, name, GRAMMAR) for at, name in enumerate(names)))
            for _ in names:
                assert b"IN-PROGRESS" in await caller.message()
            await leave(caller)
            await running.ended.count(4)
        for server in (a, b):
            await server.transcript.until(lambda entry: entry.name == "closed")
        for name in names:
            seen = [server.transcript.of(name.decode(), sender="caller") for server in (a, b)]
            assert sorted(seen) == [[], ["SETUP", "RECOGNIZE", "TEARDOWN"]]
        assert running.ends == ["client/active"] * 4
        assert [len(server.sessions) for server in (a, b)] == [1, 1]
        for session in kept:
            assert (await session.request("GET-PARAMS")).status == 200
        again = [await other.setup("speechrecog") for _ in range(4)]  # their seats are free
        for session in (*kept, *again):
            assert await session.teardown() == 200
        assert other.anomalies == []
        assert other.broken is None


@pytest.mark.parametrize("leave", [reset, finish], ids=lambda leave: leave.__name__)
async def test_a_caller_that_leaves_before_its_answer(
    proxy: Proxy, leave: Callable[[Line], Awaitable[None]]
) -> None:
    async with (
        SpeechServer("a") as a,
        proxy(V1 + '[timeouts]\nlinger = "100ms"', a, backend="max_sessions = 1") as running,
    ):
        async with calling(running.address) as caller:
            await caller.says(setup(1))
            await leave(caller)
            (ended,) = await running.ended.count(1)
        assert str(ended.end).startswith("client/")
        await a.transcript.until(lambda entry: entry.name == "closed")
        async with RtspCaller(running.address) as other:
            assert await (await other.setup("speechrecog")).teardown() == 200
