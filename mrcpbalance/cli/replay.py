"""`mrcpbalance replay TRACE`: the callers of a capture once more, or its server, and what comes otherwise than it did."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Final

import attrs
import click
import trio

from mrcpbalance.config import Address
from mrcpbalance.replay import Call, Result, Terms, call, serve
from mrcpbalance.traces import Protocol, Session
from mrcpbalance.traces.replay import Script, asides, script

from ._capture import echo, fail, read_capture
from ._duration import TIME
from ._errors import reason
from ._inspect_choice import Choice, choosing
from ._replay_places import places
from ._replay_report import Tally, as_json, report

_NONE: Final = "give --to HOST:PORT to play its callers, or --as server --listen HOST:PORT to play its server"


def _pace(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """Read how fast to play: seconds for each captured second."""
    if value in ("captured", "fast"):
        return 1.0 if value == "captured" else 0.0
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0.001 <= factor <= 1000:  # noqa: PLR2004 - beyond that nobody means it
        raise click.BadParameter(
            f"{value!r}, expected captured, fast, or how many times as fast, such as 2 or 0.5"
        )
    return 1 / factor


@attrs.frozen(kw_only=True)
class Order:
    """What was asked for."""

    role: str
    to: tuple[str, ...]
    listen: tuple[str, ...]
    terms: Terms
    how: Call
    as_json: bool  # nothing else may stand on stdout

    def say(self, line: str) -> None:
        """Tell something along the way."""
        click.echo(line, err=self.as_json)

    def ready(self, protocol: Protocol, address: Address) -> None:
        """Tell where the server takes calls."""
        self.say(f"{protocol.value} on {address}")


@click.command()
@click.argument("trace", type=click.Path())
@click.option(
    "--to", multiple=True, metavar="HOST:PORT", help="Play the callers against this RTSP or SIP address."
)
@click.option(
    "--as", "role", type=click.Choice(["callers", "server"]), default="callers", help="Which side to play."
)
@click.option("--listen", multiple=True, metavar="HOST:PORT", help="Where to take calls, with --as server.")
@click.option(
    "--pace",
    default="captured",
    callback=_pace,
    metavar="PACE",
    help="captured, fast, or how many times as fast.",
)
@click.option("--times", type=click.IntRange(1, 1_000_000), default=1, help="Play everything so often.")
@click.option("--at-once", type=click.IntRange(1, 10_000), default=1, help="So many of these times at once.")
@click.option(
    "--most",
    type=click.IntRange(1, 100_000),
    default=500,
    help="At most so many sessions at a time, more or less.",
)
@click.option(
    "--timeout",
    default="10s",
    type=TIME,
    metavar="TIME",
    help="How much later than captured a message may come.",
)
@click.option(
    "--transport", type=click.Choice(["udp", "tcp"]), help="Carry SIP by this; as captured otherwise."
)
@click.option(
    "--only", "names", multiple=True, metavar="ID", help="Only this session: its number, or an id of it."
)
@choosing
@click.option("--json", "json_wanted", is_flag=True, help="Print the result as JSON.")
def command(
    trace: str,
    to: tuple[str, ...],
    role: str,
    listen: tuple[str, ...],
    pace: float,
    times: int,
    at_once: int,
    most: int,
    timeout: float,
    transport: str | None,
    names: tuple[str, ...],
    method: str | None,
    cause: str | None,
    longer_than: int,
    server: str | None,
    failed: bool,  # noqa: FBT001
    json_wanted: bool,  # noqa: FBT001
) -> None:
    """Play the sessions in TRACE, a pcap or pcapng file, and compare what comes with what was captured.

    Compared are, for each session, which answers and events come in which order, their status, request-state and
    completion cause. Exit 0 when all is equal, 1 when something differs or nothing could be played.
    """
    if (role == "server") is not bool(listen) or (role == "callers") is not bool(to):
        raise click.UsageError(_NONE)
    choice = Choice(
        names=names, method=method, cause=cause, longer_than=longer_than, failed=failed, server=server
    )
    order = Order(
        role=role,
        to=to,
        listen=listen,
        terms=Terms(pace=pace, timeout=timeout),
        how=Call(times=times, at_once=at_once, groups=most, transport=transport),
        as_json=json_wanted,
    )
    played = _script(trace, choice, order)
    tally = Tally(json_wanted)
    with ExitStack() as stack:
        _play(played, order, tally, _progress(stack, (len(played.sessions) + len(played.asides)) * times))
    if json_wanted:
        echo(as_json(tally, played.left_out))
    else:
        for line in report(tally, played.left_out, times=times):
            echo(line)
    if tally.differs or tally.interrupted:
        sys.exit(1)


def _script(trace: str, choice: Choice, order: Order) -> Script:
    name = click.format_filename(trace)
    found = read_capture(trace, choice.keep, asides=choice.is_all)
    sessions: list[Session] = choice.of(found.sessions)
    played = script(
        sessions, (one for one in asides(found.asides, found.sessions) if choice.is_server(one.server))
    )
    if not played.groups:
        among = f"{len(found.sessions)} sessions in it" if found.sessions else "it holds no session"
        reasons = {why for _, why in played.left_out}
        fail(f"{name}: nothing to play, {'; '.join(sorted(reasons)) or among}")
    count = f"{len(played.sessions)} sessions"  # of one, too, as `inspect` has it
    whole = len(played.sessions) == len(found.sessions)
    order.say(count if whole else f"{count} (of {len(found.sessions)})")
    if played.asides:
        order.say(f"{len(played.asides)} requests outside sessions")
    return played


def _play(played: Script, order: Order, tally: Tally, tell: Callable[[], None]) -> None:
    def done(result: Result) -> None:
        tally.add(result)
        tell()

    used = sorted({group.protocol for group in played.groups}, key=lambda protocol: protocol.value)
    if order.role == "server":
        where = places("--listen", order.listen, used, bound=True)
        task = partial(serve, played, where, order.terms, order.how.times, done, order.ready)
    else:
        where = places("--to", order.to, used, bound=False)
        task = partial(call, played, where, order.terms, order.how, done)
    trouble = ""
    try:
        trio.run(task)
    except* OSError as group:
        trouble = reason(group)
    except* KeyboardInterrupt:
        click.echo("interrupted; this is how far it came", err=True)
        tally.interrupted = True
    if trouble:  # not within `except*`, from where Python 3.11.2 raises groups only
        fail(f"can't play: {trouble}")


def _progress(stack: ExitStack, count: int) -> Callable[[], None]:
    """Show how far it has come, where somebody looks on."""
    if not sys.stderr.isatty():
        return lambda: None
    bar = stack.enter_context(click.progressbar(length=count, label="playing", file=sys.stderr))
    return lambda: bar.update(1)
