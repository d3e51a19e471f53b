"""Another configuration for a running proxy: sessions are not touched, and a faulty one changes nothing.

What a listener is bound to stays as it is under its name; a listener that should change there needs another name, or a
restart. The log and the admin interface stay as they began.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import Final

import attrs
import trio

from mrcpbalance.config import Config, ConfigError, ListenerConfig, PoolConfig
from mrcpbalance.pool import Pool, link
from mrcpbalance.sessions import StickTable

from .guests import Guests
from .names import backend_hosts
from .proxy import Proxy
from .sockets import Bound, CannotListenError, open_some

_BOUND: Final = ("protocol", "bind", "transports", "control", "control_bind", "advertise")
_AT_START: Final = ("log", "admin")


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
    listeners_removed: tuple[str, ...]
    backends_added: tuple[str, ...]  # POOL/BACKEND
    backends_removed: tuple[str, ...]
    needs_restart: tuple[str, ...]  # tables that changed, but are only read at the start


def apply(proxy: Proxy, config: Config) -> Changes:
    """Have a proxy go by another configuration. Raises `CannotReloadError`; nothing has changed then."""
    opened = _open(proxy, config)
    before, proxy.config = proxy.config, config
    old, new = _backends(before), _backends(config)
    removed = [name for name in proxy.doors if name not in config.listeners]
    _bounds(proxy, config)
    _pools(proxy, config)
    for name in removed:
        _close(proxy, name)
    for name in proxy.doors:
        _reopen(proxy, name, config.listeners[name])
    by_listener: dict[str, list[Bound]] = {}
    for bound in opened:
        by_listener.setdefault(bound.listener.name, []).append(bound)
    for sockets in by_listener.values():
        proxy.listen(sockets)
    proxy.probes.attend(list(proxy.pools.values()))
    return Changes(
        listeners_added=tuple(by_listener),
        listeners_removed=tuple(removed),
        backends_added=tuple(sorted(new - old)),
        backends_removed=tuple(sorted(old - new)),
        needs_restart=tuple(key for key in _AT_START if getattr(before, key) != getattr(config, key)),
    )


def _open(proxy: Proxy, config: Config) -> list[Bound]:
    """Open what is new; find what can't change."""
    if proxy.starting:
        raise NotNowError(["the proxy is still starting: ask again in a moment"])
    if proxy.draining:
        raise NotNowError(["the proxy is about to end: it takes no other configuration"])
    faults = [
        f"listeners.{name}.{key}: can't change while it runs (give the listener another name and address, or restart)"
        for name, listener in config.listeners.items()
        if name in proxy.doors
        for key in _BOUND
        if getattr(listener, key) != getattr(proxy.config.listeners[name], key)
    ]
    if faults:
        raise CannotReloadError(faults)
    try:
        return open_some(config, [its for name, its in config.listeners.items() if name not in proxy.doors])
    except CannotListenError as error:
        raise CannotReloadError([str(error)]) from None


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


def _revived(proxy: Proxy, config: PoolConfig) -> Pool | None:
    """Give a pool that was taken out and still has sessions, to go on with."""
    proxy.leaving()
    pool = proxy.former_pools.pop(config.name, None)
    if pool is not None:
        pool.become(config)
    return pool


def _reopen(proxy: Proxy, name: str, listener: ListenerConfig) -> None:
    """Let the connections of a listener, live ones too, go by what stands there now."""
    door, config = proxy.doors[name], proxy.config
    context = door.gate.context
    context.listener, context.pool = listener, proxy.pools[listener.pool]
    context.timeouts, context.limits = config.timeouts, config.limits
    door.gate.table = None if listener.stick_table is None else proxy.tables[listener.stick_table]
    door.guests = Guests(listener.allow)
    if door.gate.telephone is not None:
        door.gate.telephone.guests = door.guests


def _close(proxy: Proxy, name: str) -> None:
    """Take no more callers; whoever is there stays, without new sessions."""
    door = proxy.doors.pop(name)
    door.gate.context.draining = _always
    for listening in door.listening:
        listening.close()
        proxy.listening.remove(listening)


def _always() -> bool:
    return True


def _backends(config: Config) -> set[str]:
    return {f"{pool.name}/{name}" for pool in config.pools.values() for name in pool.backends}


@attrs.define(eq=False)
class Reloader:
    """Takes wishes to reload, by a signal or an operator, and sees to them one after the other.

    `read` gives the configuration anew, in a thread of its own; raises `ConfigError`.
    """

    read: Callable[[], Config]
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
            try:
                changes = await self._replace(proxy)
            except CannotReloadError as error:
                for fault in error.faults:
                    proxy.journal.note("reload-refused", level="error", fault=fault)
                raise
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
