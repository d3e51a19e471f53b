"""Guards against a peer that breaks the protocol confusing, stalling or ending anything but its own connection."""

import contextlib

import attrs
import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import FramedCaller, FramedServer, RtspCaller, SpeechServer
from mrcpwire import mrcpv2
from tests.mrcpv1.rtsp_stage import announce, message, request, set_up, setup, statuses
from tests.scenarios.by_hand import Ending, calling, hand_server
from tests.scenarios.conftest import Process
from tests.scenarios.running import FIRST, MRCP, V1
from tests.scenarios.serving import Serving

pytestmark = pytest.mark.real_time

OPTIONS = b"OPTIONS * RTSP/1.0"
ALIVE = message(OPTIONS, b"CSeq: 99")


@attrs.frozen
class Verdict:
    """What becomes of a connection after some octets."""

    answers: list[int]
    ending: Ending | None = None  # None: it lives on
    code: str | None = None  # in the log


def cut(status: int, code: str) -> Verdict:
    """Answer, log, and close."""
    return Verdict([status], "end", "rtsp." + code)


SPARED = Verdict([400])
GONE = Verdict([], "end")
RTSP = {
    "nonsense": (b"\x00\xff\xfe\r\n\r\n", cut(400, "bad-start-line")),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", cut(400, "bad-start-line")),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", cut(400, "bad-start-line")),
    "SIP": (b"INVITE sip:mrcp@192.0.2.1 SIP/2.0\r\n\r\n", cut(400, "bad-start-line")),
    "MRCPv2": (mrcpv2.request(b"SPEAK", 1, b"1@speechsynth"), cut(400, "bad-start-line")),
    "RTSP 2.0": (message(b"OPTIONS * RTSP/2.0", b"CSeq: 1"), cut(505, "version")),
    "only line ends": (b"\r\n" * 100, cut(400, "filler")),
    "a body too large": (message(OPTIONS, b"CSeq: 1", b"Content-Length: 9000000"), cut(413, "too-large")),
    "a length of 19 digits": (message(OPTIONS, b"Content-Length: " + b"9" * 19), cut(413, "too-large")),
    "a length of 20 digits": (message(OPTIONS, b"Content-Length: " + b"9" * 20), cut(400, "bad-length")),
    "a negative length": (message(OPTIONS, b"CSeq: 1", b"Content-Length: -1"), cut(400, "bad-length")),
    "two lengths": (
        message(OPTIONS, b"CSeq: 1", b"Content-Length: 1", b"Content-Length: 2"),
        cut(400, "two-lengths"),
    ),
    "a URI without end": (b"SETUP rtsp://x/" + b"y" * 3000, cut(414, "start-line-too-long")),
    "headers without end": (OPTIONS + b"\r\n" + b"X-Y: z\r\n" * 10_000, cut(400, "headers-too-long")),
    "too many headers": (message(OPTIONS, *([b"X: y"] * 300)), cut(400, "too-many-headers")),
    "a header too long": (message(OPTIONS, b"X: " + b"y" * 20_000), cut(400, "header-too-long")),
    "a bare CR": (message(OPTIONS, b"CSeq: 1\rX: y"), cut(400, "bare-cr")),
    "a NUL": (message(OPTIONS, b"CSeq: 1\0"), cut(400, "nul")),
    "a blank before the colon": (message(OPTIONS, b"CSeq : 1"), cut(400, "blank-before-colon")),
    "a line without a colon": (message(OPTIONS, b"CSeq 1"), cut(400, "no-colon")),
    "a fold at the start": (message(OPTIONS, b" CSeq: 1"), cut(400, "leading-fold")),
    "no CSeq": (message(OPTIONS), SPARED),
    "two CSeqs": (message(OPTIONS, b"CSeq: 1", b"CSeq: 2"), SPARED),
    "a CSeq in words": (message(OPTIONS, b"CSeq: one"), SPARED),
    "two sessions": (request(b"ANNOUNCE", 1, b"one-one-one", b"Session: two-two-two"), SPARED),
    "no session where one is needed": (message(b"TEARDOWN rtsp://x/y RTSP/1.0", b"CSeq: 1"), SPARED),
    "a URI that is none": (message(b"SETUP http://x/y RTSP/1.0", b"CSeq: 1"), SPARED),
    "an unknown session": (announce(1, b"nobody-knows-me"), Verdict([454])),
    "a required option": (message(OPTIONS, b"CSeq: 1", b"Proxy-Require: gold"), Verdict([551])),
    "an answer to nothing": (message(b"RTSP/1.0 200 OK", b"CSeq: 1"), Verdict([])),
    "a frame of nobody's": (b"$\x07\x00\x02ab", Verdict([])),
    "guesses": (b"".join(announce(at, b"guess-%d" % at) for at in range(30)), Verdict([454] * 20, "end")),
    "a good one before a bad one": (
        ALIVE + b"NONSENSE\r\n",
        Verdict([200, 400], "end", "rtsp.bad-start-line"),
    ),
}


async def verdict(address: Address, octets: bytes, expected: Verdict) -> Verdict:
    """Say this on a connection of its own, and see what comes of it."""
    async with calling(address) as caller:
        await caller.says(octets)
        if expected.ending is None:
            await caller.says(ALIVE)
            told = b"".join([await caller.message() for _ in range(len(expected.answers) + 1)])
            return Verdict([status for status, cseq in statuses(told) if cseq != b"99"])
        told, ending = await caller.rest()
        return Verdict([status for status, _ in statuses(told)], ending)


async def code_since(served: Serving, before: int, event: str = "client-broke-protocol") -> str:
    """Wait for the next line that says why."""
    await served.log.until(lambda _: len(served.said(event)) > before)
    return str(served.said(event)[before]["code"])


async def test_callers_on_an_rtsp_listener(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        process(V1, a) as served,
        RtspCaller(served.address) as bystander,
    ):
        session = await bystander.setup("speechsynth")
        found: dict[str, Verdict] = {}
        for name, (octets, expected) in RTSP.items():
            before = len(served.said("client-broke-protocol"))
            seen = await verdict(served.address, octets, expected)
            if expected.code is not None:
                seen = attrs.evolve(seen, code=await code_since(served, before))
            found[name] = seen
            assert (await session.request("GET-PARAMS")).status == 200, name
        assert found == {name: expected for name, (_, expected) in RTSP.items()}
        assert len(served.said("client-broke-protocol")) == sum(
            one.code is not None for _, one in RTSP.values()
        )
        assert await session.teardown() == 200
        assert bystander.anomalies == []


def framed(first: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((first, *headers, b"", b""))


CHANNEL = b"Channel-Identifier: 1@speechsynth"
MRCPV2 = {
    "nonsense": (b"\x00\xff\xfe\r\n\r\n", "bad-start-line"),
    "RTSP": (ALIVE, "bad-start-line"),
    "another version": (framed(b"MRCP/1.0 70 SPEAK 1", CHANNEL), "version"),
    "only line ends": (b"\r\n" * 100, "filler"),
    "no length": (framed(b"MRCP/2.0 SPEAK 1", CHANNEL), "bad-length"),
    "a signed length": (framed(b"MRCP/2.0 +58 SPEAK 1", CHANNEL), "bad-length"),
    "a length too large": (framed(b"MRCP/2.0 99999999 SPEAK 1", CHANNEL), "too-large"),
    "a length of 20 digits": (framed(b"MRCP/2.0 %b SPEAK 1" % (b"9" * 20), CHANNEL), "bad-length"),
    "a start-line without end": (b"MRCP/2.0 58 " + b"S" * 3000, "start-line-too-long"),
    "lengths that disagree": (framed(b"MRCP/2.0 57 SPEAK 1", CHANNEL), "length-mismatch"),
    "a request-id out of range": (framed(b"MRCP/2.0 68 SPEAK 4294967296", CHANNEL), "bad-start-line"),
    "no channel": (framed(b"MRCP/2.0 23 SPEAK 1"), "bad-channel"),
    "two channels": (framed(b"MRCP/2.0 093 SPEAK 1", CHANNEL, CHANNEL), "bad-channel"),
    "a channel without a resource": (framed(b"MRCP/2.0 46 SPEAK 1", b"Channel-Identifier: 1"), "bad-channel"),
    "a bare CR": (framed(b"MRCP/2.0 63 SPEAK 1", CHANNEL + b"\rX: y"), "bare-cr"),
    "headers without end": (b"MRCP/2.0 70000 SPEAK 1\r\n" + b"X: y\r\n" * 20_000, "headers-too-long"),
}


async def test_callers_on_an_mrcp_listener(process: Process) -> None:
    async with (
        FramedServer("a") as a,
        process(MRCP, a) as served,
        FramedCaller(served.address) as bystander,
    ):
        channel = await bystander.open("speechsynth")
        found: dict[str, Verdict] = {}
        for name, (octets, _) in MRCPV2.items():
            before = len(served.said("client-broke-protocol"))
            async with calling(served.address) as caller:
                await caller.says(octets)
                told, ending = await caller.rest()
            found[name] = Verdict(list(told), ending, await code_since(served, before))
            assert (await channel.request("GET-PARAMS")).status == 200, name
        assert found == {name: Verdict([], "end", f"mrcpv2.{code}") for name, (_, code) in MRCPV2.items()}
        assert await channel.teardown() == 200
        assert bystander.anomalies == []


DRIPPING = """
[timeouts]
message = "300ms"
first_message = "300ms"
"""


async def drip(address: Address, start: bytes) -> Verdict:
    """Say this and then an octet now and then, each far from late by itself."""
    async with calling(address) as caller, trio.open_nursery() as nursery:
        await caller.says(start)

        async def go_on() -> None:
            while True:
                await trio.sleep(0.03)
                await caller.says(b"x")

        nursery.start_soon(go_on)
        told, ending = await caller.rest()
        nursery.cancel_scope.cancel()
    return Verdict([status for status, _ in statuses(told)], ending)


async def test_callers_that_are_slow(process: Process) -> None:  # G-3
    async with (
        SpeechServer("a") as a,
        process(V1 + DRIPPING, a) as served,
        RtspCaller(served.address) as bystander,
    ):
        session = await bystander.setup("speechsynth")
        for start in (b"S", b"SETUP rtsp://x/y RTSP/1.0\r\nX: ", message(OPTIONS, b"Content-Length: 5000")):
            assert await drip(served.address, start) == Verdict([408], "end")
        assert await verdict(served.address, b"", GONE) == GONE  # it says nothing at all
        codes = [line["code"] for line in served.said("client-broke-protocol")]
        assert codes == ["rtsp.message-timeout"] * 3
        assert await session.teardown() == 200
        assert bystander.broken is None


async def test_callers_that_are_slow_with_mrcpv2(process: Process) -> None:  # G-3, M-18
    async with FramedServer("a") as a, process(MRCP + DRIPPING, a) as served:
        for start in (b"MRCP/2.0 5000 ", b"MRCP/2.0 5000 SPEAK 1\r\nX: "):
            assert await drip(served.address, start) == GONE
        assert await verdict(served.address, b"", GONE) == GONE
        codes = [line["code"] for line in served.said("client-broke-protocol")]
        assert codes == ["mrcpv2.message-timeout"] * 2


FROM_BACKENDS = {
    "nonsense": (b"\x00\xff", "bad-start-line"),
    "HTTP": (b"HTTP/1.1 200 OK\r\n\r\n", "bad-start-line"),
    "a length in words": (message(b"RTSP/1.0 200 OK", b"CSeq: 2", b"Content-Length: many"), "bad-length"),
    "too large": (message(b"RTSP/1.0 200 OK", b"CSeq: 2", b"Content-Length: 9000000"), "too-large"),
    "headers without end": (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 20_000, "headers-too-long"),
    "a NUL": (message(b"RTSP/1.0 200 OK", b"CSeq: 2\0"), "nul"),
    "half an answer": (b"RTSP/1.0 200 OK\r\nCSe", "message-timeout"),
}


async def test_backends_that_talk_nonsense(process: Process) -> None:
    async with (
        hand_server("bad") as bad,
        SpeechServer("good") as good,
        process(FIRST + V1 + DRIPPING, bad, good, backend="max_sessions = 1") as served,
        RtspCaller(served.address) as bystander,
    ):
        found = {}
        async with calling(served.address) as blocker:  # takes the first seat while the bystander settles
            await blocker.says(setup(1))
            backend = await bad.accepted()
            session = await bystander.setup("speechsynth")
            blocker.reset()
            await backend.rest()
            await bad.hang_up()
        for name, (octets, _) in FROM_BACKENDS.items():
            before = len(served.said("backend-broke-protocol"))
            async with calling(served.address) as caller:
                await caller.says(setup(1))
                backend = await bad.accepted()
                await backend.hears(setup(1))
                await backend.says(set_up(1, b"the-session"))
                await caller.hears(set_up(1, b"the-session"))
                await caller.says(announce(2, b"the-session"))
                await backend.hears(announce(2, b"the-session"))
                with contextlib.suppress(trio.BrokenResourceError):  # it may be given up in mid-sentence
                    await backend.says(octets)
                told, ending = await caller.rest()
                await bad.hang_up()
            found[name] = Verdict(
                [status for status, _ in statuses(told)],
                ending,
                await code_since(served, before, "backend-broke-protocol"),
            )
            assert (await session.request("GET-PARAMS")).status == 200, name
        wanted = {name: Verdict([502], "end", f"rtsp.{code}") for name, (_, code) in FROM_BACKENDS.items()}
        assert found == wanted
