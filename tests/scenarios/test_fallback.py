"""Guards against sessions being refused while a pool that stands in has room; each protocol, the proxy as a process."""

import pytest
import trio

from mrcpbalance.simulator import (
    EchoServer,
    FramedCaller,
    FramedServer,
    Refused,
    RtspCaller,
    SipCaller,
    SipServer,
    SpeechServer,
)
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import RECOGNISED, SIP, Marks, recognise
from tests.scenarios.operating import sip_address
from tests.scenarios.running import MRCP, TCP, V1, Backend
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time


def leaning(listener: str, key: str, spare: Backend, more: str = "") -> str:
    """Write a configuration in which a pool with one backend stands in for the one of the listener."""
    return f"""
[pools.speech]
fallback = "spare"
{more}
[pools.spare]
health.probe = "none"
[pools.spare.backends.{spare.name}]
{key} = "{spare.address}"
{listener}"""


FULL = "max_sessions = 1"


async def test_rtsp_when_a_server_is_full_and_when_it_dies(process: Process) -> None:
    async with speech_process("own") as own, SpeechServer("far") as far:
        text = leaning(V1, "rtsp", far)
        async with process(text, own, backend=FULL) as served, RtspCaller(served.address) as caller:
            first, second = await caller.setup("speechsynth"), await caller.setup("speechsynth")
            assert [session.id for session in far.sessions] == [second.id]
            assert await first.teardown() == 200
            third = await caller.setup("speechsynth")
            assert await third.teardown() == 200
            own.kill()
            fourth = await caller.setup("speechsynth")
            for session in (second, fourth):
                assert await session.teardown() == 200
            await served.log.until(lambda _: len(served.said("session-end")) == 4)
        lines = served.said("session-end")
        assert [(line["pool"], line["backend"]) for line in lines] == [
            ("speech", "own"),
            ("speech", "own"),
            ("spare", "far"),
            ("spare", "far"),
        ]


async def test_sip(process: Process) -> None:
    async with SipServer("own") as own, SipServer("far") as far:
        text = leaning(SIP, "sip", far)
        async with (
            process(text, own, key="sip", backend=FULL) as served,
            SipCaller(sip_address(served)) as caller,
        ):
            first, second = await caller.invite("speechrecog"), await caller.invite("speechrecog")
            assert [session.id for session in own.sessions] == [first.id]
            assert [session.id for session in far.sessions] == [second.id]
            own.offline = far.offline = True
            with pytest.raises(Refused, match="503"):
                await caller.invite("speechrecog")
            own.offline = far.offline = False
            third = await caller.invite("speechrecog")
            for call in (first, second, third):
                assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
                assert await call.bye() == 200
            assert caller.anomalies == []


async def test_mrcp(process: Process) -> None:
    async with FramedServer("own") as own, FramedServer("far") as far:
        text = leaning(MRCP, "mrcp", far)
        async with process(text, own, backend=FULL) as served, FramedCaller(served.address) as caller:
            channels = [await caller.open("speechrecog", channel_id=name, setup=True) for name in ("1", "2")]
            for channel in channels:
                assert await recognise(channel, Marks("m")) == RECOGNISED
                assert await channel.teardown() == 200
            await served.log.until(lambda _: len(served.said("session-end")) == 2)
            assert {line["pool"] for line in served.said("session-end")} == {"speech", "spare"}


async def test_passthrough_sticks_to_who_took_it(process: Process) -> None:
    sticky = 'stick_table = "clients"\n[stick_tables.clients]\n'
    async with EchoServer("own") as own, EchoServer("far") as far:
        text = leaning(TCP + sticky, "tcp", far)
        async with process(text, own, backend=FULL) as served:
            async with calling(served.address) as first, calling(served.address) as second:
                for line in (first, second):
                    await line.says(b"hello")
                    assert await line.take(5) == b"hello"
            await served.log.until(lambda _: len(served.said("session-end")) == 2)
            async with calling(served.address) as third:
                await third.says(b"again")
                assert await third.take(5) == b"again"
            await served.log.until(lambda _: len(served.said("session-end")) == 3)
            taken = {line["backend"] for line in served.said("session-end")[:2]}
            assert taken == {"own", "far"}
            assert served.said("session-end")[2]["backend"] == "far"


async def test_who_waits_is_seated_where_there_is_room_first(process: Process) -> None:
    queue = 'queue_size = 1\nqueue_timeout = "20s"'
    async with SpeechServer("own") as own, SpeechServer("far") as far:
        text = leaning(V1, "rtsp", far, queue).replace(
            f'"{far.address}"', f'"{far.address}"\nmax_sessions = 1'
        )
        async with process(text, own, backend=FULL) as served, RtspCaller(served.address) as caller:
            held = [await caller.setup("speechsynth") for _ in range(2)]
            waiting = trio.Event()
            async with RtspCaller(served.address) as other, trio.open_nursery() as nursery:

                async def wait() -> None:
                    session = await other.setup("speechsynth")
                    assert [its.id for its in far.sessions] == [session.id]
                    assert await session.teardown() == 200
                    waiting.set()

                nursery.start_soon(wait)
                (there,) = [session for session in held if session.id in {its.id for its in far.sessions}]
                assert await there.teardown() == 200
                with trio.fail_after(15):
                    await waiting.wait()
