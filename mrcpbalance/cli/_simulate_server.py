"""`mrcpbalance simulate server`: speech servers that answer like real ones, and misbehave on request."""

import math
import signal
import sys
from collections.abc import Callable
from typing import Final

import attrs
import click
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    EchoServer,
    Entry,
    Fault,
    FramedServer,
    Pace,
    Server,
    SipServer,
    SpeechServer,
)

from ._duration import TIME
from ._errors import reason
from ._simulate_types import At, Listening, Spot, faults

WHERE: Final = Listening()


class CannotListenError(Exception):
    """An address can't be had; says which flag gave it, and why."""


@attrs.frozen(kw_only=True)
class Wishes:
    """What was asked for on the command line."""

    rtsp: Address | None
    sip: Address | None
    mrcp: Address | None
    tcp: Address | None
    control: int
    name: str
    pace: Pace
    max_sessions: int | None
    offline: bool
    verbose: bool


def _spots(name: str, metavar: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, multiple=True, type=At(), metavar=metavar, help=text)


@click.command()
@click.option("--rtsp", type=WHERE, metavar="HOST:PORT", help="Serve MRCPv1 here.")
@click.option("--sip", type=WHERE, metavar="HOST:PORT", help="Serve MRCPv2 here, by UDP and TCP.")
@click.option("--mrcp", type=WHERE, metavar="HOST:PORT", help="Serve MRCPv2 messages without SIP here.")
@click.option("--tcp", type=WHERE, metavar="HOST:PORT", help="Echo octets here.")
@click.option(
    "--control", type=click.IntRange(0, 65535), default=0, help="Port of MRCPv2 control connections; 0: any."
)
@click.option("--name", default="simulated", show_default=True, help="For people.")
@click.option(
    "--speech", type=TIME, default=0.02, help="From a request that listens to START-OF-INPUT; 20ms."
)
@click.option("--result", type=TIME, default=0.02, help="From there, or from SPEAK, to completion; 20ms.")
@click.option(
    "--silent-callers", is_flag=True, help="Callers never speak: recognitions end with no-input-timeout."
)
@click.option("--max-sessions", type=click.IntRange(0), help="Refuse more at a time (453, 486, 501).")
@click.option("--offline", is_flag=True, help="Refuse set-ups with 503, as UniMRCP does when off-line.")
@_spots("--refuse", "METHOD=STATUS[:SHARE%]", "Answer it with this status.")
@_spots("--delay", "METHOD=TIME[:SHARE%]", "Let time pass before it is answered.")
@_spots("--silence", "METHOD[:SHARE%]", "Never answer it.")
@_spots("--drop", "METHOD[:SHARE%]", "Reset the connection instead of answering it.")
@click.option("--duration", type=TIME, default=math.inf, help="End after this time.")
@click.option("--verbose", is_flag=True, help="Print every message on stderr.")
def server(
    rtsp: Address | None,
    sip: Address | None,
    mrcp: Address | None,
    tcp: Address | None,
    *,
    control: int,
    name: str,
    speech: float,
    result: float,
    silent_callers: bool,
    max_sessions: int | None,
    offline: bool,
    refuse: tuple[Spot, ...],
    delay: tuple[Spot, ...],
    silence: tuple[Spot, ...],
    drop: tuple[Spot, ...],
    duration: float,
    verbose: bool,
) -> None:
    """Run simulated speech servers until a signal, or for --duration.

    METHOD is one of RTSP, SIP or MRCP, or the name of an MRCP event: --refuse SETUP=503:20% refuses every fifth set-up,
    --delay RECOGNITION-COMPLETE=2s makes it slow. One line on stdout for each address once it accepts.
    """
    if (rtsp, sip, mrcp, tcp) == (None, None, None, None):
        raise click.UsageError("give at least one of --rtsp, --sip, --mrcp, --tcp")
    wishes = Wishes(
        rtsp=rtsp,
        sip=sip,
        mrcp=mrcp,
        tcp=tcp,
        control=control,
        name=name,
        pace=Pace(speech=speech, result=result, callers_speak=not silent_callers),
        max_sessions=max_sessions,
        offline=offline,
        verbose=verbose,
    )
    wrong = faults(refuse, delay, silence, drop)
    refused = ""
    try:
        trio.run(_run, wishes, wrong, duration)
    except* CannotListenError as refusals:
        refused = reason(refusals)
    if refused:  # not within `except*`, from where Python 3.11.2 raises groups only
        click.echo(f"mrcpbalance: {refused}", err=True)
        sys.exit(1)


def _servers(wishes: Wishes, wrong: list[Fault]) -> dict[str, Server]:
    made: dict[str, Server] = {}
    name, pace = wishes.name, wishes.pace
    if wishes.rtsp is not None:
        made["rtsp"] = speech = SpeechServer(name, bind=wishes.rtsp, pace=pace, faults=wrong)
        speech.offline = wishes.offline
    if wishes.sip is not None:
        made["sip"] = calls = SipServer(
            name, bind=wishes.sip, pace=pace, faults=wrong, control_at=wishes.control
        )
        calls.offline = wishes.offline
    if wishes.mrcp is not None:
        made["mrcp"] = FramedServer(name, bind=wishes.mrcp, pace=pace, faults=wrong)
    if wishes.tcp is not None:
        made["tcp"] = EchoServer(name, bind=wishes.tcp, faults=wrong)
    for protocol, one in made.items():
        one.max_sessions = wishes.max_sessions
        if wishes.verbose:
            one.transcript.told = _teller(protocol)
    return made


def _teller(protocol: str) -> Callable[[Entry], None]:
    def tell(entry: Entry) -> None:
        arrow = "<-" if entry.sender == "caller" else "->"
        mrcp = f" ({entry.mrcp})" if entry.mrcp else ""
        click.echo(
            f"{protocol} {entry.session or f'connection {entry.connection}'} {arrow} {entry.name}{mrcp}",
            err=True,
        )

    return tell


async def _run(wishes: Wishes, wrong: list[Fault], duration: float) -> None:
    made = _servers(wishes, wrong)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            for protocol, one in made.items():
                await _start(one, protocol, nursery)
            with trio.move_on_after(duration):
                await anext(aiter(signals))
            nursery.cancel_scope.cancel()
    for protocol, one in made.items():
        if isinstance(one, SpeechServer | SipServer | FramedServer):
            click.echo(
                f"{protocol}: {one.sessions_total:,} sessions, {len(one.errors):,} errors of callers",
                err=True,
            )
        else:
            click.echo(f"{protocol}: {one.connections_total:,} connections", err=True)


async def _start(one: Server, protocol: str, nursery: trio.Nursery) -> None:
    try:
        await nursery.start(one.run)
    except* OSError as errors:
        raise CannotListenError(f"--{protocol}: can't listen on {one.bind}: {reason(errors)}") from None
    more = (
        f" (udp, tcp), control on {Address(one.address.host, one.control_port)}"
        if isinstance(one, SipServer)
        else ""
    )
    click.echo(f"{one.name}: {protocol} on {one.address}{more}")
