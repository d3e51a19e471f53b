"""The simulated MRCPv2 server and caller without SIP, each held against the other."""

import pytest
import trio

from mrcpbalance.simulator import (
    ConnectionLost,
    Drop,
    FramedCaller,
    FramedChannel,
    FramedServer,
    Pace,
    Refuse,
    Refused,
)
from mrcpwire import mrcpv2

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}


async def recognise(channel: FramedChannel) -> list[str]:
    defined = await channel.request("DEFINE-GRAMMAR", {"Content-ID": "<g>"}, b"<grammar/>")
    begun = await channel.request("RECOGNIZE", URIS, b"session:g")
    events = [await channel.event(), await channel.event()]
    return [defined.state, begun.state, *(event.name for event in events)]


RECOGNISED = ["COMPLETE", "IN-PROGRESS", "START-OF-INPUT", "RECOGNITION-COMPLETE"]


async def test_a_recognition_between_setup_and_teardown() -> None:
    async with FramedServer(needs_setup=True) as server, FramedCaller(server.address) as caller:
        channel = await caller.open("speechrecog")
        assert await recognise(channel) == RECOGNISED
        assert await channel.teardown() == 200
    said = ["SETUP", "DEFINE-GRAMMAR", "RECOGNIZE", "TEARDOWN"]
    assert server.transcript.of(channel.id, sender="caller") == said
    assert server.sessions == []
    assert caller.anomalies == server.errors == []


async def test_the_first_message_opens_a_channel() -> None:
    async with FramedServer() as server, FramedCaller(server.address) as caller:
        channel = await caller.open("speechrecog", setup=False, channel_id="menu")
        assert channel.id == "menu@speechrecog"
        assert await recognise(channel) == RECOGNISED
        assert server.sessions_total == 1


async def test_channels_side_by_side() -> None:
    found: list[list[str]] = []

    async def one(caller: FramedCaller) -> None:
        channel = await caller.open("speechrecog")
        found.append(await recognise(channel))
        await channel.teardown()

    async with (
        FramedServer() as server,
        FramedCaller(server.address) as caller,
        FramedCaller(server.address) as other,
        trio.open_nursery() as nursery,
    ):
        for _ in range(10):
            nursery.start_soon(one, caller)
            nursery.start_soon(one, other)
    assert found == [RECOGNISED] * 20
    assert server.sessions_total == 20
    assert len(server.transcript.sessions()) == 10  # both callers count alike: ids are a connection's own


async def test_refusals() -> None:
    async with FramedServer(needs_setup=True) as server, FramedCaller(server.address) as caller:
        with pytest.raises(Refused, match="405"):
            await caller.open("teleprompter")
        unset = await caller.open("speechrecog", setup=False)
        assert (await unset.request("STOP")).status == 405
        assert (await unset.request("TEARDOWN")).status == 405
        server.faults.add(Refuse(at="SETUP", status=501, times=1))
        with pytest.raises(Refused, match="501"):
            await caller.open("speechrecog")
        channel = await caller.open("speechrecog")
        assert (await channel.request("SPEAK")).status == 401
        assert server.sessions == [one for one in server.sessions if one.id == channel.id]


async def test_other_resources_tell_their_own_events() -> None:
    async with FramedServer() as server, FramedCaller(server.address) as caller:
        found = {}
        for resource, method in (
            ("recorder", "RECORD"),
            ("speakverify", "VERIFY"),
            ("speechsynth", "SPEAK"),
            ("speechrecog", "INTERPRET"),
        ):
            channel = await caller.open(resource)
            await channel.request(method)
            event = await channel.events.completion(2)
            found[method] = (event.name, event.get("Completion-Cause"))
    assert found == {
        "RECORD": ("RECORD-COMPLETE", "000 success-silence"),
        "VERIFY": ("VERIFICATION-COMPLETE", "000 success"),
        "SPEAK": ("SPEAK-COMPLETE", "000 normal"),
        "INTERPRET": ("INTERPRETATION-COMPLETE", "000 success"),
    }


async def test_a_killed_server() -> None:
    async with FramedServer(pace=Pace(speech=60)) as server, FramedCaller(server.address) as caller:
        channel = await caller.open("speechrecog")
        await channel.request("RECOGNIZE")
        server.kill()
        with pytest.raises(ConnectionLost):
            await channel.event()
        assert caller.broken == "reset"


async def test_requests_open_at_the_end_are_told() -> None:
    async with FramedServer(faults=[Drop(at="STOP")]) as server, FramedCaller(server.address) as caller:
        channel = await caller.open("speechrecog")
        with pytest.raises(ConnectionLost, match="STOP"):
            await channel.request("STOP")
        assert caller.unanswered == ["STOP on 0001@speechrecog"]


async def test_what_no_peer_should_send() -> None:
    async with FramedServer() as server, FramedCaller(server.address) as caller:
        await caller.send_raw(mrcpv2.event(b"SPEAK-COMPLETE", 1, b"COMPLETE", b"a@speechsynth"))
        channel = await caller.open("speechrecog")
        assert server.errors == ["a@speechsynth: not a request: SPEAK-COMPLETE"]
        caller.receive(mrcpv2.request(b"STOP", 1, channel.id.encode()))
        caller.receive(mrcpv2.response(9, 200, b"COMPLETE", channel.id.encode()))
        caller.receive(mrcpv2.event(b"X", 1, b"COMPLETE", b"b@speechsynth"))
        assert len(caller.anomalies) == 3
        await caller.send_raw(b"GET /")
        await caller.ended.wait()
        assert len(server.errors) == 2
