"""The life of the process: it starts whole or not at all, turns signals into an end, and leaves nothing open."""

import os
import signal
import socket
from collections.abc import Callable
from functools import partial

import pytest
import trio

from mrcpbalance.config import Address, Config, parse
from mrcpbalance.proxy import CannotListenError, Proxy, serve, stop_on_signals
from mrcpbalance.proxy.reload import NotNowError, apply
from mrcpbalance.simulator import EchoServer
from tests.scenarios.by_hand import Line, calling
from tests.scenarios.running import TCP, Running, with_backends

pytestmark = pytest.mark.real_time


def config(server: EchoServer, text: str = TCP) -> Config:
    return parse(with_backends(text, server), "process.toml")


async def started(
    nursery: trio.Nursery,
    what: Config,
    proxy: Running,
    stop: trio.Event | None = None,
    stop_now: trio.Event | None = None,
) -> Address:
    """Serve until told to stop; give the address of the only listener."""
    addresses = await nursery.start(
        partial(
            serve,
            what,
            journal=proxy,
            ended=lambda session, _: proxy.ended.add(session),
            stop=stop,
            stop_now=stop_now,
        )
    )
    (address,) = addresses["front"]
    assert isinstance(address, Address)
    return address


async def echo(caller: Line) -> None:
    await caller.says(b"hello")
    await caller.hears(b"hello")


async def until(wanted: Callable[[], bool]) -> None:
    """Look again and again."""
    while True:
        if wanted():
            return
        await trio.lowlevel.checkpoint()


async def test_it_accepts_as_soon_as_it_says_so() -> None:
    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        address = await started(nursery, config(server), Running())
        async with calling(address) as caller:
            await echo(caller)
        nursery.cancel_scope.cancel()


async def test_it_opens_all_or_nothing() -> None:
    async with EchoServer("a") as server:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            second = f'[listeners.second]\nprotocol = "tcp"\nbind = "127.0.0.1:{taken.getsockname()[1]}"\npool = "speech"\n'
            with pytest.raises(CannotListenError, match=r"listeners\.second\.bind"):
                await serve(config(server, TCP + second), journal=Running(), ended=lambda *_: None)


async def test_cancelled_it_resets_everyone() -> None:
    async with EchoServer("a") as server, trio.open_nursery() as outside:
        async with trio.open_nursery() as nursery:
            address = await started(nursery, config(server), Running())
            stream = await trio.open_tcp_stream(address.host, address.port)
            line = Line(stream)
            await echo(line)
            nursery.cancel_scope.cancel()
        assert await line.rest() == (b"", "reset")
        await stream.aclose()
        with pytest.raises(OSError, match="onnect"):
            await trio.open_tcp_stream(address.host, address.port)
        outside.cancel_scope.cancel()


async def test_stopped_without_sessions_it_returns() -> None:
    stop, proxy = trio.Event(), Running()
    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        await started(nursery, config(server), proxy, stop)
        stop.set()
    assert [note.event for note in proxy.notes] == ["draining", "stopping"]


async def test_stopped_it_waits_for_sessions() -> None:
    stop, proxy = trio.Event(), Running()
    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        address = await started(nursery, config(server), proxy, stop)
        async with calling(address) as caller:
            await echo(caller)
            stop.set()
            await proxy.until("draining")
            await echo(caller)
            await caller.finish()
            assert await caller.rest() == (b"", "end")
    assert proxy.ends == ["client/active"]
    assert (await proxy.until("stopping"))["sessions_cut"] == 0


@pytest.mark.parametrize("impatient", [False, True], ids=["time is up", "told twice"])
async def test_stopped_it_does_not_wait_for_ever(impatient: bool) -> None:
    stop, stop_now, proxy = trio.Event(), trio.Event(), Running()
    drain = "1h" if impatient else "50ms"
    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        timeouts = f'[timeouts]\ndrain = "{drain}"\nlinger = "1s"\n'
        address = await started(nursery, config(server, TCP + timeouts), proxy, stop, stop_now)
        async with calling(address) as caller:
            await echo(caller)
            stop.set()
            await proxy.until("draining")
            if impatient:
                stop_now.set()
            assert await caller.rest() == (b"", "end")
    assert proxy.ends == ["operator/active"]
    assert (await proxy.until("stopping"))["sessions_cut"] == 1


async def test_who_never_closes_is_left_after_a_moment() -> None:
    stop, proxy = trio.Event(), Running()
    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        timeouts = '[timeouts]\ndrain = "0s"\nlinger = "100ms"\n'
        address = await started(nursery, config(server, TCP + timeouts), proxy, stop)
        stream = await trio.open_tcp_stream(address.host, address.port)
        await echo(Line(stream))
        stop.set()
        await proxy.until("stopping")
    await stream.aclose()  # only now: it has returned all the same


async def test_signals_become_events_and_the_second_hurries() -> None:
    proxy, stop, stop_now = Running(), trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(stop_on_signals, proxy, stop, stop_now)
        os.kill(os.getpid(), signal.SIGHUP)
        await proxy.until("reload-not-available")
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        assert not stop_now.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await stop_now.wait()
        nursery.cancel_scope.cancel()
    told = [(note.fields["signal"], note.fields.get("second")) for note in proxy.notes]
    assert told == [("SIGHUP", None), ("SIGTERM", False), ("SIGINT", True)]


async def test_heralds_know_that_it_is_starting() -> None:
    """They run while a companion still takes its time; from readiness on they know better."""
    seen: list[bool] = []
    may_go_on = trio.Event()
    proxies: list[Proxy] = []

    async def herald(proxy: Proxy, *, task_status: trio.TaskStatus[None]) -> None:
        proxies.append(proxy)
        seen.append(proxy.starting)
        task_status.started()

    async def slow(proxy: Proxy, *, task_status: trio.TaskStatus[None]) -> None:
        seen.append(proxy.starting)
        await may_go_on.wait()
        task_status.started()

    async with EchoServer("a") as server, trio.open_nursery() as nursery:
        start = partial(
            serve,
            config(server),
            journal=Running(),
            ended=lambda *_: None,
            heralds=[herald],
            companions=[slow],
        )
        nursery.start_soon(nursery.start, start)
        with trio.fail_after(10):
            await until(lambda: len(seen) == 2)
        assert seen == [True, True]
        with pytest.raises(NotNowError, match="still starting"):
            apply(proxies[0], proxies[0].config)
        may_go_on.set()
        with trio.fail_after(10):
            await until(lambda: not proxies[0].starting)
        nursery.cancel_scope.cancel()
