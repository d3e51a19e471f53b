"""Guards against orders that cut what may live, leave what must end, or end it without an answer; in every protocol."""

import pytest
import trio

from mrcpbalance.simulator import FramedCaller, FramedServer, Pace, Refused, RtspCaller, SipCaller, SipServer
from mrcpbalance.simulator import SpeechServer as Speech
from tests.mrcpv1.rtsp_stage import announce, setup, statuses
from tests.scenarios.by_hand import calling, hand_server
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import FIRST, MRCP, TCP, V1

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
SLOW = Pace(result=60)


async def test_drained_it_keeps_what_it_has_and_gets_nothing_new(process: Process) -> None:
    async with (
        Speech("a") as a,
        Speech("b") as b,
        process(V1 + FIRST + ADMIN, a, b) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        kept = await caller.setup("speechrecog")
        row = await operator.order("drain", "a")
        assert (row["state"], row["sessions"]) == ("draining", 1)
        moved = await caller.setup("speechsynth")
        assert {row["backend"] for row in await operator.sessions()} == {"a", "b"}
        await kept.add("speechsynth")  # what belongs to a live session goes on
        assert (await kept.request("RECOGNIZE", URIS, b"builtin:grammar/digits")).state == "IN-PROGRESS"
        assert (await kept.events.completion(1)).name == "RECOGNITION-COMPLETE"
        for session in (kept, moved):
            assert await session.teardown() == 200
        assert (await operator.order("enable", "a"))["state"] == "up"
        await caller.setup("speechrecog")
        assert [row["backend"] for row in await operator.sessions()] == ["a"]
        assert a.transcript.of(moved.id) == []


async def test_disabled_in_mrcpv1(process: Process) -> None:
    """The open request is answered, the backend is told, a session elsewhere lives on, on the same connection."""
    async with (
        hand_server("a") as a,
        Speech("b") as b,
        process(V1 + FIRST + ADMIN, a, b) as served,
        calling(served.address) as caller,
    ):
        operator = await Operator.of(served)
        await caller.says(setup(1))
        backend = await a.accepted()
        await backend.hears(setup(1))
        await backend.says(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: on-a\r\n\r\n")
        await caller.message()
        await operator.order("drain", "a")
        await caller.says(setup(2))
        assert (await caller.message()).startswith(b"RTSP/1.0 200 ")
        await caller.says(announce(3, b"on-a"))
        await backend.hears(announce(3, b"on-a"))
        row = await operator.order("disable", "a")
        assert (row["state"], row["sessions"]) == ("disabled", 0)
        assert statuses(await caller.message()) == [(503, b"3")]
        said, ending = await backend.rest()
        assert said.startswith(b"TEARDOWN rtsp://")
        assert ending == "end"
        await backend.finish()
        (row,) = await operator.sessions()
        assert row["backend"] == "b"
        await caller.says(b"OPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n")
        assert (await caller.message()).startswith(b"RTSP/1.0 200 ")
        ended = await served.until("session-end")
        assert (ended["backend"], ended["end"]) == ("a", "operator/active")
        assert served.said("backend-connection-lost") == []  # it is nobody's failure
        await caller.finish()


async def test_a_connection_whose_last_session_ended_is_closed(process: Process) -> None:
    async with (
        Speech("a", pace=SLOW) as a,
        process(V1 + ADMIN, a) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        session = await caller.setup("speechsynth")
        await session.request("SPEAK")
        await operator.order("disable", "a")
        await caller.ended.wait()
        assert (caller.broken, caller.anomalies) == ("closed by the peer", [])
        await a.transcript.until(lambda entry: entry.name == "closed")
        assert a.transcript.of(session.id, sender="caller") == ["SETUP", "SPEAK", "TEARDOWN"]
        async with RtspCaller(served.address) as later:
            with pytest.raises(Refused, match="503"):
                await later.setup("speechsynth")
        told = await operator.get("/readyz")
        assert (told.status, told.body) == (503, b"pool 'speech' has no backend up for mrcpv1\n")


async def test_disabled_while_it_is_asked_to_set_up(process: Process) -> None:
    """A session that has no answer yet starts elsewhere; its caller sees nothing."""
    async with (
        hand_server("a") as a,
        Speech("b") as b,
        process(V1 + FIRST + ADMIN, a, b) as served,
        RtspCaller(served.address) as caller,
        trio.open_nursery() as nursery,
    ):
        operator = await Operator.of(served)

        async def set_up() -> None:
            assert await (await caller.setup("speechsynth")).teardown() == 200

        nursery.start_soon(set_up)
        backend = await a.accepted()
        await backend.message()
        await operator.order("disable", "a")
        ended = await served.until("session-end")
        assert (ended["backend"], ended["attempts"], ended["end"]) == ("b", 2, "client/teardown")


async def test_disabled_in_mrcpv2(process: Process) -> None:
    """Both sides get a BYE, what is open on the control channel is answered, and other calls live on."""
    async with (
        SipServer("a", pace=SLOW) as a,
        SipServer("b") as b,
        process(SIP + FIRST + ADMIN, a, b, key="sip") as served,
        SipCaller(sip_address(served)) as caller,
    ):
        operator = await Operator.of(served)
        ended = await caller.invite("speechsynth")
        assert (await ended.channels["speechsynth"].request("SPEAK")).state == "IN-PROGRESS"
        await operator.order("drain", "a")
        living = await caller.invite("speechsynth", share=next(iter(ended.controls)))
        await operator.order("disable", "a")
        await served.until("session-end", end="operator/active", backend="a")
        await caller.transcript.until(
            lambda entry: entry.name == "BYE" and entry.session == ended.id and entry.sender != "caller"
        )
        await a.transcript.until(lambda entry: entry.name == "BYE")
        assert (await living.channels["speechsynth"].request("SPEAK")).state == "IN-PROGRESS"
        assert (await living.channels["speechsynth"].event()).name == "SPEAK-COMPLETE"
        await living.bye()
        await served.until("session-end", end="client/teardown", backend="b")
        assert (caller.anomalies, caller.unanswered) == ([], [])


async def test_disabled_while_a_call_rings(process: Process) -> None:
    async with (
        hand_server("a") as a,
        SipServer("b") as b,
        process(SIP + FIRST + ADMIN, a, b, key="sip", backend='sip_transport = "tcp"\n') as served,
        SipCaller(sip_address(served)) as caller,
        trio.open_nursery() as nursery,
    ):
        operator = await Operator.of(served)

        async def call() -> None:
            await (await caller.invite("speechsynth")).bye()

        nursery.start_soon(call)
        await (await a.accepted()).message()
        await operator.order("disable", "a")
        ended = await served.until("session-end")
        assert (ended["backend"], ended["end"]) == ("b", "client/teardown")


async def test_disabled_in_mrcp(process: Process) -> None:
    async with (
        FramedServer("a", pace=SLOW) as a,
        FramedServer("b") as b,
        process(MRCP + FIRST + ADMIN, a, b) as served,
        FramedCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        first = await caller.open("speechsynth")
        await first.request("SPEAK")
        await operator.order("drain", "a")
        second = await caller.open("speechsynth")
        await operator.order("disable", "a")
        await served.until("session-end", end="operator/active", backend="a")
        assert (await second.request("SPEAK")).state == "IN-PROGRESS"
        assert (await second.event()).name == "SPEAK-COMPLETE"
        assert await second.teardown() == 200
        assert caller.anomalies == []


async def test_disabled_where_it_passes_through(process: Process) -> None:
    async with (
        hand_server("a") as a,
        hand_server("b") as b,
        process(TCP + FIRST + ADMIN, a, b, key="tcp") as served,
        calling(served.address) as first,
    ):
        operator = await Operator.of(served)
        on_a = await a.accepted()
        await operator.order("drain", "a")
        async with calling(served.address) as second:
            on_b = await b.accepted()
            await operator.order("disable", "a")
            assert await first.rest() == (b"", "end")
            assert await on_a.rest() == (b"", "end")
            await second.says(b"still here")
            await on_b.hears(b"still here")
            (row,) = await operator.sessions()
            assert (row["backend"], row["protocol"]) == ("b", "tcp")
            await served.until("session-end", end="operator/active", backend="a")
            for line in (first, on_a, second, on_b):
                await line.finish()
