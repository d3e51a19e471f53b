"""The running proxy: who is turned away, what a fault of our own costs, and what is told when a backend changes."""

import pytest

from mrcpbalance import mrcpv1, mrcpv2, passthrough
from mrcpbalance.simulator import EchoServer, FramedServer, RtspCaller, SpeechServer
from mrcpwire import mrcpv2 as framing
from tests.mrcpv1.rtsp_stage import announce, message, request, setup, statuses
from tests.scenarios.by_hand import calling, refusing_address
from tests.scenarios.running import FIRST, MRCP, TCP, V1, Named, Running, running

pytestmark = pytest.mark.real_time


def break_at(monkeypatch: pytest.MonkeyPatch, owner: type, mark: bytes) -> None:
    """Have an owner's code raise when it is handed octets with this mark."""
    sound = owner.received  # type: ignore[attr-defined]

    def received(self: object, data: bytes, now: float) -> None:
        if mark in data:
            raise ZeroDivisionError("a fault of our own")
        sound(self, data, now)

    monkeypatch.setattr(owner, "received", received)


def faults(proxy: Running) -> list[object]:
    """Tell where there were faults; the fixture needn't complain of these."""
    return [note.fields["where"] for note in proxy.notes.take_out(lambda note: note.event == "fault")]


async def test_a_fault_with_one_rtsp_caller_costs_only_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, mrcpv1.Caller, b"Break: me")
    async with (
        SpeechServer("a") as a,
        running(V1, a) as proxy,
        RtspCaller(proxy.address) as bystander,
        calling(proxy.address) as caller,
    ):
        session = await bystander.setup("speechsynth")
        await caller.says(setup(1))
        name = (await caller.message()).partition(b"Session: ")[2].partition(b"\r\n")[0]
        await caller.says(request(b"ANNOUNCE", 2, name, b"Break: me"))
        assert await caller.rest() == (b"", "end")
        await a.transcript.until(lambda entry: entry.name == "closed")
        assert a.transcript.of(name.decode(), sender="caller") == ["SETUP", "TEARDOWN"]
        assert proxy.ends == ["proxy/active"]
        assert await session.teardown() == 200
        assert faults(proxy) == ["Caller.received"]


async def test_what_is_open_is_answered_at_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, mrcpv1._leg.Leg, b"Break:")
    async with SpeechServer("a") as a, running(V1, a) as proxy, calling(proxy.address) as caller:
        await caller.says(setup(1))
        name = (await caller.message()).partition(b"Session: ")[2].partition(b"\r\n")[0]
        asked = b"GET-PARAMS 1 MRCP/1.0\r\nBreak: me\r\n\r\n"  # which the answer repeats
        await caller.says(announce(2, name, asked), message(b"OPTIONS * RTSP/1.0", b"CSeq: 3"))
        told, ending = await caller.rest()
        assert (statuses(told), ending) == ([(500, b"2"), (200, b"3")], "end")
        assert faults(proxy) == ["Leg.received"]


async def test_a_fault_with_one_channel_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, mrcpv2.FramedCaller, b"break-me")
    async with FramedServer("a") as a, running(MRCP, a) as proxy, calling(proxy.address) as caller:
        await caller.says(framing.request(b"SETUP", 1, b"1@speechsynth"))
        await caller.message()
        await caller.says(framing.request(b"SPEAK", 2, b"1@speechsynth", body=b"break-me"))
        assert await caller.rest() == (b"", "end")
        await a.transcript.until(lambda entry: entry.name == "closed")
        assert proxy.ends == ["proxy/active"]
        assert faults(proxy) == ["FramedCaller.received"]


async def test_a_fault_with_one_passed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, passthrough.Caller, b"break-me")
    async with (
        EchoServer("a") as a,
        running(TCP, a) as proxy,
        calling(proxy.address) as bystander,
        calling(proxy.address) as caller,
    ):
        for line in (caller, bystander):
            await line.says(b"hello")
            await line.hears(b"hello")
        await caller.says(b"break-me")
        assert await caller.rest() == (b"", "end")
        await bystander.says(b"still here")
        await bystander.hears(b"still here")
        assert proxy.ends == ["proxy/active"]
        assert faults(proxy) == ["Caller.received"]


async def test_who_is_turned_away_is_told_of_now_and_then() -> None:
    async with (
        EchoServer("a") as a,
        running(TCP + "[limits]\nconnections = 1\n", a) as proxy,
        calling(proxy.address) as caller,
    ):
        await caller.says(b"hello")
        await caller.hears(b"hello")
        for _ in range(9):
            async with calling(proxy.address) as one:
                assert (await one.rest())[0] == b""
        assert [said["refused"] for said in proxy.said("connection-refused")] == [1, 2, 4, 8]
        assert {said["listener"] for said in proxy.said("connection-refused")} == {"front"}


async def test_a_backend_that_falls_and_rises_is_told_of() -> None:
    dead = Named("dead", await refusing_address())
    short = '[pools.speech.health]\nprobe = "none"\nfall = 1\ninterval = "10ms"\n'
    async with SpeechServer("b") as b, running(FIRST + short + V1, dead, b) as proxy:
        async with RtspCaller(proxy.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        (down,) = proxy.said("backend-down")
        assert (down["backend"], down["protocol"], down["level"]) == ("dead", "mrcpv1", "warning")
        assert down["reason"] == "failures in traffic"
        async with SpeechServer("dead", bind=dead.address), RtspCaller(proxy.address) as caller:
            while not proxy.said("backend-up"):
                assert await (await caller.setup("speechsynth")).teardown() == 200
        told = [note.event for note in proxy.notes if note.fields.get("protocol")]
        assert told == ["backend-down", "backend-probation", "backend-up"]
