"""The admin interface as a task: it opens its socket, serves until cancelled, and never keeps the process from ending."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, cast

import attrs
import trio
from hypercorn.config import Config as Settings
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import wrap_app

from mrcpbalance.config import Address, AdminConfig
from mrcpbalance.sessions.ports import Journal

from .api import application
from .console import Console
from .errors import AdminError
from .keeping import keep_feed, keep_history
from .tokens import Tokens

if TYPE_CHECKING:
    from hypercorn.typing import AppWrapper, ASGIFramework

CONNECTIONS: Final = 64  # at once; one more is closed
PIECE: Final = 64 * 1024  # octets sent at once
STALL: Final = 10.0  # seconds in which a client must take each of them
QUIET: Final = 5.0  # seconds that a connection may be open without a request
LARGEST_HEAD: Final = 16 * 1024  # octets of a request's head
BACKLOG: Final = 64
OWNER_ONLY: Final = 0o600  # a unix socket has no token: whoever may open it gives orders


async def serve_admin(
    config: AdminConfig,
    console: Console,
    *,
    given: trio.socket.SocketType | None = None,
    takes_over: bool = False,
    leave: trio.Event | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Raises `AdminError` or `TokenError` when it can't begin.

    Listens on `given`, or else opens a socket; one at a path is put in the place of another process's if it `takes_over`.
    Once `leave` is set, nobody new is let in.
    """
    tokens = Tokens.of(config)
    async with _listening(config.bind, given, takes_over=takes_over) as sock:
        local = sock.getsockname()
        shown = Address(*local[:2]) if isinstance(config.bind, Address) else f"unix:{config.bind}"
        console.journal.note("admin-listening", address=str(shown))
        host = config.bind.host if isinstance(config.bind, Address) else ""
        app = application(console, tokens, f"[{host}]" if ":" in host else host)
        # starlette and hypercorn word the same types differently
        wrapped = wrap_app(cast("ASGIFramework", app), 0, "asgi")
        async with trio.open_nursery() as nursery:
            doors = _Doors(wrapped, console.journal, _settings())
            nursery.start_soon(doors.close_in_the_end)
            nursery.start_soon(keep_history, console)
            nursery.start_soon(keep_feed, console)
            task_status.started()
            letting_in = trio.CancelScope()
            nursery.start_soon(_end_when, trio.Event() if leave is None else leave, letting_in)
            with letting_in:
                await trio.serve_listeners(doors.enter, [trio.SocketListener(sock)], handler_nursery=nursery)
            sock.close()


async def _end_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


@attrs.define(eq=False)
class _Doors:
    """The open connections."""

    app: "AppWrapper"
    journal: Journal
    settings: Settings
    context: WorkerContext = attrs.field(factory=lambda: WorkerContext(None))
    streams: "set[_Stream]" = attrs.field(factory=set)

    async def enter(self, accepted: trio.SocketStream) -> None:
        """Serve one connection, unless there are too many."""
        # hypercorn keeps one whose client has gone for as long as one that may ask again
        open_ones = sum(not stream.ended for stream in self.streams)
        if open_ones >= CONNECTIONS or len(self.streams) >= 10 * CONNECTIONS:
            await accepted.aclose()
            return
        stream = _Stream(accepted)
        self.streams.add(stream)
        try:
            # hypercorn calls a plain stream one without TLS
            await TCPServer(
                self.app, self.settings, self.context, {}, cast("trio.SSLStream[trio.SocketStream]", stream)
            )
        except Exception as fault:  # noqa: BLE001 - whatever it is, traffic goes on
            self.journal.note("fault", level="error", where="admin", exc_info=fault)
        finally:
            self.streams.discard(stream)
            accepted.socket.close()

    async def close_in_the_end(self) -> None:
        """Close what is open once this is cancelled: hypercorn shields what it sends, and a client may not read."""
        try:
            await trio.sleep_forever()
        finally:
            for stream in self.streams:
                stream.socket.close()


class _Stream(trio.abc.HalfCloseableStream):
    """A connection whose client must take what it asked for."""

    def __init__(self, accepted: trio.SocketStream) -> None:
        self._accepted: Final = accepted
        self.ended = False  # the client sends nothing more
        self.socket: Final = accepted.socket  # hypercorn asks it for addresses

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, in pieces that each must be taken in time."""
        left = memoryview(data)
        while left:
            piece, left = left[:PIECE], left[PIECE:]
            with trio.move_on_after(STALL) as patience:
                await self._accepted.send_all(piece)
            if patience.cancelled_caught:
                self.socket.close()
                raise trio.BrokenResourceError("the client reads nothing")

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive as any connection does."""
        try:
            data = await self._accepted.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self.ended = True
            raise
        self.ended = not data
        return data

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as any connection does."""
        await self._accepted.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End our side."""
        await self._accepted.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        await self._accepted.aclose()


@asynccontextmanager
async def _listening(
    bind: Address | str, given: trio.socket.SocketType | None, *, takes_over: bool
) -> AsyncIterator[trio.socket.SocketType]:
    """Listen while in use; a unix socket is removed in the end, unless it was given."""
    if given is not None:
        with given:
            yield given
        return
    shown = bind if isinstance(bind, Address) else f"unix:{bind}"
    try:
        sock = await (_open_path(bind, takes_over=takes_over) if isinstance(bind, str) else _open(bind))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise AdminError(f"admin.bind: can't listen on {shown}: {reason}{_advice(bind)}") from None
    with sock:
        mark = await _mark(bind) if isinstance(bind, str) else None
        try:
            yield sock
        finally:
            if isinstance(bind, str):
                with trio.CancelScope(shield=True):
                    found = await _mark(bind)
                    if found is not None and found == mark:  # another process may have taken the path
                        await trio.Path(bind).unlink()


def _advice(bind: Address | str) -> str:
    if isinstance(bind, Address):
        return f" (is another process there? `ss -lntp sport = :{bind.port}` shows it)"
    return (
        " (its directory must exist and be ours to write; a path in use is not taken from whoever serves it)"
    )


async def _open(bind: Address) -> trio.socket.SocketType:
    """Listen on an address."""
    sock = trio.socket.socket(trio.socket.AF_INET6 if ":" in bind.host else trio.socket.AF_INET)
    try:
        sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        await sock.bind((bind.host, bind.port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


async def _open_path(path: str, *, takes_over: bool) -> trio.socket.SocketType:
    """Listen at a path that no other process serves any more, or does until now."""
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    bound = trio.Path(path).with_name(f".{os.getpid()}") if takes_over else trio.Path(path)
    try:
        await _remove_stale(str(bound))
        await sock.bind(str(bound))
        await bound.chmod(OWNER_ONLY)  # nobody can connect before `listen`
        sock.listen(BACKLOG)
        if takes_over:
            await bound.rename(path)
    except OSError:
        sock.close()
        raise
    return sock


async def _mark(path: str) -> tuple[int, int] | None:
    try:
        status = await trio.Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


async def _remove_stale(path: str) -> None:
    """Remove a socket whose process is gone; leave one that answers, and whatever is no socket."""
    file = trio.Path(path)
    if not await file.exists() or not stat.S_ISSOCK((await file.stat()).st_mode):
        return
    with trio.socket.socket(trio.socket.AF_UNIX) as probe:
        try:
            await probe.connect(path)
        except ConnectionRefusedError:
            await file.unlink()


def _settings() -> Settings:
    settings = Settings()
    settings.accesslog = None
    settings.errorlog = None
    settings.keep_alive_timeout = QUIET
    settings.h11_max_incomplete_size = LARGEST_HEAD
    settings.include_server_header = False
    return settings
