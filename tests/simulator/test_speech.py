"""The simulated MRCPv1 server and the simulated caller, each held against the other."""

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    ConnectionLost,
    Pace,
    Refused,
    RtspCaller,
    RtspSession,
    SpeechServer,
    hex_ids,
)

pytestmark = pytest.mark.real_time

GRAMMAR = {"Content-Type": "application/srgs+xml", "Content-Id": "<menu-1>"}
URIS = {"Content-Type": "text/uri-list"}
SLOW = Pace(speech=60, result=60)


async def recognise(session: RtspSession) -> list[str]:
    """Recognise with a grammar of the session's own, and tell what happened."""
    defined = await session.request("DEFINE-GRAMMAR", GRAMMAR, b"<grammar/>", resource="speechrecog")
    begun = await session.request("RECOGNIZE", URIS, b"session:menu-1", resource="speechrecog")
    events = [await session.event(), await session.event()]
    return [defined.state, begun.state, *(event.name for event in events)]


async def test_a_recognition() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        assert len(session.id) == 16
        assert await recognise(session) == [
            "COMPLETE",
            "IN-PROGRESS",
            "START-OF-SPEECH",
            "RECOGNITION-COMPLETE",
        ]
        assert len(server.sessions) == server.sessions_total == 1
        assert await session.teardown() == 200
        answer = await caller.ask_rtsp("ANNOUNCE", session=session.id)
        assert answer.status in (404, 406)
    assert server.transcript.of(session.id, sender="caller")[:3] == ["SETUP", "DEFINE-GRAMMAR", "RECOGNIZE"]
    assert server.sessions == []
    assert caller.anomalies == server.errors == []


async def test_a_prompt_and_events_bear_the_last_cseq() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        await session.request("SPEAK", {"Content-Type": "text/plain"}, b"Good evening")
        event = await session.event()
        assert (event.name, event.state, event.get("completion-cause")) == (
            "SPEAK-COMPLETE",
            "COMPLETE",
            "000 normal",
        )
        (announced,) = [entry for entry in server.transcript if entry.mrcp == "SPEAK-COMPLETE"]
        assert b"\r\nCSeq: 2\r\n" in announced.raw


async def test_many_sessions_on_one_connection_at_once() -> None:
    found: dict[str, list[str]] = {}

    async def one(caller: RtspCaller) -> None:
        session = await caller.setup("speechrecog")
        found[session.id] = await recognise(session)
        await session.teardown()

    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(one, caller)
        assert server.connections_total == 1
    assert sorted(found) == sorted(server.transcript.sessions())
    assert set(map(tuple, found.values())) == {
        ("COMPLETE", "IN-PROGRESS", "START-OF-SPEECH", "RECOGNITION-COMPLETE")
    }
    assert caller.anomalies == []


async def test_two_resources_in_one_session() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        await session.add("speechrecog")
        assert (await recognise(session))[-1] == "RECOGNITION-COMPLETE"
        assert (await session.request("SPEAK", body=b"hello", resource="speechsynth")).state == "IN-PROGRESS"
        assert await session.teardown("speechsynth") == 200
        assert len(server.sessions) == 1
        assert await session.teardown() == 200
    assert server.sessions == []
    assert server.sessions_total == 1


async def test_what_belongs_to_a_session_is_missing_elsewhere() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        one, other = await caller.setup("speechrecog"), await caller.setup("speechrecog")
        await one.request("DEFINE-GRAMMAR", GRAMMAR, b"<grammar/>")
        answer = await other.request("RECOGNIZE", URIS, b"session:menu-1")
        assert (answer.status, answer.state) == (407, "COMPLETE")
        await one.request("SET-PARAMS", {"Sensitivity-Level": "53"})
        names = {"sensitivity-level": "", "Logging-Tag": ""}
        replies = [(await session.request("GET-PARAMS", names)).mrcp for session in (one, other)]
        assert [reply and reply.get("Sensitivity-Level") for reply in replies] == ["53", ""]


async def test_requests_queue_and_stop_ends_them() -> None:
    async with SpeechServer(pace=SLOW) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        states = [(await session.request("SPEAK", body=b"x")).state for _ in range(3)]
        assert states == ["IN-PROGRESS", "PENDING", "PENDING"]
        stopped = (await session.request("STOP")).mrcp
        assert stopped is not None
        assert stopped.get("Active-Request-Id-List") == "1,2,3"
        again = (await session.request("STOP")).mrcp
        assert again is not None
        assert again.headers == ()
        assert (await session.request("SPEAK", body=b"x")).state == "IN-PROGRESS"


async def test_queued_requests_are_played_in_order() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        for _ in range(3):
            await session.request("SPEAK", body=b"x")
        assert [(await session.event()).request_id for _ in range(3)] == [1, 2, 3]


async def test_nobody_speaks() -> None:
    async with SpeechServer(pace=Pace(callers_speak=False)) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
        completion = await session.events.completion(1)
        assert completion.get("Completion-Cause") == "002 no-input-timeout"


async def test_unknown_things_are_refused_as_unimrcp_does() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        with pytest.raises(Refused, match="404"):
            await caller.setup("recorder")
        assert (await caller.ask_rtsp("TEARDOWN")).status == 400
        assert (await caller.ask_rtsp("TEARDOWN", session="0123456789abcdef")).status == 404
        session = await caller.setup("speechrecog")
        assert (await session.request("SPEAK", body=b"x", resource="speechsynth")).rtsp_status == 404
        assert (await session.request("SPEAK", body=b"x")).status == 401
        assert (await caller.ask_rtsp("ANNOUNCE", session=session.id, body=b"no MRCP")).status == 400
        assert (await caller.ask_rtsp("TEARDOWN", "speechsynth", session=session.id)).status == 404
        assert len(server.sessions) == 1


async def test_a_session_is_known_on_its_own_connection_only() -> None:
    async with (
        SpeechServer() as server,
        RtspCaller(server.address) as mine,
        RtspCaller(server.address) as other,
    ):
        session = await mine.setup("speechrecog")
        assert (await other.ask_rtsp("TEARDOWN", session=session.id)).status == 404
        assert await session.teardown() == 200


async def test_sessions_die_with_their_connection() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        await caller.setup("speechrecog")
        assert len(server.sessions) == 1
        await caller.finish()
        await caller.ended.wait()
        assert server.sessions == []


async def test_an_unknown_method_in_a_session_blocks_it_for_ever() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        blocked, free = await caller.setup("speechrecog"), await caller.setup("speechrecog")
        assert (await caller.ask_rtsp("GET_PARAMETER", session=blocked.id)).status == 500
        with trio.move_on_after(0.05) as waiting:
            await blocked.teardown()
        assert waiting.cancelled_caught
        assert await free.teardown() == 200


async def test_offline() -> None:  # F-36
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        assert (await caller.ask_rtsp("DESCRIBE")).status == 200
        server.offline = True
        with pytest.raises(Refused, match="503"):
            await caller.setup("speechrecog")
        statuses = [(await caller.ask_rtsp(method)).status for method in ("DESCRIBE", "OPTIONS")]
        assert statuses == [503, 200]
        assert (await recognise(session))[-1] == "RECOGNITION-COMPLETE"


async def test_two_servers_issue_the_same_ids() -> None:  # E-01
    async with SpeechServer(new_id=hex_ids(7)) as one, SpeechServer(new_id=hex_ids(7)) as other:
        ids = []
        for server in (one, other):
            async with RtspCaller(server.address) as caller:
                ids.append((await caller.setup("speechrecog")).id)
    assert ids[0] == ids[1]


async def test_a_teardown_reply_may_lack_its_session() -> None:  # F-19
    async with SpeechServer(session_in_teardown=False) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        reply = await caller.ask_rtsp("TEARDOWN", session=session.id)
        assert (reply.status, reply.session) == (200, None)


async def test_a_killed_server_resets_its_callers_and_is_gone() -> None:
    async with SpeechServer(pace=SLOW) as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechrecog")
        await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
        server.kill()
        with pytest.raises(ConnectionLost):
            await session.event()
        assert caller.broken == "reset"
        with pytest.raises(ConnectionLost):
            await session.request("STOP")
        with pytest.raises(OSError, match="onnect"):
            async with RtspCaller(server.address):
                pass
        async with SpeechServer(bind=server.address) as reborn, RtspCaller(reborn.address) as later:
            assert (await later.ask_rtsp("OPTIONS")).status == 200


async def test_reset_connections_leaves_the_listener() -> None:
    async with SpeechServer() as server:
        async with RtspCaller(server.address) as caller:
            await caller.setup("speechrecog")
            server.reset_connections()
            await caller.ended.wait()
        async with RtspCaller(server.address) as caller:
            assert (await caller.ask_rtsp("OPTIONS")).status == 200


async def test_garbage_from_a_caller_ends_its_connection() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        await caller.send_raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await caller.ended.wait()
    assert len(server.errors) == 1


async def test_a_server_under_a_nursery_of_its_own() -> None:
    server = SpeechServer()
    async with trio.open_nursery() as nursery:
        address = await nursery.start(server.run)
        assert isinstance(address, Address)
        assert address == server.address
        async with RtspCaller(address) as caller:
            assert (await caller.ask_rtsp("OPTIONS")).status == 200
        nursery.cancel_scope.cancel()


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with SpeechServer() as server, RtspCaller(server.address):
            raise ZeroDivisionError
