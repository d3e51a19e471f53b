"""Guards against callers that wait being seated out of turn, left without an answer, or refused too early."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import trio

from mrcpbalance.simulator import Refused, RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import V1
from tests.scenarios.serving import Serving

pytestmark = pytest.mark.real_time

LONG: Final = "30s"  # nobody has to wait that long
SHORT: Final = "300ms"
WAITERS: Final = 3
FULL: Final = "max_sessions = 1"
PROTOCOLS: Final = {"rtsp": V1, "sip": SIP}
by_protocol = pytest.mark.parametrize("key", PROTOCOLS)


def server_of(key: str) -> SpeechServer | SipServer:
    return SpeechServer("a") if key == "rtsp" else SipServer("a")


def caller_of(key: str, served: Serving) -> RtspCaller | SipCaller:
    return RtspCaller(served.address) if key == "rtsp" else SipCaller(sip_address(served))


def queueing(key: str, timeout: str) -> str:
    queue = f'[pools.speech]\nqueue_size = {WAITERS}\nqueue_timeout = "{timeout}"\n'
    return PROTOCOLS[key] + ADMIN + queue


async def begin(caller: RtspCaller | SipCaller) -> Callable[[], Awaitable[int | None]]:
    """Begin a session; give what ends it."""
    if isinstance(caller, RtspCaller):
        return (await caller.setup("speechrecog")).teardown
    return (await caller.invite("speechrecog")).bye


async def waiting(served: Serving, count: int) -> None:
    """Wait until so many wait for a seat."""
    operator = await Operator.of(served)
    while True:
        if (await operator.metrics())['mrcpbalance_queue_sessions{pool="speech"}'] == count:
            return


@by_protocol
async def test_callers_are_seated_in_the_order_they_came(process: Process, key: str) -> None:
    seated: list[int] = []
    async with (
        server_of(key) as server,
        process(queueing(key, LONG), server, key=key, backend=FULL) as served,
        caller_of(key, served) as holder,
        trio.open_nursery() as nursery,
    ):
        leave = await begin(holder)

        async def wait(number: int) -> None:
            async with caller_of(key, served) as caller:
                end = await begin(caller)
                seated.append(number)
                assert await end() == 200
                assert caller.anomalies == []

        for number in range(WAITERS):
            nursery.start_soon(wait, number)
            await waiting(served, number + 1)
        with pytest.raises(Refused, match="503"):  # one more than may wait: at once
            await begin(holder)
        assert seated == []
        assert await leave() == 200
    assert seated == [0, 1, 2]


@by_protocol
async def test_who_waited_in_vain_is_refused_in_time_and_honestly(process: Process, key: str) -> None:
    async with (
        server_of(key) as server,
        process(queueing(key, SHORT), server, key=key, backend=FULL) as served,
        caller_of(key, served) as caller,
    ):
        leave = await begin(caller)
        begun = trio.current_time()
        with pytest.raises(Refused, match="503"):
            await begin(caller)
        assert trio.current_time() - begun > 0.29
        assert (await served.until("no-backend"))["excluded"] == {"a": "full"}
        assert (await served.until("session-end"))["end"] == "proxy/setup"
        assert len(server.sessions) == 1
        assert await leave() == 200
        assert await (await begin(caller))() == 200
        assert caller.anomalies == []
