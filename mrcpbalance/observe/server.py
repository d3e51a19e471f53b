"""The admin interface as a task: it opens its socket, serves until cancelled, and never keeps the process from ending."""

import os
import stat
from typing import TYPE_CHECKING, Final, cast

import hypercorn.trio
import trio
from hypercorn.config import Config as Settings

from mrcpbalance.config import Address, AdminConfig

from .api import application
from .console import Console
from .guard import Guard, read_token

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

GOODBYE: Final = 0.5  # seconds that open requests have when the process ends
LARGEST_HEAD: Final = 16 * 1024  # octets of a request's head
BACKLOG: Final = 64


class AdminError(Exception):
    """The admin interface can't be had; says why and what to do."""


async def serve_admin(
    config: AdminConfig, console: Console, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled. Raises `AdminError` or `TokenError` when it can't begin."""
    token = None if config.token_file is None else read_token(config.token_file)
    try:
        sock = await _open(config.bind)
    except OSError as error:
        shown = config.bind if isinstance(config.bind, Address) else f"unix:{config.bind}"
        raise AdminError(f"admin.bind: can't listen on {shown}: {os.strerror(error.errno or 0)}") from None
    host = config.bind.host if isinstance(config.bind, Address) else ""
    guard = Guard(token, f"[{host}]" if ":" in host else host)
    task_status.started()
    served = cast(
        "ASGIFramework", application(console, guard)
    )  # starlette and hypercorn word the same types differently
    await hypercorn.trio.serve(served, _settings(sock.detach()), shutdown_trigger=trio.sleep_forever)


async def _open(bind: Address | str) -> trio.socket.SocketType:
    """Listen on an address, or at a path that no other process serves any more."""
    if isinstance(bind, str):
        sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
        await _remove_stale(bind)
        await sock.bind(bind)
    else:
        family = trio.socket.AF_INET6 if ":" in bind.host else trio.socket.AF_INET
        sock = trio.socket.socket(family, trio.socket.SOCK_STREAM)
        sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        await sock.bind((bind.host, bind.port))
    sock.listen(BACKLOG)
    return sock


async def _remove_stale(path: str) -> None:
    """Remove a socket whose process is gone; leave one that answers, and whatever is no socket."""
    file = trio.Path(path)
    if not await file.exists() or not stat.S_ISSOCK((await file.stat()).st_mode):
        return
    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM) as probe:
        try:
            await probe.connect(path)
        except OSError:
            await file.unlink()


def _settings(descriptor: int) -> Settings:
    settings = Settings()
    settings.bind = [f"fd://{descriptor}"]
    settings.accesslog = None
    settings.errorlog = None
    settings.graceful_timeout = GOODBYE
    settings.h11_max_incomplete_size = LARGEST_HEAD
    settings.include_server_header = False
    return settings
