"""Guards against weights that don't show in what servers really get: 3:1 within a tenth, by each way to choose."""

import pytest

from mrcpbalance.simulator import RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import sip_address
from tests.scenarios.running import V1, Backend

pytestmark = pytest.mark.real_time

SESSIONS = 80


def weighted(listener: str, policy: str, key: str, heavy: Backend, light: Backend) -> str:
    return f"""
[pools.speech]
policy = "{policy}"
[pools.speech.backends.heavy]
{key} = "{heavy.address}"
weight = 3
[pools.speech.backends.light]
{key} = "{light.address}"
{listener}"""


def assert_three_to_one(heavy: int, light: int) -> None:
    assert heavy + light == SESSIONS
    assert abs(heavy / light - 3) <= 0.3


@pytest.mark.parametrize("policy", ["least-sessions", "round-robin", "random-two"])
async def test_rtsp(process: Process, policy: str) -> None:
    async with (
        SpeechServer("heavy") as heavy,
        SpeechServer("light") as light,
        process(weighted(V1, policy, "rtsp", heavy, light)) as served,
        RtspCaller(served.address) as caller,
    ):
        for _ in range(SESSIONS):
            await caller.setup("speechsynth")
        assert_three_to_one(len(heavy.sessions), len(light.sessions))


async def test_sip(process: Process) -> None:
    async with (
        SipServer("heavy") as heavy,
        SipServer("light") as light,
        process(weighted(SIP, "least-sessions", "sip", heavy, light)) as served,
        SipCaller(sip_address(served)) as caller,
    ):
        calls = [await caller.invite("speechrecog") for _ in range(SESSIONS)]
        assert_three_to_one(len(heavy.sessions), len(light.sessions))
        for call in calls:
            assert await call.bye() == 200
