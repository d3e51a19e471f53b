"""Guards against news that come late, never, or keep the process from ending."""

import contextlib
import json
import time
from collections.abc import AsyncIterator

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, Operator
from tests.scenarios.running import FIRST, V1, Told
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time

PROBES = '[pools.speech.health]\ninterval = "200ms"\ntimeout = "1s"\n'


class Stream:
    """An open event stream; what it told so far."""

    def __init__(self) -> None:
        self.told: Told[tuple[str, dict[str, object]]] = Told()
        self.ended = trio.Event()

    async def read(self, stream: trio.SocketStream) -> None:
        held = b""
        with contextlib.suppress(trio.BrokenResourceError):
            while data := await stream.receive_some():
                *blocks, held = (held + data).split(b"\n\n")
                for block in blocks:
                    _, _, text = block.partition(b"event: ")
                    name, _, rest = text.partition(b"\ndata: ")
                    if name:
                        self.told.add((name.decode(), json.loads(rest)))
        self.ended.set()

    async def until(self, name: str, **fields: object) -> dict[str, object]:
        """Wait for an event with these fields."""
        found = await self.told.until(lambda told: told[0] == name and fields.items() <= told[1].items())
        return found[1]


@contextlib.asynccontextmanager
async def watching(operator: Operator) -> AsyncIterator[Stream]:
    host, _, port = operator.where.rpartition(":")
    watched = Stream()
    async with await trio.open_tcp_stream(host, int(port)) as stream, trio.open_nursery() as nursery:
        await stream.send_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        nursery.start_soon(watched.read, stream)
        yield watched
        nursery.cancel_scope.cancel()


async def test_news_come_at_once_and_the_stream_ends_with_the_process(process: Process) -> None:
    async with (
        speech_process("dying") as dying,
        SpeechServer("living") as living,
        process(V1 + FIRST + ADMIN + PROBES, dying, living) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        async with watching(operator) as watched:
            first = await watched.until("pools", draining=False)
            assert len(first["pools"][0]["backends"]) == 2  # type: ignore[index]
            session = await caller.setup("speechrecog")
            assert await session.teardown() == 200
            ended = await watched.until("session-end", end="client/teardown", backend="dying")
            assert ended.items() <= (await served.until("session-end")).items()
            await caller.setup("speechrecog")
            dying.kill()
            down = await watched.until("backend", backend="dying", state="down")
            assert down["protocol"] == "mrcpv1"
            assert down["reason"]
            await watched.until("session-end", end="backend/active")
            await operator.order("drain", "living")
            await watched.until("backend", backend="living", state="draining", protocol=None)
            history = (await operator.get("/api/v1/history")).json
            recent = {row["backend"]: row["recent"] for row in history["backends"]}
            assert recent["dying"]["started"] == 2
            assert recent["dying"]["ended"] == {"backend/active": 1, "client/teardown": 1}
            began = time.monotonic()
            assert await served.stop() == 0
            await watched.ended.wait()
            assert time.monotonic() - began < 10
