"""Guards against any dependence on how octets are cut: messages that arrive one octet at a time, both ways."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from mrcpbalance.config import Address
from mrcpbalance.simulator import FramedCaller, FramedServer, RtspCaller, SpeechServer
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import AUTO, MRCP, V1

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}


class Sieve:
    """A relay that lets single octets through, each once everybody has acted on the one before."""

    def __init__(self, name: str, listener: trio.SocketListener, to: Address) -> None:
        self.name = name
        self.address = Address(*listener.socket.getsockname()[:2])
        self._to = to

    async def relay(self, caller: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(self._to.host, self._to.port)
        async with caller, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, caller, server)
            await self._pass(server, caller)

    async def _pass(self, source: trio.SocketStream, target: trio.SocketStream) -> None:
        async for data in source:
            for at in range(len(data)):
                await target.send_all(data[at : at + 1])
                await trio.testing.wait_all_tasks_blocked()
        await target.send_eof()


@contextlib.asynccontextmanager
async def sieve(to: Address, name: str = "sieve") -> AsyncIterator[Sieve]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    made = Sieve(name, listener, to)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, made.relay, [listener])
        yield made
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("listener", [V1, AUTO], ids=["rtsp", "auto"])
async def test_rtsp(proxy: Proxy, listener: str) -> None:
    async with (
        SpeechServer() as server,
        sieve(server.address) as before_server,
        proxy(listener, before_server, key="rtsp") as running,
        sieve(running.address) as before_proxy,
        RtspCaller(before_proxy.address) as caller,
    ):
        session = await caller.setup("speechrecog")
        await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
        assert [(await session.event()).name for _ in range(2)] == ["START-OF-SPEECH", "RECOGNITION-COMPLETE"]
        assert await session.teardown() == 200
        (ended,) = await running.ended.count(1)
        assert caller.anomalies == server.errors == []
    assert (str(ended.end), ended.messages_to_backend, ended.messages_to_client) == ("client/teardown", 1, 3)


@pytest.mark.parametrize("listener", [MRCP, AUTO], ids=["mrcp", "auto"])
async def test_mrcpv2_framing(proxy: Proxy, listener: str) -> None:
    async with (
        FramedServer() as server,
        sieve(server.address) as before_server,
        proxy(listener, before_server, key="mrcp") as running,
        sieve(running.address) as before_proxy,
        FramedCaller(before_proxy.address) as caller,
    ):
        channel = await caller.open("speechrecog")
        await channel.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
        assert [(await channel.event()).name for _ in range(2)] == ["START-OF-INPUT", "RECOGNITION-COMPLETE"]
        assert await channel.teardown() == 200
        (ended,) = await running.ended.count(1)
        assert caller.anomalies == server.errors == []
    assert (str(ended.end), ended.messages_to_backend, ended.messages_to_client) == ("client/teardown", 3, 5)
