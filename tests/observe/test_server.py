"""The admin interface's connections: bounded in number, in time and in what they can break."""

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import Address, AdminConfig
from mrcpbalance.observe import AdminError, server
from tests.observe.admin_stage import AdminStage

pytestmark = pytest.mark.real_time

ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


class ServedStage(AdminStage):
    """A console behind a real socket."""

    where = ""

    def note(self, event: str, /, **fields: object) -> None:
        if event == "admin-listening":
            self.where = str(fields["address"])
        else:
            super().note(event, **fields)

    async def call(self) -> trio.SocketStream:
        host, _, port = self.where.rpartition(":")
        return await trio.open_tcp_stream(host, int(port))


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[ServedStage]:
    stage = ServedStage()
    async with trio.open_nursery() as nursery:
        config = AdminConfig(bind=Address("127.0.0.1", 0))
        await nursery.start(server.serve_admin, config, stage.console)
        try:
            yield stage
        finally:
            nursery.cancel_scope.cancel()


async def healthy(stage: ServedStage) -> bool:
    async with await stage.call() as stream:
        await stream.send_all(ASK % b"/healthz")
        return (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_reads_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALL", 0.2)
    async with served() as stage:
        for _ in range(30_000):
            stage.register.open("mrcp", "192.0.2.1", "speech", stage.now)
        lazy = await stage.call()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await lazy.send_all(ASK % b"/api/v1/sessions?limit=100000")
        await trio.sleep(0.4)  # longer than it may stall
        assert await healthy(stage)
        octets = 0
        with contextlib.suppress(trio.BrokenResourceError):  # an end is as good as a reset
            while data := await lazy.receive_some():
                octets += len(data)
        assert octets < 9_000_000
        await lazy.aclose()
        assert stage.notes == []


async def test_one_connection_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 2)
    async with served() as stage:
        held = [await stage.call() for _ in range(2)]
        for stream in held:
            await stream.send_all(ASK % b"/healthz")
            await stream.receive_some()
        async with await stage.call() as third:
            assert await third.receive_some() == b""
        for stream in held:
            await stream.aclose()
        while not await _try(stage):
            pass


async def _try(stage: ServedStage) -> bool:
    try:
        return await healthy(stage)
    except trio.BrokenResourceError:
        return False


@contextlib.asynccontextmanager
async def watching(stage: ServedStage, room: int | None = None) -> AsyncIterator[trio.SocketStream]:
    """Hold an event stream open; `room` octets wait at most for a client that reads nothing."""
    async with await stage.call() as stream:
        if room is not None:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        await stream.send_all(ASK % b"/api/v1/events")
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 200 ")
        assert len(stage.console.feed.watchers) == 1
        yield stream


async def forgotten(stage: ServedStage) -> None:
    while stage.console.feed.watchers:
        assert await healthy(stage)


async def test_a_watcher_that_leaves_is_forgotten() -> None:
    async with served() as stage:
        async with watching(stage):
            pass
        await forgotten(stage)
        assert stage.notes == []


async def test_an_event_stream_is_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 1)
    async with served() as stage, watching(stage), await stage.call() as second:
        assert await second.receive_some() == b""


async def test_a_watcher_that_reads_nothing_is_cut_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALL", 0.2)
    async with served() as stage, watching(stage, room=4096):
        stage.console.feed.show(b": " + b"x" * 10_000_000 + b"\n\n")
        await forgotten(stage)
        assert await healthy(stage)
        assert stage.notes == []


async def test_a_fault_of_the_web_server_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *_: object) -> None:
            raise RuntimeError("on purpose")

    async with served() as stage:
        monkeypatch.setattr(server, "TCPServer", Broken)
        async with await stage.call() as stream:
            with contextlib.suppress(trio.BrokenResourceError):
                assert await stream.receive_some() == b""
        monkeypatch.undo()
        assert await healthy(stage)
        assert stage.notes == ["fault RuntimeError('on purpose')"]


async def test_it_leaves_a_path_that_another_has_taken(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    stage = ServedStage()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve_admin, AdminConfig(bind=str(path)), stage.console)
        with pytest.raises(AdminError, match="Address already in use"):
            await server.serve_admin(AdminConfig(bind=str(path)), stage.console)
        await trio.Path(path).unlink()
        await trio.Path(path).write_text("another's")
        nursery.cancel_scope.cancel()
    assert await trio.Path(path).read_text() == "another's"
