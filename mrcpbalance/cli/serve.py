"""`mrcpbalance serve`: run the proxy, by a file or by flags alone."""

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import attrs
import click
import trio

from mrcpbalance.config import Address, Config, ConfigError, from_flags, load
from mrcpbalance.observe import AdminError, Log, Statistics, session_end
from mrcpbalance.proxy import (
    CannotListenError,
    Inherited,
    Manager,
    NoPredecessorError,
    Predecessor,
    Reloader,
    run,
    serve,
    stop_on_signals,
)
from mrcpbalance.sessions import Session

from ._errors import single

# Full collections look at every live session: with 10,000 held calls each stopped traffic for half a second. What a session
# leaves behind has few cycles, and those are young, so the first two generations find them.
COLLECT: Final = (10_000, 20, 100_000)


@click.command()
@click.option("--config", "file", type=click.Path(), help="The configuration file (TOML).")
@click.option(
    "--listen", "listens", multiple=True, metavar="PROTOCOL://HOST:PORT", help="Listen here; without a file."
)
@click.option(
    "--backend", "backends", multiple=True, metavar="[NAME=]HOST:PORT", help="A backend; without a file."
)
@click.option(
    "--replace",
    "replaced",
    type=click.IntRange(min=1),
    metavar="PID",
    help="Once ready, have this process drain and end.",
)
def command(
    file: str | None, listens: tuple[str, ...], backends: tuple[str, ...], replaced: int | None
) -> None:
    """Run the proxy: with --config FILE, or with --listen and --backend (both repeatable) and no file.

    One line on stdout for each listener once it accepts; the log goes to stderr. SIGTERM: no new sessions, live ones may
    finish for `timeouts.drain`, the rest end cleanly; a second SIGTERM ends them at once. SIGHUP: the file is read again;
    live sessions are not touched, and a faulty file changes nothing.

    --replace PID: listen beside a process that runs already, as `process.reuse_port` allows both, and once ready have it
    drain and end. Nothing happens to it when this one can't begin.
    """
    if (file is None) == (not listens and not backends):
        raise click.UsageError("give either --config FILE, or --listen and --backend")
    try:
        config = load(file) if file is not None else from_flags(listens, backends)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(2 if file is None else 1)  # faulty flags are wrong usage
    inherited = Inherited.of(os.environ)
    if replaced is not None and not (config.process.reuse_port or inherited.left):
        raise click.UsageError(
            "--replace needs process.reuse_port = true in the configuration of both processes"
        )
    _raise_descriptor_limit()
    refused: list[str] = []
    try:
        start = _Start(config, file, inherited, None if replaced is None else Predecessor.of(replaced))
        with Log.to_stderr(config.log) as log:
            try:
                run(partial(_run, start, log, None if file is None else partial(load, file)))
            finally:
                _deaf()
    except* (CannotListenError, AdminError, NoPredecessorError) as refusals:
        refused += map(str, single(refusals))
    if refused:  # not within `except*`, from where Python 3.11.2 raises groups only
        for refusal in refused:
            click.echo(f"mrcpbalance: {refusal}", err=True)
        sys.exit(1)


def _deaf() -> None:
    """Heed no further signal: everything has ended but for the last lines of the log."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@attrs.frozen
class _Start:
    """What a process begins with."""

    config: Config
    file: str | None
    inherited: Inherited
    predecessor: Predecessor | None


async def _run(start: _Start, log: Log, read: Callable[[], Config] | None) -> None:
    config, manager = start.config, Manager.of(os.environ)
    stop, stop_now, statistics = trio.Event(), trio.Event(), Statistics()
    reloader = None if read is None else Reloader(read, manager)
    more: Callable[[Session], dict[str, object]] = _nothing_more
    companions: list[Callable[..., Awaitable[None]]] = [] if reloader is None else [reloader.run]
    heralds: list[Callable[..., Awaitable[None]]] = []
    if config.log.transcript != "none" or config.record.directory is not None:
        from ._listening_in import listen_in, noted  # noqa: PLC0415 - what it brings costs time and memory

        more = noted
        heralds.append(partial(listen_in, config))
    if config.admin is not None:
        from ._admin import run_admin  # noqa: PLC0415 - its web server costs time and memory

        assert reloader is not None, "flags configure no admin interface"
        passed = start.inherited.take("admin", socket.SOCK_STREAM, config.admin.bind)
        heralds.append(partial(run_admin, config.admin, config.record, statistics, reloader, passed))

    if config.tracing is not None and config.tracing.sample:
        from ._tracing import run_tracing  # noqa: PLC0415 - needs an optional extra

        heralds.append(partial(run_tracing, config.tracing))

    companions.append(partial(manager.attend, stop))  # when everything else is ready

    def ended(session: Session, now: float) -> None:
        statistics.ended(session, now)
        log.note("session-end", **session_end(session, now), **more(session))

    proxy = partial(
        serve,
        config,
        journal=log,
        ended=ended,
        stop=stop,
        stop_now=stop_now,
        heralds=heralds,
        inherited=start.inherited,
        companions=companions,
    )
    async with trio.open_nursery() as signals:
        await signals.start(stop_on_signals, log, stop, stop_now, reloader and reloader.wish)
        async with trio.open_nursery() as nursery:
            addresses: Mapping[str, Sequence[Address]] = await nursery.start(proxy)
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked at again
            gc.set_threshold(*COLLECT)
            ready = list(_readiness(config, addresses))
            about = {"version": version("mrcpbalance"), "pid": os.getpid(), "file": start.file or ""}
            log.note("started", **about, listeners=ready)
            _tell(ready)
            if start.predecessor is not None:
                log.note("replacing", pid=start.predecessor.pid, gone=not start.predecessor.end())
        signals.cancel_scope.cancel()


def _nothing_more(_session: Session) -> dict[str, object]:
    return {}


def _tell(lines: Iterable[str]) -> None:
    """Print the readiness lines; that nobody takes them is no reason not to serve."""
    try:
        for line in lines:
            click.echo(line)
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:  # what is left in the buffer is written at the end
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _readiness(config: Config, addresses: Mapping[str, Sequence[Address]]) -> Iterator[str]:
    """Say of each listener where it accepts."""
    for name, bound in addresses.items():
        listener = config.listeners[name]
        if listener.protocol == "sip":
            first, *others = bound
            told = [f"{name}: sip on {first} ({', '.join(listener.transports)})"]
            control = [] if listener.control == "direct" else [f"control on {others.pop()}"]
            contact = [f"contact on {address}" for address in others]
            yield ", ".join([*told, *contact, *control])
        else:
            yield from (f"{name}: {listener.protocol} on {address}" for address in bound)


def _raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system lets us: every session takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
