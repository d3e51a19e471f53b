"""Guards against requests that are never answered, and against harm to others, when a backend process is killed."""

from collections import Counter

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, RtspSession, SpeechServer
from tests.mrcpv1.rtsp_stage import announce, set_up, setup, statuses
from tests.scenarios.by_hand import calling, hand_server
from tests.scenarios.conftest import Process, Proxy
from tests.scenarios.running import FIRST, V1
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

GRAMMAR = {"Content-Type": "application/srgs+xml", "Content-Id": "<menu>"}
URIS = {"Content-Type": "text/uri-list"}


async def test_sessions_of_one_connection_when_one_of_two_servers_dies(process: Process) -> None:
    async with (
        speech_process("doomed", "DEFINE-GRAMMAR") as doomed,
        SpeechServer("other") as other,
        process(V1, doomed, other) as served,
        RtspCaller(served.address) as caller,
        RtspCaller(served.address) as bystander,
    ):
        sessions = [await caller.setup("speechrecog") for _ in range(6)]
        far = await bystander.setup("speechrecog")
        there = {entry.session for entry in other.transcript}
        dying = [session for session in sessions if session.id not in there]
        living = [session for session in (*sessions, far) if session.id in there]
        assert (len(dying), len(living)) == (3, 4)
        statuses_told: list[int] = []

        async def ask(session: RtspSession) -> None:
            statuses_told.append((await session.request("DEFINE-GRAMMAR", GRAMMAR, b"<grammar/>")).status)

        async with trio.open_nursery() as nursery:
            for session in dying:
                nursery.start_soon(ask, session)
            await doomed.heard("DEFINE-GRAMMAR", 3)
            doomed.kill()
        assert statuses_told == [502, 502, 502]
        lost = await served.until("backend-connection-lost", backend="doomed")
        assert (lost["open_requests"], lost["sessions"]) == (3, 3)
        for session in dying:
            assert (await session.request("GET-PARAMS")).status == 454
        for session in living:
            assert (
                await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
            ).state == "IN-PROGRESS"
            await session.events.completion(1)
        newcomers = [await one.setup("speechrecog") for one in (caller, bystander) for _ in range(2)]
        assert {session.id for session in newcomers} <= {entry.session for entry in other.transcript}
        for session in (*living, *newcomers):
            assert await session.teardown() == 200
        assert caller.anomalies == bystander.anomalies == []
        assert (caller.broken, bystander.broken) == (None, None)
        await served.log.until(lambda _: len(served.said("session-end")) == 11)
        ends = [(line["backend"], line["end"]) for line in served.said("session-end")]
        assert sorted(ends) == [("doomed", "backend/active")] * 3 + [("other", "client/teardown")] * 8


@pytest.mark.parametrize("how", ["killed", "reset", "closed"])
async def test_a_connection_whose_sessions_are_all_gone_is_answered_then_closed(
    proxy: Proxy, how: str
) -> None:
    async with (
        speech_process("doomed", "GET-PARAMS") as killed,
        hand_server("doomed") as by_hand,
        proxy(V1, killed if how == "killed" else by_hand) as running,
        calling(running.address) as caller,
    ):
        await caller.says(setup(1))
        if how != "killed":
            backend = await by_hand.accepted()
            await backend.hears(setup(1))
            await backend.says(set_up(1, b"the-session"))
        name = (await caller.message()).partition(b"Session: ")[2].partition(b"\r\n")[0]
        asked = [announce(cseq, name, b"GET-PARAMS 1 MRCP/1.0\r\n\r\n") for cseq in (2, 3)]
        await caller.says(*asked)
        if how == "killed":
            await killed.heard("GET-PARAMS")
            killed.kill()
        else:
            await backend.hears(b"".join(asked))
            if how == "reset":
                backend.reset()
            else:
                await backend.finish()
        told, ending = await caller.rest()
        assert (statuses(told), ending) == ([(502, b"2"), (502, b"3")], "end")
        assert running.ends == ["backend/active"]


async def test_a_setup_that_its_backend_dies_under_goes_elsewhere(proxy: Proxy) -> None:
    async with (
        speech_process("doomed", "SETUP") as doomed,
        SpeechServer("other") as other,
        proxy(FIRST + V1, doomed, other) as running,
        RtspCaller(running.address) as caller,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.setup, "speechrecog")
            await doomed.heard("SETUP")
            doomed.kill()
        assert len(other.sessions) == 1
        assert caller.anomalies == []


async def test_many_that_ask_for_what_has_died_are_told_so_and_harm_nobody(proxy: Proxy) -> None:  # G-5
    a, b = SpeechServer("a"), SpeechServer("b")
    async with a, b, proxy(V1, a, b) as running, RtspCaller(running.address) as caller:
        sessions = [await caller.setup("speechrecog") for _ in range(60)]
        living = {session.id for session in b.sessions}
        a.kill()
        await running.ended.count(30)
        told = Counter([(session.id in living, await session.teardown()) for session in sessions])
        assert told == {(False, 454): 30, (True, 200): 30}
        assert caller.broken is None
