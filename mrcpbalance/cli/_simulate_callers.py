"""`mrcpbalance simulate callers`: a load of simulated sessions, and a report of what came of them."""

import json
import math
import signal
import sys
from functools import partial
from typing import Final

import attrs
import click
import trio

from mrcpbalance.config import ConfigError
from mrcpbalance.simulator.load import (
    Campaign,
    Pace,
    Scenario,
    Target,
    find_scenario,
    known_scenarios,
)

from ._duration import TIME
from ._simulate_types import To

OFTEN: Final = 0.5  # seconds between two looks, on a terminal
SELDOM: Final = 5.0  # and elsewhere
SHOWN: Final = 5  # anomalies


@attrs.frozen(kw_only=True)
class Verdict:
    """How the report is given, and what counts as success."""

    as_json: bool
    least: float  # share of sessions that must pass
    quiet: bool


def _list(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's way
    if wanted:
        for name, scenario in known_scenarios().items():
            click.echo(f"{name:<16}{scenario.description}")
        context.exit()


@click.command()
@click.option(
    "--list",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_list,
    help="List the scenarios that come along.",
)
@click.option(
    "--to",
    "target",
    type=To(),
    required=True,
    metavar="URL",
    help="rtsp://HOST:PORT, sip://HOST:PORT[;transport=tcp], mrcp://HOST:PORT.",
)
@click.option(
    "--scenario",
    "name",
    default="recognise",
    show_default=True,
    metavar="NAME|FILE",
    help="What each session does.",
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Sessions begun in a second.")
@click.option(
    "--concurrency", type=click.IntRange(1), help="Sessions live at a time; 1 where there is no --rate."
)
@click.option("--ramp", type=TIME, default=0.0, help="Grow to the full rate or concurrency over this time.")
@click.option("--count", type=click.IntRange(1), help="Sessions in all.")
@click.option(
    "--duration", type=TIME, help="Begin sessions for this long; without it and --count, until a signal."
)
@click.option("--hold", type=TIME, default=0.0, help="Stay between the last step and the end.")
@click.option(
    "--most",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Sessions live at a time, whatever the rate.",
)
@click.option(
    "--per-connection",
    "each",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Sessions that share a connection.",
)
@click.option(
    "--pass-rate",
    type=click.FloatRange(0, 100),
    default=100.0,
    show_default=True,
    help="Percent of sessions that must pass.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def callers(
    target: Target,
    *,
    name: str,
    rate: float | None,
    concurrency: int | None,
    ramp: float,
    count: int | None,
    duration: float | None,
    hold: float,
    most: int,
    each: int,
    pass_rate: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Play a scenario against a server or proxy, many times, and report.

    Exits 0 when enough sessions passed, else 1. A signal stops it: live sessions go on to their end, a second one ends
    them.
    """
    if rate is not None and concurrency is not None:
        raise click.UsageError("give --rate or --concurrency, not both")
    scenario = _scenario(name)
    if scenario.drops and each > 1:
        raise click.UsageError(
            "sessions of a scenario that drops its connections can't share them: leave out --per-connection"
        )
    pace = Pace(
        rate=rate,
        concurrency=concurrency or 1,
        ramp=ramp,
        most=most,
        count=count,
        duration=math.inf if duration is None else duration,
        hold=hold,
        each=each,
    )
    campaign = Campaign(scenario, target, pace)
    verdict = Verdict(as_json=as_json, least=pass_rate / 100, quiet=quiet)
    trio.run(_run, campaign, verdict)
    sys.exit(0 if _report(campaign, verdict) else 1)


def _scenario(name: str) -> Scenario:
    try:
        return find_scenario(name)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(2)


async def _run(campaign: Campaign, verdict: Verdict) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signals, campaign, nursery.cancel_scope)
        if not verdict.quiet:
            nursery.start_soon(_progress, campaign)
        await campaign.run()
        nursery.cancel_scope.cancel()


async def _stop_on_signals(campaign: Campaign, everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await anext(aiter(signals))
        campaign.stop()
        await anext(aiter(signals))
        everything.cancel()


async def _progress(campaign: Campaign) -> None:
    """Tell now and again how it goes: on one line of a terminal, else by a line each time."""
    terminal = sys.stderr.isatty()
    begin, end = ("\r\x1b[2K", "") if terminal else ("", "\n")
    say = partial(click.echo, err=True, nl=False)
    try:
        while True:
            await trio.sleep(OFTEN if terminal else SELDOM)
            book = campaign.book
            say(
                f"{begin}{campaign.seconds:6.0f} s  {book.live:,} live, {book.passed:,} passed, {book.failed:,} failed{end}"
            )
    finally:
        say(begin)


def _report(campaign: Campaign, verdict: Verdict) -> bool:
    book, wrong = campaign.book, campaign.anomalies
    if verdict.as_json:
        scenario = {"scenario": campaign.scenario.name, "to": str(campaign.target)}
        click.echo(
            json.dumps({**scenario, **book.as_json(campaign.seconds), "anomalies": wrong.total}, indent=2)
        )
    else:
        for line in book.lines(campaign.seconds):
            click.echo(line)
        if wrong.total:
            click.echo(f"\nNo caller should see ({wrong.total:,}):")
            for anomaly in wrong[:SHOWN]:
                click.echo(f"  {anomaly}")
    return book.started > 0 and book.pass_rate >= verdict.least and not wrong.total
