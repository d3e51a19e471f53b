"""What ties the admin interface to the proxy that runs in this process."""

import os
import socket
import time
from collections.abc import Mapping
from importlib.metadata import version

import attrs
import trio

from mrcpbalance.config import AdminConfig, RecordConfig
from mrcpbalance.observe import AdminError, Console, ReloadError, Statistics, session_end
from mrcpbalance.observe.server import serve_admin
from mrcpbalance.pool import Backend, Protocol, State
from mrcpbalance.proxy import CannotReloadError, NotNowError, Proxy, Reloader
from mrcpbalance.proxy.inherited import Passed
from mrcpbalance.proxy.sharing import Sharing, stand_aside
from mrcpbalance.proxy.sockets import listening_socket
from mrcpbalance.sessions import PROTOCOLS, Session

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

    proxy.register.on_answer = statistics.answered
    statistics.on_answer = history.answered
    proxy.changed = changed
    statistics.on_end = ended


@attrs.define(eq=False)
class _Door:
    """The admin interface's socket, where that is shared with another process."""

    sharing: Sharing
    sock: socket.socket | None  # None: a path, which the other process has put its own socket at
    left: trio.Event = attrs.field(factory=trio.Event)

    def stand_aside(self) -> None:
        """Leave newcomers to the other process."""
        if self.sharing is Sharing.SOCKET:
            self.left.set()
        elif self.sock is not None:
            stand_aside(self.sock)

    def finish(self) -> None:
        """Let nobody new in."""
        self.left.set()


async def run_admin(
    config: AdminConfig,
    record: RecordConfig,
    statistics: Statistics,
    reloader: Reloader,
    inherited: Passed | None,
    proxy: Proxy,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the admin interface of a proxy until cancelled."""
    door = _door(config, inherited, reuse_port=proxy.config.process.reuse_port)
    if door.sharing is not Sharing.NOBODY:
        proxy.fronts.append(door)
    await serve_admin(
        config,
        console(proxy, statistics, reloader, config, Recordings(record, proxy)),
        given=None if door.sock is None else trio.socket.from_stdlib_socket(door.sock),
        takes_over=door.sharing is Sharing.PORT,
        leave=door.left,
        task_status=task_status,
    )


def _door(config: AdminConfig, inherited: Passed | None, *, reuse_port: bool) -> _Door:
    if inherited is not None:
        return _Door(Sharing.SOCKET, inherited.sock)
    if not reuse_port:
        return _Door(Sharing.NOBODY, None)
    if isinstance(config.bind, str):
        return _Door(Sharing.PORT, None)
    try:
        return _Door(Sharing.PORT, listening_socket(config.bind, shared=True))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise AdminError(f"admin.bind: can't listen on {config.bind}: {reason}") from None
