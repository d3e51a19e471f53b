"""Guards against figures of queues and of broken rules that don't agree with what happened."""

from typing import Final

import pytest
import trio

from mrcpbalance.simulator import Refused, RtspCaller, SpeechServer
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, Operator
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

SETUP: Final = (
    b"SETUP rtsp://127.0.0.1/speechrecognizer RTSP/1.0\r\nCSeq: 1\r\n"
    b"Transport: RTP/AVP;unicast;client_port=4000-4001\r\n\r\n"
)


async def test_the_figures_of_a_queue(process: Process) -> None:
    """One that is placed, one that waits in vain, one that leaves, one for whom the queue is full."""
    queue = '[pools.speech]\nqueue_size = 1\nqueue_timeout = "3s"\n'
    async with (
        SpeechServer("a") as a,
        process(V1 + queue + ADMIN, a, backend="max_sessions = 1\n") as served,
        RtspCaller(served.address) as caller,
        RtspCaller(served.address) as other,
        trio.open_nursery() as nursery,
    ):
        operator = await Operator.of(served)

        async def figure(name: str) -> float:
            return (await operator.metrics())[f"mrcpbalance_queue_{name}"]

        async def in_queue(count: int) -> None:
            with trio.fail_after(10):
                while True:
                    if await figure('sessions{pool="speech"}') == count:
                        return

        first = await caller.setup("speechrecog")
        with pytest.raises(Refused, match=r"453|503"):
            await other.setup("speechrecog")  # in vain
        nursery.start_soon(other.setup, "speechrecog")
        await in_queue(1)
        with pytest.raises(Refused, match=r"453|503"):
            await caller.setup("speechrecog")  # full
        assert await first.teardown() == 200
        await in_queue(0)
        async with calling(served.address) as leaver:
            await leaver.says(SETUP)
            await in_queue(1)
            leaver.reset()
        await in_queue(0)
        outcomes = {"placed": 1, "timed-out": 1, "left": 1, "full": 1}
        for outcome, count in outcomes.items():
            assert await figure(f'total{{outcome="{outcome}",pool="speech"}}') == count, outcome
        assert await figure('size{pool="speech"}') == 1
        assert await figure('seconds_count{pool="speech"}') == 2
        assert await figure('seconds_sum{pool="speech"}') > 2.9


async def test_what_peers_do_against_the_rules(process: Process) -> None:
    """Each anomaly counts under its code and, where one was broken, its rule."""
    async with SpeechServer("a") as a, process(V1 + ADMIN, a) as served:
        operator = await Operator.of(served)
        for _ in range(2):
            async with calling(served.address) as caller:
                await caller.says(b"TALK rtsp://example RTSP/9.9\r\n\r\n")
                await served.until("client-broke-protocol")
        told = await served.until("client-broke-protocol")
        code, rule = told["code"], told["rule"]
        name = f'mrcpbalance_anomalies_total{{code="{code}",rule="{rule}"}}'
        with trio.fail_after(10):
            while True:
                if (await operator.metrics()).get(name) == 2:
                    break
