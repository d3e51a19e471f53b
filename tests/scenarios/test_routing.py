"""Guards against sessions that reach another pool than their first request says; each protocol, the proxy as a process."""

import json
import signal
from pathlib import Path

import pytest

from mrcpbalance.simulator import (
    EchoServer,
    FramedCaller,
    FramedServer,
    RtspCaller,
    SipCaller,
    SipServer,
    SpeechServer,
)
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import RECOGNISED, SIP, Marks, recognise
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import MRCP, TCP, V1, Backend, with_backends
from tests.scenarios.serving import serving

pytestmark = pytest.mark.real_time


def matching(listener: str, key: str, other: Backend, *conditions: str) -> str:
    """Write a configuration whose listener sends what meets one of the conditions to a pool of its own."""
    matches = "".join(f'[[listeners.front.match]]\n{condition}\npool = "other"\n' for condition in conditions)
    pool = f'[pools.other]\nhealth.probe = "none"\n[pools.other.backends.{other.name}]\n{key} = "{other.address}"\n'
    return listener + matches + pool


async def test_rtsp_sessions_of_one_connection(process: Process) -> None:
    async with SpeechServer("own") as own, SpeechServer("far") as far:
        text = matching(V1, "rtsp", far, 'path = "*/speechsynthesizer"')
        async with process(text, own) as served, RtspCaller(served.address) as caller:
            recog, synth = await caller.setup("speechrecog"), await caller.setup("speechsynth")
            assert [session.id for session in own.sessions] == [recog.id]
            assert [session.id for session in far.sessions] == [synth.id]
            await recog.add("speechsynth")
            assert len(far.sessions) == 1
            assert (await synth.request("SPEAK", body=b"hello")).state == "IN-PROGRESS"
            assert (await synth.event()).name == "SPEAK-COMPLETE"
            for session in (recog, synth):
                assert await session.teardown() == 200
            assert caller.anomalies == []


async def test_calls_by_language_and_resource(process: Process) -> None:
    async with SipServer("own") as own, SipServer("far") as far:
        conditions = ('accept_contact = { language = "de*" }', 'resource = "speechsynth"')
        text = matching(SIP, "sip", far, *conditions)
        async with process(text, own, key="sip") as served, SipCaller(sip_address(served)) as caller:
            plain = await caller.invite("speechrecog")
            german = await caller.invite("speechrecog", headers=[("Accept-Contact", '*;language="en,de-AT"')])
            synth = await caller.invite("speechsynth")
            assert [session.id for session in own.sessions] == [plain.id]
            assert [session.id for session in far.sessions] == [german.id, synth.id]
            for call in (plain, german):
                assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
            for call in (plain, german, synth):
                assert await call.bye() == 200
            assert caller.anomalies == []


async def test_channels_of_one_connection(process: Process) -> None:
    async with FramedServer("own") as own, FramedServer("far") as far:
        text = matching(MRCP, "mrcp", far, 'resource = "speechsynth"')
        async with process(text, own) as served, FramedCaller(served.address) as caller:
            recog = await caller.open("speechrecog", channel_id="1", setup=True)
            synth = await caller.open("speechsynth", channel_id="2", setup=True)
            assert await recognise(recog, Marks("m")) == RECOGNISED
            assert (await synth.request("SPEAK", body=b"hello")).state == "IN-PROGRESS"
            assert await recog.teardown() == await synth.teardown() == 200
            await served.log.until(lambda _: len(served.said("session-end")) == 2)
            ended = {line["backend"]: line["resources"] for line in served.said("session-end")}
            assert ended == {"own": ["speechrecog"], "far": ["speechsynth"]}


@pytest.mark.parametrize(("network", "taker"), [("127.0.0.0/8", "far"), ("192.0.2.0/24", "own")])
async def test_connections_by_their_source(process: Process, network: str, taker: str) -> None:
    async with EchoServer("own") as own, EchoServer("far") as far:
        text = matching(TCP, "tcp", far, f'source = "{network}"')
        async with process(text, own) as served, calling(served.address) as caller:
            await caller.says(b"hello")
            assert await caller.take(5) == b"hello"
            await caller.finish()
            assert (await served.until("session-end"))["backend"] == taker


async def test_a_reload_changes_the_way_of_new_sessions_only(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer("own") as own, SpeechServer("far") as far:
        with_match = with_backends(matching(V1, "rtsp", far, 'resource = "speechsynth"'), own)
        file.write_text(with_backends(matching(V1, "rtsp", far), own))
        async with serving("--config", str(file)) as served, RtspCaller(served.address) as caller:
            first = await caller.setup("speechsynth")
            file.write_text(with_match)
            served.signal(signal.SIGHUP)
            await served.until("reloaded")
            second = await caller.setup("speechsynth")
            assert [session.id for session in own.sessions] == [first.id]
            assert [session.id for session in far.sessions] == [second.id]
            for session in (first, second):
                assert (await session.request("SPEAK", body=b"hello")).state == "IN-PROGRESS"
                assert await session.teardown() == 200


async def test_what_explain_tells_is_what_happens(process: Process) -> None:
    async with SpeechServer("own") as own, SpeechServer("far") as far:
        text = matching(V1 + ADMIN, "rtsp", far, 'path = "*/speechsynthesizer"')
        async with process(text, own) as served, RtspCaller(served.address) as caller:
            operator = await Operator.of(served)
            asked = await operator.run("explain", "--path", "/x/speechsynthesizer", "--json")
            (row,) = json.loads(asked.out)["next"]
            assert (row["routed_by"], row["resource"], row["next"]) == (
                "listeners.front.match[0]",
                "speechsynth",
                "far",
            )
            session = await caller.setup("speechsynth")
            told = (await operator.run("explain", session.id)).out
            assert f": routed by {row['routed_by']}, chosen by least-sessions in attempt 1" in told
            assert await session.teardown() == 200
