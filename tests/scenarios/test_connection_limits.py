"""Guards against one caller, or too many, taking every descriptor: connections are counted and turned away in time."""

import contextlib

import pytest
import trio

from mrcpbalance.simulator import ConnectionLost, RtspCaller, SpeechServer
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Process, Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("limit", "sources"),
    [
        ("connections", ["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
        ("connections_per_source", ["127.0.0.1"] * 3),
    ],
)
async def test_one_too_many_is_turned_away(proxy: Proxy, limit: str, sources: list[str]) -> None:
    async with (
        SpeechServer("a") as a,
        proxy(V1 + f"[limits]\n{limit} = 2\n", a) as running,
        calling(running.address, source=sources[0]) as first,
        RtspCaller(running.address) as caller,
    ):
        session = await caller.setup("speechsynth")
        async with calling(running.address, source=sources[2]) as third:
            assert (await third.rest())[0] == b""
        refused = await running.until("connection-refused")
        assert refused["limit"] == f"limits.{limit}"
        assert refused["client"] == sources[2]
        first.reset()
        with trio.fail_after(5):
            while True:  # room again, as soon as the proxy has seen the first one leave
                async with RtspCaller(running.address) as again:
                    with contextlib.suppress(ConnectionLost):
                        assert (await again.ask_rtsp("OPTIONS")).status == 200
                        break
        assert await session.teardown() == 200


async def test_another_source_still_gets_in(proxy: Proxy) -> None:
    limits = "[limits]\nconnections_per_source = 1\n"
    async with (
        SpeechServer("a") as a,
        proxy(V1 + limits, a) as running,
        calling(running.address, source="127.0.0.5"),
        RtspCaller(running.address) as caller,
    ):
        assert (await caller.ask_rtsp("OPTIONS")).status == 200


async def test_a_flood_of_connections_is_no_flood_of_log_lines(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        process(V1 + "[limits]\nconnections = 1\n", a) as served,
        RtspCaller(served.address) as caller,
    ):
        session = await caller.setup("speechsynth")
        for _ in range(100):
            async with calling(served.address) as one:
                assert (await one.rest())[0] == b""
        await served.until("connection-refused", refused=64)
        assert [line["refused"] for line in served.said("connection-refused")] == [1, 2, 4, 8, 16, 32, 64]
        assert await session.teardown() == 200


async def test_out_of_descriptors_it_goes_on_and_recovers(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        process(V1, a, descriptors=40) as served,
        RtspCaller(served.address) as caller,
    ):
        session = await caller.setup("speechsynth")
        async with contextlib.AsyncExitStack() as crowd:
            for _ in range(60):  # the kernel takes them all
                await crowd.enter_async_context(calling(served.address))
            await served.until("accept-failed")
            assert "LimitNOFILE" in str(served.said("accept-failed")[0]["todo"])
            assert (await session.request("GET-PARAMS")).status == 200
            assert (await caller.setup("speechsynth")).id != session.id
        async with RtspCaller(served.address) as newcomer:
            assert await (await newcomer.setup("speechsynth")).teardown() == 200
        assert await session.teardown() == 200
        assert len(served.said("accept-failed")) < 5  # told once each time it begins, not at every try
