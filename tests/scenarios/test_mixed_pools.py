"""Guards against sessions on servers that lack what they need: recognisers here, synthesisers there, some with both."""

import json

import pytest

from mrcpbalance.simulator import Refused, RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import RECOGNISED, SIP, Marks, recognise
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import V1, Backend

pytestmark = pytest.mark.real_time


def mixed(listener: str, key: str, **servers: Backend) -> str:
    """Write a configuration with servers that have these resources: `recog`, `synth` or `both`."""
    resources = {"recog": ["speechrecog"], "synth": ["speechsynth"], "both": ["speechrecog", "speechsynth"]}
    backends = "".join(
        f'[pools.speech.backends.{name}]\n{key} = "{server.address}"\nresources = {resources[name]}\n'
        for name, server in servers.items()
    )
    return listener + ADMIN + backends


async def test_rtsp(process: Process) -> None:
    async with SpeechServer("recog") as recog, SpeechServer("synth") as synth:
        text = mixed(V1, "rtsp", recog=recog, synth=synth)
        async with process(text) as served, RtspCaller(served.address) as caller:
            asked = [await caller.setup(resource) for resource in ("speechrecog", "speechsynth") * 3]
            assert {session.id for session in recog.sessions} == {session.id for session in asked[::2]}
            assert {session.id for session in synth.sessions} == {session.id for session in asked[1::2]}
            with pytest.raises(Refused, match="453"):  # the session lives where nobody can synthesise
                await asked[0].add("speechsynth")
            with pytest.raises(Refused, match="503"):
                await caller.setup("recorder")
            assert (await served.until("no-backend"))["excluded"] == {
                "recog": "resource",
                "synth": "resource",
            }
            for session in asked:
                assert await session.teardown() == 200
            assert caller.anomalies == []


async def test_a_call_that_needs_both_where_none_has_both(process: Process) -> None:
    async with SipServer("recog") as recog, SipServer("synth") as synth:
        text = mixed(SIP, "sip", recog=recog, synth=synth)
        async with process(text) as served, SipCaller(sip_address(served)) as caller:
            with pytest.raises(Refused, match="503"):
                await caller.invite("speechrecog", "speechsynth")
            assert (await served.until("no-backend"))["excluded"] == {
                "recog": "resource",
                "synth": "resource",
            }
            operator = await Operator.of(served)
            wanted = ("--resource", "speechrecog", "--resource", "speechsynth")
            (row,) = json.loads((await operator.run("explain", *wanted, "--json")).out)["next"]
            assert (row["resource"], row["next"]) == ("speechrecog+speechsynth", None)
            assert [verdict["excluded"] for verdict in row["backends"]] == ["resource", "resource"]
            for resource, server in (("speechrecog", recog), ("speechsynth", synth)):
                call = await caller.invite(resource)
                assert [session.id for session in server.sessions] == [call.id]
                assert await call.bye() == 200
            assert caller.anomalies == []


async def test_a_call_that_needs_both_goes_where_both_are(process: Process) -> None:
    async with SipServer("recog") as recog, SipServer("both") as both:
        text = mixed(SIP, "sip", recog=recog, both=both)
        async with process(text) as served, SipCaller(sip_address(served)) as caller:
            calls = [await caller.invite("speechrecog", "speechsynth") for _ in range(2)]
            assert [session.id for session in both.sessions] == [call.id for call in calls]
            alone = await caller.invite("speechrecog")
            assert [session.id for session in recog.sessions] == [alone.id]
            for call in (*calls, alone):
                assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
                assert await call.bye() == 200
            assert caller.anomalies == []
