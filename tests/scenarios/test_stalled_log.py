"""Guards against a log that nobody reads holding up traffic, filling memory, or keeping the process from ending."""

import re
import signal

import pytest
import trio

from mrcpwire import mrcpv2
from tests.scenarios.by_hand import Line, calling, hand_server
from tests.scenarios.conftest import Process
from tests.scenarios.running import MRCP

pytestmark = pytest.mark.real_time

SESSIONS = 8_000  # more than may wait in memory, plus what a pipe holds
BURST = 500
ASKED = re.compile(rb"MRCP/2\.0 \d+ (?:SETUP|TEARDOWN) (\d+)\r\nChannel-Identifier: (\S+)\r\n\r\n")


async def grant(backend: Line) -> None:
    """Answer every request with success."""
    held = b""
    async for data in backend.stream:
        held += data
        whole = held.rfind(b"\r\n\r\n") + 4
        found = ASKED.findall(held[:whole])
        held = held[whole:]
        await backend.says(
            *(mrcpv2.response(int(number), 200, b"COMPLETE", channel) for number, channel in found)
        )


async def live_and_die(caller: Line, first: int) -> None:
    """Set a burst of channels up and tear them down."""
    channels = [b"%d@speechsynth" % number for number in range(first, first + BURST)]
    for number, method in enumerate((b"SETUP", b"TEARDOWN"), 1):
        asked = b"".join(mrcpv2.request(method, number, channel) for channel in channels)
        answered = b"".join(mrcpv2.response(number, 200, b"COMPLETE", channel) for channel in channels)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.says, asked)
            await caller.hears(answered)


async def test_thousands_of_sessions_pass_and_the_log_owns_up_later(process: Process) -> None:
    async with (
        hand_server() as server,
        process(MRCP, server, key="mrcp", stalled=True) as served,
        trio.open_nursery() as nursery,
    ):
        async with calling(served.address) as caller:
            await caller.says(mrcpv2.request(b"SETUP", 1, b"first@speechsynth"))
            nursery.start_soon(grant, await server.accepted())
            await caller.message()
            for first in range(0, SESSIONS, BURST):
                await live_and_die(caller, first)
            served.read_log.set()
            await served.log.count(BURST)  # lines flow: there is room for one that tells of the others
        await served.until("session-end", end="client/active")
        assert (await served.until("log-lines-dropped"))["level"] == "warning"
        lines = [line["lines"] for line in served.said("log-lines-dropped")]
        assert len(served.said("session-end")) + sum(map(int, map(str, lines))) == SESSIONS + 1


async def test_it_ends_though_nobody_reads(process: Process) -> None:
    soon = '[timeouts]\ndrain = "0s"\n'
    async with hand_server() as server, process(MRCP + soon, server, key="mrcp", stalled=True) as served:
        async with calling(served.address) as caller, trio.open_nursery() as nursery:
            await caller.says(mrcpv2.request(b"SETUP", 1, b"first@speechsynth"))
            nursery.start_soon(grant, await server.accepted())
            await caller.message()
            for first in range(2):
                await live_and_die(caller, first * BURST)
            served.signal(signal.SIGTERM)
            assert await caller.rest() == (b"", "end")
            nursery.cancel_scope.cancel()
        await server.hang_up()
        with trio.fail_after(5):
            assert await served.wait() == 0
