"""Guards against channels of one connection being taken for one session, and against callers' ids being mixed up."""

from collections import Counter

import pytest
import trio

from mrcpbalance.simulator import FramedCaller, FramedServer, Pace, Refuse
from mrcpwire import mrcpv2
from tests.scenarios.by_hand import calling, hand_server
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import FIRST, MRCP

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
FALLS_AT_ONCE = '[pools.speech.health]\nprobe = "none"\nfall = 1\n'
GRAMMAR = {"Content-Type": "application/srgs+xml", "Content-Id": "<menu>"}


async def talk(caller: FramedCaller, name: str, *, setup: bool = True) -> None:
    """Live on one channel; what was told on it must be known to the end."""
    channel = await caller.open("speechrecog", channel_id=name, setup=setup)
    tag = {"Logging-Tag": f"{caller.name}/{name}"}
    assert (
        await channel.request("SET-PARAMS", tag | {"Sensitivity-Level": f"{caller.name}/{name}"})
    ).status == 200
    await channel.request("DEFINE-GRAMMAR", GRAMMAR | tag, b"<grammar/>")
    assert (await channel.request("RECOGNIZE", URIS | tag, b"session:menu")).state == "IN-PROGRESS"
    events = [(await channel.event()).name for _ in range(2)]
    assert events == ["START-OF-INPUT", "RECOGNITION-COMPLETE"]
    told = await channel.request("GET-PARAMS", {"Sensitivity-Level": ""} | tag)
    assert told.get("Sensitivity-Level") == f"{caller.name}/{name}"
    assert await channel.teardown() == 200


@pytest.mark.parametrize("setup", [True, False], ids=["literal SETUP", "none"])
async def test_the_same_ids_on_two_connections_over_three_servers(proxy: Proxy, setup: bool) -> None:
    a, b, c = (FramedServer(name, needs_setup=setup) for name in "abc")
    async with (
        a,
        b,
        c,
        proxy(MRCP, a, b, c) as running,
        FramedCaller(running.address, name="one") as one,
        FramedCaller(running.address, name="two") as two,
        trio.open_nursery() as nursery,
    ):
        for caller in (one, two):
            for number in range(6):
                nursery.start_soon(lambda *whose: talk(*whose, setup=setup), caller, f"{number:04}")
    for caller in (one, two):
        assert caller.anomalies == []
        for number in range(6):
            mark = f"{caller.name}/{number:04}".encode()
            seen = [
                [entry.name for entry in server.transcript.containing(mark) if entry.sender == "caller"]
                for server in (a, b, c)
            ]
            assert sorted(seen) == [[], [], ["SET-PARAMS", "DEFINE-GRAMMAR", "RECOGNIZE", "GET-PARAMS"]]
    assert Counter(session.backend for session in running.ended) == {"a": 4, "b": 4, "c": 4}
    assert running.ends == ["client/teardown"] * 12
    assert max(server.connections_total for server in (a, b, c)) <= 2  # one for each caller


async def test_octets_pass_unchanged_setup_and_teardown_included(proxy: Proxy) -> None:
    channel = b"00a7@speechsynth"
    said = [
        mrcpv2.request(b"SETUP", 1, channel),
        mrcpv2.request(b"SPEAK", 2, channel, [(b"x-ODD", b"kept")], b"\x00\xffoctets"),
        mrcpv2.request(b"TEARDOWN", 3, channel),
    ]
    told = [
        mrcpv2.response(1, 200, b"COMPLETE", channel),
        mrcpv2.response(2, 200, b"IN-PROGRESS", channel)
        + mrcpv2.event(b"SPEAK-COMPLETE", 2, b"COMPLETE", channel),
        mrcpv2.response(3, 200, b"COMPLETE", channel),
    ]
    async with (
        hand_server() as server,
        proxy(MRCP, server, key="mrcp") as running,
        calling(running.address) as caller,
    ):
        await caller.says(said[0])
        backend = await server.accepted()
        for asked, answered in zip(said, told, strict=True):
            if asked is not said[0]:
                await caller.says(asked)
            await backend.hears(asked)
            await backend.says(answered)
            await caller.hears(answered)
        assert running.ends == ["client/teardown"]
        await caller.says(said[0])  # the same id again is another session
        await backend.hears(said[0])


async def test_what_is_asked_on_unknown_channels_is_answered(proxy: Proxy) -> None:  # A.8
    async with FramedServer("a") as a, proxy(MRCP, a) as running, FramedCaller(running.address) as caller:
        channel = await caller.open("speechsynth", channel_id="known")
        stray = mrcpv2.response(7, 200, b"COMPLETE", b"stray@speechsynth")
        await caller.send_raw(stray + mrcpv2.event(b"SPEAK-COMPLETE", 7, b"COMPLETE", b"stray@speechsynth"))
        unknown = await caller.open("speechsynth", channel_id="unknown", setup=False)
        assert await unknown.teardown() == 405
        assert await channel.teardown() == 200
        assert await (await caller.open("speechsynth", channel_id="known", setup=False)).teardown() == 405
    assert caller.anomalies == []
    assert a.transcript.sessions() == ["known@speechsynth"]
    assert running.ends == ["client/teardown"]


async def test_messages_of_backends_for_channels_that_live_elsewhere_are_dropped(proxy: Proxy) -> None:
    async with (
        hand_server("a") as a,
        hand_server("b") as b,
        proxy(MRCP, a, b, key="mrcp") as running,
        calling(running.address) as caller,
    ):
        mine, other = b"1@speechsynth", b"2@speechsynth"
        await caller.says(mrcpv2.request(b"SETUP", 1, mine), mrcpv2.request(b"SETUP", 1, other))
        backends = [await server.accepted() for server in (a, b)]
        for backend, channel in zip(backends, (mine, other), strict=True):
            await backend.hears(mrcpv2.request(b"SETUP", 1, channel))
            await backend.says(mrcpv2.response(1, 200, b"COMPLETE", channel))
            await caller.hears(mrcpv2.response(1, 200, b"COMPLETE", channel))
        spoof = mrcpv2.event(b"SPEAK-COMPLETE", 1, b"COMPLETE", other)
        honest = mrcpv2.event(b"SPEECH-MARKER", 1, b"COMPLETE", mine)
        await backends[0].says(spoof, honest)
        await caller.hears(honest)


@pytest.mark.parametrize("how", ["reset", "closed"])
async def test_a_backend_that_dies(proxy: Proxy, how: str) -> None:  # M-30
    async with (
        hand_server("doomed") as doomed,
        FramedServer("other") as other,
        proxy(MRCP + FALLS_AT_ONCE, doomed, other, key="mrcp") as running,
        calling(running.address) as caller,
        FramedCaller(running.address, name="bystander") as bystander,
    ):
        dying, living = b"1@speechsynth", b"2@speechsynth"
        await caller.says(mrcpv2.request(b"SETUP", 1, dying), mrcpv2.request(b"SETUP", 1, living))
        backend = await doomed.accepted()
        await backend.hears(mrcpv2.request(b"SETUP", 1, dying))
        await backend.says(mrcpv2.response(1, 200, b"COMPLETE", dying))
        assert {await caller.message(), await caller.message()} == {
            mrcpv2.response(1, 200, b"COMPLETE", channel) for channel in (dying, living)
        }
        await caller.says(mrcpv2.request(b"SPEAK", 2, dying))
        await backend.hears(mrcpv2.request(b"SPEAK", 2, dying))
        if how == "reset":
            backend.reset()
        else:
            await backend.finish()
        await caller.hears(mrcpv2.response(2, 501, b"COMPLETE", dying))
        await caller.says(mrcpv2.request(b"GET-PARAMS", 2, living))
        await caller.hears(mrcpv2.response(2, 200, b"COMPLETE", living))
        await talk(bystander, "3")
        assert running.ends == ["backend/active", "client/teardown"]
        await running.until("backend-connection-lost")


async def test_a_setup_goes_on_to_the_next_server(proxy: Proxy) -> None:
    bad = FramedServer("bad", faults=[Refuse(at="SETUP", status=501)])
    async with (
        bad,
        FramedServer("good") as good,
        proxy(FIRST + MRCP, bad, good) as running,
        FramedCaller(running.address) as caller,
    ):
        await talk(caller, "1")
        assert [(one.backend, one.attempts) for one in running.ended] == [("good", 2)]


async def test_a_caller_that_leaves_ends_its_channels(proxy: Proxy) -> None:
    a, b = (FramedServer(name, pace=Pace(result=60)) for name in "ab")
    async with a, b, proxy(MRCP, a, b, backend="max_sessions = 2") as running:
        async with FramedCaller(running.address) as caller:
            for _ in range(4):
                await (await caller.open("speechsynth")).request("SPEAK")
        await running.ended.count(4)
        for server in (a, b):
            await server.transcript.until(lambda entry: entry.name == "closed")
            assert server.sessions == []
        assert set(running.ends) == {"client/active"}
        async with FramedCaller(running.address) as caller:
            for _ in range(4):
                await caller.open("speechsynth")
