"""Guards against octets of unrecognised connections being lost, changed, reordered, or cut off by an end of one side."""

import hashlib
import random

import pytest
import trio

from mrcpbalance.simulator import EchoServer
from tests.scenarios.by_hand import Line, calling, hand_server, refusing_address
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import FIRST, TCP, Named

pytestmark = pytest.mark.real_time

MUCH = 5_000_000
IDLE = '[timeouts]\nidle = "300ms"\n'


def noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(MUCH)


def digest(data: bytes) -> tuple[int, str]:
    """Make what differs short enough to be shown."""
    return len(data), hashlib.sha256(data).hexdigest()


async def say_all(line: Line, data: bytes) -> None:
    await line.says(data)
    await line.finish()


async def test_five_megabytes_both_ways_at_once_then_half_closes(proxy: Proxy) -> None:
    up, down = noise(1), noise(2)
    async with (
        hand_server() as server,
        proxy(TCP, server, key="tcp") as running,
        calling(running.address) as caller,
    ):
        backend = await server.accepted()
        heard: dict[str, bytes] = {}

        async def listen(name: str, line: Line) -> None:
            heard[name], ending = await line.rest()
            assert ending == "end"

        async with trio.open_nursery() as nursery:
            for name, line, data in (("backend", backend, down), ("caller", caller, up)):
                nursery.start_soon(listen, name, line)
                nursery.start_soon(say_all, line, data)
        (ended,) = await running.ended.count(1)
    assert digest(heard["caller"]) == digest(down)
    assert digest(heard["backend"]) == digest(up)
    assert (ended.bytes_to_backend, ended.bytes_to_client) == (MUCH, MUCH)


@pytest.mark.parametrize("first", ["caller", "backend"])
async def test_after_a_half_close_the_other_way_goes_on(proxy: Proxy, first: str) -> None:
    async with (
        hand_server() as server,
        proxy(TCP, server, key="tcp") as running,
        calling(running.address) as caller,
    ):
        backend = await server.accepted()
        lines = [caller, backend] if first == "caller" else [backend, caller]
        await lines[0].says(b"my last words")
        await lines[0].finish()
        assert await lines[1].rest() == (b"my last words", "end")
        assert running.ends == []
        for part in (b"and now", b"for something", noise(3)):
            await lines[1].says(part)
            assert await lines[0].take(len(part)) == part
        await lines[1].finish()
        assert await lines[0].rest() == (b"", "end")
        (ended,) = await running.ended.count(1)
        assert str(ended.end) == ("client/active" if first == "caller" else "backend/active")


async def test_the_server_may_speak_first(proxy: Proxy) -> None:
    async with (
        EchoServer("a", greeting=b"220 who is there?\r\n") as server,
        proxy(TCP, server) as running,
        calling(running.address) as caller,
    ):
        await caller.hears(b"220 who is there?\r\n")
        await caller.says(b"it is me")
        await caller.hears(b"it is me")


async def test_what_is_said_before_the_backend_stands_is_not_lost(proxy: Proxy) -> None:
    dead = Named("dead", await refusing_address())
    async with EchoServer("a") as server, proxy(FIRST + TCP, dead, server, key="tcp") as running:
        async with calling(running.address) as caller:
            await say_all(caller, b"all I have to say")
            assert await caller.rest() == (b"all I have to say", "end")
        (ended,) = await running.ended.count(1)
        assert (ended.backend, ended.attempts) == ("a", 2)


@pytest.mark.parametrize("who", ["caller", "backend"])
async def test_a_reset_ends_the_other_side_too(proxy: Proxy, who: str) -> None:
    async with (
        hand_server() as server,
        proxy(TCP, server, key="tcp") as running,
        calling(running.address) as caller,
    ):
        backend = await server.accepted()
        await caller.says(b"hello")
        await backend.hears(b"hello")
        (caller if who == "caller" else backend).reset()
        told, _ = await (backend if who == "caller" else caller).rest()
        assert told == b""
        (ended,) = await running.ended.count(1)
        assert str(ended.end) == ("client/active" if who == "caller" else "backend/active")


async def test_a_connection_that_is_idle_ends_and_one_that_is_not_goes_on(proxy: Proxy) -> None:
    async with (
        EchoServer("a") as server,
        proxy(TCP + IDLE, server) as running,
        calling(running.address) as busy,
        calling(running.address) as idle,
        trio.open_nursery() as nursery,
    ):

        async def keep_busy() -> None:
            while True:
                await busy.says(b"tick")
                await busy.hears(b"tick")
                await trio.sleep(0.05)

        nursery.start_soon(keep_busy)
        begun = trio.current_time()
        assert await idle.rest() == (b"", "end")
        assert trio.current_time() - begun > 0.25
        assert running.ends == ["timeout/active"]
        nursery.cancel_scope.cancel()


async def test_without_a_backend_the_connection_is_closed(proxy: Proxy) -> None:
    dead = Named("dead", await refusing_address())
    async with proxy(TCP, dead, key="tcp") as running, calling(running.address) as caller:
        await caller.says(b"is anybody there?")
        assert (await caller.rest())[0] == b""
        assert running.ends == ["backend/setup"]
