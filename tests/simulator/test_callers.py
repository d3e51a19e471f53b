"""What a simulated caller notices that no caller should see, and what it is told when things end."""

import pytest

from mrcpbalance.simulator import (
    ConnectionLost,
    Delay,
    Drop,
    Garbage,
    Refused,
    RtspCaller,
    SpeechServer,
)
from mrcpbalance.simulator.callers._calling import KEPT
from mrcpwire import mrcpv1, rtsp

pytestmark = pytest.mark.real_time

EVENT = mrcpv1.event(b"SPEAK-COMPLETE", 1, b"COMPLETE")
URI = b"rtsp://127.0.0.1/media/speechsynthesizer"


def announce(session: str | None, body: bytes = EVENT) -> bytes:
    name = session.encode() if session else None
    return rtsp.request(b"ANNOUNCE", URI, cseq=b"1", session=name, body=body)


async def test_messages_of_nobodys_session() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        await session.teardown()
        strange = [
            announce("00000000"),
            announce(None),
            rtsp.reply(200, cseq=b"99"),
            rtsp.reply(200, cseq=None),
        ]
        for octets in strange:
            caller.receive(octets)
        assert len(caller.anomalies) == len(strange)
        late = caller.receive(announce(session.id))  # it may have been on its way
        assert late == rtsp.reply(200, cseq=b"1", session=session.id.encode())
        assert caller.receive(b"$\0\0\1x") == b""  # interleaved audio
        assert len(caller.anomalies) == len(strange)


async def test_an_event_without_mrcp() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        caller.receive(announce(session.id, b"?"))
        assert len(caller.anomalies) == 1


async def test_events_that_nobody_takes_are_kept_up_to_a_limit() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        caller.receive(announce(session.id) * KEPT)
        assert caller.anomalies == []
        caller.receive(announce(session.id))
        assert caller.anomalies == [f"{session.id}: too many events"]


WRONG = {
    "another session": (rtsp.reply(200, cseq=b"2", session=b"00000000"), "was answered for b'00000000'"),
    "another request": (
        rtsp.reply(200, cseq=b"2", body=mrcpv1.response(7, 200, b"COMPLETE")),
        "to request 1",
    ),
}


@pytest.mark.parametrize(("answer", "anomaly"), WRONG.values(), ids=WRONG)
async def test_answers_of_others(answer: bytes, anomaly: str) -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        server.faults.add(Garbage(at="STOP", octets=answer))
        await session.request("STOP")
        assert [anomaly in text for text in caller.anomalies] == [True]


async def test_a_set_up_that_gives_no_session_or_a_known_one() -> None:
    nameless = Garbage(at="SETUP", octets=rtsp.reply(200, cseq=b"1"), times=1)
    async with SpeechServer(faults=[nameless]) as server, RtspCaller(server.address) as caller:
        with pytest.raises(Refused):
            await caller.setup("speechsynth")
        session = await caller.setup("speechsynth")
        known = rtsp.reply(200, cseq=b"3", session=session.id.encode())
        server.faults.add(Garbage(at="SETUP", octets=known))
        await caller.setup("speechsynth")
        told = ["without a session", "given twice"]
        assert [text in anomaly for text, anomaly in zip(told, caller.anomalies, strict=True)] == [True, True]


async def test_requests_behind_the_last_teardown() -> None:
    async with SpeechServer() as server, RtspCaller(server.address) as caller:
        session = await caller.setup("speechsynth")
        name = session.id.encode()
        # Queued behind the delay all three; the session ends with the first.
        server.faults.add(Delay(at="TEARDOWN", seconds=0.1))
        await caller.send_raw(
            b"".join(rtsp.request(b"TEARDOWN", URI, cseq=cseq, session=name) for cseq in (b"7", b"8", b"9"))
        )
        await server.transcript.until(lambda entry: b"CSeq: 9\r\n" in entry.raw and entry.sender == "server")
        said = [entry.name for entry in server.transcript if entry.sender == "server"]
        assert said == ["200", "200", "406", "406"]


async def test_open_requests_are_told_when_the_connection_ends() -> None:
    async with SpeechServer(faults=[Drop(at="OPTIONS")]) as server, RtspCaller(server.address) as caller:
        with pytest.raises(ConnectionLost, match="OPTIONS"):
            await caller.ask_rtsp("OPTIONS")
        assert caller.unanswered == ["OPTIONS"]
