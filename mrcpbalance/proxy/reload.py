"""Another configuration for a running proxy: sessions are not touched, and a faulty one changes nothing.

The log and the admin interface stay as they began.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import Final

import attrs
import trio

from mrcpbalance.config import Config, ConfigError, PoolConfig
from mrcpbalance.pool import Backend, Pool, link
from mrcpbalance.sessions import StickTable

from .names import backend_hosts
from .proxy import Proxy
from .rebind import Keeping, change, remove, revive
from .sockets import Bound, CannotListenError, open_some
from .systemd import Manager

_AT_START: Final = ("log", "admin", "tracing", "process", "record")


class CannotReloadError(Exception):
    """A configuration that can't replace the one that runs; `faults` say why, one a line."""

    def __init__(self, faults: Collection[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class NotNowError(CannotReloadError):
    """No configuration can replace the one that runs, as things are."""


@attrs.frozen(kw_only=True)
class Changes:
    """What a reload changed, by name."""

    listeners_added: tuple[str, ...]
    listeners_changed: tuple[str, ...]  # that other sockets lead to, or that speak another protocol
    listeners_removed: tuple[str, ...]
    backends_added: tuple[str, ...]  # POOL/BACKEND
    backends_removed: tuple[str, ...]
    needs_restart: tuple[str, ...]  # tables that changed, but are only read at the start


def apply(proxy: Proxy, config: Config) -> Changes:
    """Have a proxy go by another configuration. Raises `CannotReloadError`; nothing has changed then."""
    sockets = _open(proxy, config)
    before, proxy.config = proxy.config, config
    old, new = _backends(before), _backends(config)
    doors = set(proxy.doors)
    _bounds(proxy, config)
    _pools(proxy, config)
    for backend in _disabled(proxy, before):
        proxy.leave(backend)
    moved = [name for name in doors & sockets.keys() if change(proxy, config.listeners[name], sockets[name])]
    for name in sockets.keys() - doors:
        if revive(proxy, name):
            change(proxy, config.listeners[name], sockets[name])
        else:
            proxy.listen(sockets[name])
    for name in doors - sockets.keys():
        remove(proxy, name)
    for name in sorted({*moved, *(sockets.keys() - doors)}):
        proxy.journal.note(
            "listening",
            listener=name,
            addresses=list(dict.fromkeys(str(one.address) for one in sockets[name])),
        )
    proxy.probes.attend(list(proxy.pools.values()))
    return Changes(
        listeners_added=tuple(sorted(sockets.keys() - doors)),
        listeners_changed=tuple(sorted(moved)),
        listeners_removed=tuple(sorted(doors - sockets.keys())),
        backends_added=tuple(sorted(new - old)),
        backends_removed=tuple(sorted(old - new)),
        needs_restart=tuple(key for key in _AT_START if getattr(before, key) != getattr(config, key)),
    )


def _open(proxy: Proxy, config: Config) -> dict[str, list[Bound]]:
    """Open what is new; give the sockets of every listener, old ones too."""
    if proxy.starting:
        raise NotNowError(["the proxy is still starting: ask again in a moment"])
    if proxy.draining:
        raise NotNowError(["the proxy is about to end: it takes no other configuration"])
    try:
        opened = open_some(config, config.listeners.values(), Keeping(proxy, config))
    except CannotListenError as error:
        raise CannotReloadError([str(error)]) from None
    return {name: [one for one in opened if one.listener.name == name] for name in config.listeners}


def _bounds(proxy: Proxy, config: Config) -> None:
    proxy.register.limit = config.limits.sessions
    proxy.callers.limits = config.limits
    proxy.names.again = config.timeouts.resolve
    switchboard = proxy.switchboard
    switchboard.unsent, switchboard.stall = config.limits.unsent, config.timeouts.stall
    switchboard.linger, switchboard.keepalive = config.timeouts.linger, config.timeouts.keepalive
    for name, table in config.stick_tables.items():
        if name in proxy.tables:
            proxy.tables[name].become(table)
        else:
            proxy.tables[name] = StickTable(table)
    for name in [name for name in proxy.tables if name not in config.stick_tables]:
        del proxy.tables[name]


def _pools(proxy: Proxy, config: Config) -> None:
    for name, pool in config.pools.items():
        if name in proxy.pools:
            proxy.pools[name].become(pool)
        else:
            proxy.pools[name] = _revived(proxy, pool) or proxy.make_pool(pool)
    for name in [name for name in proxy.pools if name not in config.pools]:
        former = proxy.former_pools[name] = proxy.pools.pop(name)
        former.retire()
    link(proxy.pools)


def _disabled(proxy: Proxy, before: Config) -> list[Backend]:
    """Find the backends that this configuration disables and the last one didn't: their sessions end."""
    were = {
        (pool.name, name)
        for pool in before.pools.values()
        for name, its in pool.backends.items()
        if its.state == "disabled"
    }
    return [
        backend
        for pool in proxy.pools.values()
        for name, backend in pool.backends.items()
        if backend.config.state == "disabled" and (pool.name, name) not in were
    ]


def _revived(proxy: Proxy, config: PoolConfig) -> Pool | None:
    """Give a pool that was taken out and still has sessions, to go on with."""
    proxy.leaving()
    pool = proxy.former_pools.pop(config.name, None)
    if pool is not None:
        pool.become(config)
    return pool


def _backends(config: Config) -> set[str]:
    return {f"{pool.name}/{name}" for pool in config.pools.values() for name in pool.backends}


@attrs.define(eq=False)
class Reloader:
    """Takes wishes to reload, by a signal or an operator, and sees to them one after the other.

    `read` gives the configuration anew, in a thread of its own; raises `ConfigError`.
    """

    read: Callable[[], Config]
    manager: Manager = attrs.field(factory=Manager)
    _one_at_a_time: trio.Lock = attrs.field(factory=trio.Lock)
    _wishes: trio.MemorySendChannel[None] = attrs.field(init=False)
    _wished: trio.MemoryReceiveChannel[None] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._wishes, self._wished = trio.open_memory_channel(1)

    def wish(self) -> None:
        """Reload soon; one that is still to come is enough for several."""
        with contextlib.suppress(trio.WouldBlock):
            self._wishes.send_nowait(None)

    async def run(
        self, proxy: Proxy, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See to wishes until cancelled (a companion of the proxy)."""
        task_status.started()
        async for _ in self._wished:
            with contextlib.suppress(CannotReloadError):  # the log has it
                await self.reload(proxy)

    async def reload(self, proxy: Proxy) -> Changes:
        """Read and apply, once the names of new hosts were looked up. Raises `CannotReloadError`: nothing is changed then.

        Either way the log has what came of it.
        """
        async with self._one_at_a_time:
            self.manager.reloading()
            result = "reloaded"
            try:
                changes = await self._replace(proxy)
            except CannotReloadError as error:
                result = f"reload refused: {error.faults[0]}"
                for fault in error.faults:
                    proxy.journal.note("reload-refused", level="error", fault=fault)
                raise
            finally:
                self.manager.reloaded(result)
        proxy.journal.note("reloaded", **attrs.asdict(changes))
        return changes

    async def _replace(self, proxy: Proxy) -> Changes:
        try:
            config = await trio.to_thread.run_sync(self.read)
        except ConfigError as error:
            raise CannotReloadError([str(fault) for fault in error.faults]) from None
        await proxy.names.meet(backend_hosts(config))
        changes = apply(proxy, config)
        proxy.names.attend(backend_hosts(config))
        return changes
