"""What ties the admin interface to the proxy that runs in this process."""

import time
from collections.abc import Awaitable, Mapping
from importlib.metadata import version

import trio

from mrcpbalance.config import AdminConfig
from mrcpbalance.observe import Console, Statistics
from mrcpbalance.observe.server import serve_admin
from mrcpbalance.pool import Backend
from mrcpbalance.proxy import Proxy


def console(proxy: Proxy, statistics: Statistics) -> Console:
    """Let an operator see and change a proxy."""

    def end_sessions(backend: Backend) -> None:
        proxy.leave(backend)

    def connections() -> Mapping[str, int]:
        return proxy.callers.protocols()

    return Console(
        pools=proxy.pools,
        register=proxy.register,
        tables=proxy.tables,
        tally=proxy.tally,
        statistics=statistics,
        journal=proxy.journal,
        meters=proxy.meters,
        connections=connections,
        connections_refused=lambda: proxy.callers.refused,
        draining=lambda: proxy.draining,
        end_sessions=end_sessions,
        now=proxy.switchboard.fresh,
        wall=time.time,
        version=version("mrcpbalance"),
    )


def run_admin(
    config: AdminConfig,
    statistics: Statistics,
    proxy: Proxy,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> Awaitable[None]:
    """Serve the admin interface of a proxy until cancelled."""
    return serve_admin(config, console(proxy, statistics), task_status=task_status)
