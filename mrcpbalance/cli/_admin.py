"""What ties the admin interface to the proxy that runs in this process."""

import time
from collections.abc import Awaitable, Mapping
from importlib.metadata import version

import attrs
import trio

from mrcpbalance.config import AdminConfig, RecordConfig
from mrcpbalance.observe import Console, ReloadError, Statistics, session_end
from mrcpbalance.observe.console import PROTOCOLS
from mrcpbalance.observe.server import serve_admin
from mrcpbalance.pool import Backend, Protocol, State
from mrcpbalance.proxy import CannotReloadError, NotNowError, Proxy, Reloader
from mrcpbalance.sessions import Session

from ._recordings import Recordings


def console(
    proxy: Proxy, statistics: Statistics, reloader: Reloader, config: AdminConfig, recordings: Recordings
) -> Console:
    """Let an operator see and change a proxy."""

    def end_sessions(backend: Backend) -> None:
        proxy.leave(backend)

    def connections() -> Mapping[str, int]:
        return proxy.callers.protocols()

    async def reload() -> dict[str, object]:
        try:
            return attrs.asdict(await reloader.reload(proxy))
        except CannotReloadError as refusal:
            raise ReloadError(refusal.faults, conflict=isinstance(refusal, NotNowError)) from None

    made = Console(
        pools=proxy.pools,
        leaving=proxy.leaving,
        hosts=proxy.names.hosts_of,
        register=proxy.register,
        tables=proxy.tables,
        routes=lambda: {name: door.gate.context.routes for name, door in proxy.doors.items()},
        tally=proxy.tally,
        statistics=statistics,
        journal=proxy.journal,
        meters=proxy.meters,
        connections=connections,
        connections_refused=lambda: proxy.callers.refused,
        starting=lambda: proxy.starting,
        draining=lambda: proxy.draining,
        end_sessions=end_sessions,
        reload=reload,
        now=proxy.switchboard.fresh,
        wall=time.time,
        version=version("mrcpbalance"),
        admin=config,
        recordings=recordings,
    )
    _listen(made, proxy, statistics)
    return made


def _listen(console: Console, proxy: Proxy, statistics: Statistics) -> None:
    """Let the console hear what happens."""
    history, feed = console.history, console.feed

    def ended(session: Session, now: float) -> None:
        history.ended(session)
        if feed.watchers:
            feed.session_ended(session_end(session, now))

    def changed(backend: Backend, protocol: Protocol, state: State) -> None:
        feed.backend(backend.pool, backend.name, PROTOCOLS[protocol], state.value, backend.reason(protocol))

    proxy.register.on_answer = history.answered
    proxy.changed = changed
    statistics.on_end = ended


def run_admin(
    config: AdminConfig,
    record: RecordConfig,
    statistics: Statistics,
    reloader: Reloader,
    proxy: Proxy,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> Awaitable[None]:
    """Serve the admin interface of a proxy until cancelled."""
    made = console(proxy, statistics, reloader, config, Recordings(record, proxy))
    return serve_admin(config, made, task_status=task_status)
