"""The life of the process: open, serve, and on a signal drain and end (three steps, each bounded)."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from mrcpbalance.config import Address, Config
from mrcpbalance.sessions import Session
from mrcpbalance.sessions.ports import Journal

from .inherited import Inherited
from .names import backend_hosts
from .proxy import Proxy
from .sockets import CONTACT, Bound, Use, open_all

type_ended = Callable[[Session, float], None]


async def serve(
    config: Config,
    *,
    journal: Journal,
    ended: type_ended,
    stop: trio.Event | None = None,
    stop_now: trio.Event | None = None,
    heralds: Sequence[Callable[..., Awaitable[None]]] = (),
    inherited: Inherited | None = None,
    companions: Sequence[Callable[..., Awaitable[None]]] = (),
    task_status: trio.TaskStatus[Mapping[str, list[Address]]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop` is set; then drain and return, at once when `stop_now` is set too.

    `companions` are started with the proxy, as trio starts tasks, before it is ready, and cancelled at its end;
    `heralds` the same, but before anything that may take time: they can tell that it isn't ready yet.
    `inherited` sockets that fit a listener are used instead of opening others; one that fits none is an error.
    Starts with the addresses of every listener. Raises `CannotListenError` when one can't be opened; none is then.
    Cancelling resets every connection.
    """
    stop = trio.Event() if stop is None else stop
    stop_now = trio.Event() if stop_now is None else stop_now
    bound = open_all(config, inherited)
    proxy = Proxy.of(config, journal, ended)
    hosts = backend_hosts(config)
    by_listener = {name: [one for one in bound if one.listener.name == name] for name in config.listeners}
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.switchboard.run)
        for herald in heralds:
            await nursery.start(herald, proxy)
        await proxy.names.meet(hosts)
        proxy.names.attend(hosts)
        nursery.start_soon(proxy.names.keep)
        await nursery.start(proxy.probes.run, list(proxy.pools.values()))
        for sockets in by_listener.values():
            proxy.listen(sockets)
        for companion in companions:
            await nursery.start(companion, proxy)
        proxy.starting = False
        task_status.started({name: _addresses(sockets) for name, sockets in by_listener.items()})
        await stop.wait()
        await proxy.drain(stop_now)
        nursery.cancel_scope.cancel()


def _addresses(sockets: list[Bound]) -> list[Address]:
    """Give the addresses of one listener, each once: callers', then what SIP has beside: Contact's, then control's."""
    beside = CONTACT | {Use.CONTROL}
    shown = [one for one in sockets if one.use not in beside or one.listener.protocol == "sip"]
    return list(dict.fromkeys(one.address for one in shown))


async def stop_on_signals(
    journal: Journal,
    stop: trio.Event,
    stop_now: trio.Event,
    reload: Callable[[], None] | None = None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Turn SIGTERM and SIGINT into an orderly end, a second one ends the waiting too; and SIGHUP into `reload`."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            name = signal.Signals(number).name
            if number == signal.SIGHUP:
                if reload is not None:
                    reload()
                else:
                    journal.note("reload-not-available", level="warning", signal=name)
                continue
            journal.note("signal", signal=name, second=stop.is_set())
            if stop.is_set():
                stop_now.set()
            stop.set()
