"""Guards against memory that grows when somebody stops reading what others, or we, go on sending."""

import contextlib
import hashlib

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.mrcpv1.rtsp_stage import message, setup
from tests.scenarios.by_hand import HandServer, Line, calling, hand_server
from tests.scenarios.conftest import Process
from tests.scenarios.running import TCP, V1

pytestmark = pytest.mark.real_time

PIECE = bytes(range(256)) * 256  # 64 KiB
PIECES = 512  # 32 MiB in all: far more than the kernel's buffers and ours
FULL = 0.3  # seconds without progress: nobody takes more
ROOM = 6 * 1024 * 1024  # octets the process may grow by: `limits.unsent` and what reading needs, generously


class Flood:
    """A server that sends until nobody takes more, and goes on as soon as somebody does."""

    def __init__(self, line: Line, most: int) -> None:
        self._line = line
        self._most = most
        self.pieces = 0

    async def run(self) -> None:
        for _ in range(self._most):
            await self._line.says(PIECE)
            self.pieces += 1
        await self._line.finish()

    async def stalls(self) -> int:
        """Wait until it gets no further, and tell how many octets it got rid of."""
        before = -1
        while before != self.pieces:
            before = self.pieces
            await trio.sleep(FULL)
        return self.pieces * len(PIECE)


async def read_on(caller: Line) -> tuple[int, str]:
    octets, seen = 0, hashlib.sha256()
    async for data in caller.stream:
        octets += len(data)
        seen.update(data)
    return octets, seen.hexdigest()


async def flooded(server: HandServer, nursery: trio.Nursery, pieces: int = PIECES) -> Flood:
    """Have the server flood the next caller."""
    flood = Flood(await server.accepted(), pieces)
    nursery.start_soon(flood.run)
    return flood


async def test_a_client_that_reads_nothing(process: Process) -> None:
    async with (
        hand_server() as server,
        process(TCP, server, key="tcp") as served,
        calling(served.address) as warm_up,
        trio.open_nursery() as nursery,
    ):
        await flooded(server, nursery, PIECES // 8)
        await read_on(warm_up)
        before = served.resident()
        async with calling(served.address) as caller:
            flood = await flooded(server, nursery)
            stalled_at = await flood.stalls()
            assert stalled_at < PIECES * len(PIECE)  # the kernel's own buffers may take much of it
            assert served.resident() - before < ROOM
            async with calling(served.address) as other:  # who isn't held up by it
                backend = await server.accepted()
                await other.says(b"hello")
                await backend.hears(b"hello")
            await caller.finish()
            wanted = hashlib.sha256(PIECE * PIECES).hexdigest()
            assert await read_on(caller) == (PIECES * len(PIECE), wanted)
        assert served.resident() - before < ROOM


async def test_a_caller_that_reads_no_answers(process: Process) -> None:
    stall = '[timeouts]\nstall = "500ms"\n'
    async with (
        SpeechServer("a") as a,
        process(V1 + stall, a) as served,
        calling(served.address) as caller,
        RtspCaller(served.address) as bystander,
    ):
        await caller.says(setup(1))
        await caller.message()
        session = await bystander.setup("speechsynth")
        before = served.resident()
        asked = message(b"OPTIONS * RTSP/1.0", b"CSeq: 2") * 1000
        with contextlib.suppress(trio.BrokenResourceError):  # until it is given up
            while True:
                await caller.says(asked)
        assert served.resident() - before < ROOM
        assert (await served.until("session-end"))["end"] == "timeout/active"
        assert await session.teardown() == 200
        first = a.transcript.sessions()[0]
        await a.transcript.until(lambda entry: entry.name == "TEARDOWN" and entry.session == first)
