"""What is measured: each row a kind of load, and the figures drawn from it with what they should reach."""

from collections.abc import Callable, Collection
from typing import Literal

import attrs

from bench.proxies import Front


@attrs.frozen(kw_only=True)
class Sample:
    """What one run of the load found; None: it doesn't apply."""

    rate: float | None = None  # exchanges, sessions or octets a second
    cpu: float | None = None  # seconds of the proxy's CPU for one of them
    p50: float | None = None  # microseconds, request sent to event complete
    p99: float | None = None
    pss: float | None = None  # octets of process memory a session
    uss: float | None = None
    total: float | None = None  # octets of process memory (PSS) with all sessions
    held: int | None = None  # sessions then
    longest: float | None = None  # milliseconds an exchange took on the way there
    repeated: int | None = None  # SIP messages that came to the caller once more
    proxy_busy: float | None = None  # share of its core
    load_busy: float | None = None  # share of their core that generator and backend used


@attrs.frozen(kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    unit: str
    of: Callable[[Sample], float | None]
    good: float | None = None
    goal: float | None = None
    compare: Literal["ratio", "difference"] = "ratio"
    more_is_better: bool = False


@attrs.frozen(kw_only=True)
class Row:
    """One kind of load: which front it goes to, with which options of the generator."""

    name: str
    front: Front
    load: tuple[str, ...]
    figures: tuple[Figure, ...]
    rate: int | None = None
    held: int | None = None  # sessions to weigh instead of exchanges to count
    files: float = 2.0  # connections a proxy has for each of these
    blind: tuple[Front, tuple[str, ...]] | None = None  # what a proxy without that front carries in its place
    needs: tuple[Front, ...] = ()  # further fronts it goes through
    base: str | None = None  # whom to compare with, if not with the base of all rows

    def suits(self, fronts: Collection[Front]) -> bool:
        """Tell whether a proxy with these fronts can carry it."""
        through = {self.front, *self.needs} <= set(fronts)
        return through or (self.blind is not None and self.blind[0] in fronts)


def _cpu(name: str, good: float | None = None, goal: float | None = None) -> Figure:
    return Figure(name=f"CPU, {name}", unit="µs", of=_microseconds, good=good, goal=goal)


def _microseconds(sample: Sample) -> float | None:
    return None if sample.cpu is None else sample.cpu * 1e6


def _gigabytes(sample: Sample) -> float | None:
    return None if not sample.cpu else 1e-9 / sample.cpu


def _per_cpu_second(sample: Sample) -> float | None:
    return None if not sample.cpu else 1 / sample.cpu


def _added(name: str, of: Callable[[Sample], float | None]) -> Figure:
    return Figure(name=f"added set-up time {name}, 50 calls/s", unit="µs", of=of, compare="difference")


def _latency(rate: str) -> tuple[Figure, Figure]:
    return (
        Figure(
            name=f"latency p50, {rate}", unit="µs", of=lambda s: s.p50, good=10, goal=0, compare="difference"
        ),
        Figure(name=f"latency p99, {rate}", unit="µs", of=lambda s: s.p99, compare="difference"),
    )


def _busy(name: str, front: Front, title: str, links: int) -> Row:
    load = ("--links", str(links), *(("--rtsp",) if front == "rtsp" else ()))
    limits = (1.2, 1.0) if front == "tcp" else (1.5, 1.0)
    return Row(name=name, front=front, load=load, figures=(_cpu(f"{title}, {links} busy", *limits),))


HELD = 5_000
HELD_CALLS = 10_000

ROWS = (
    _busy("v1-64", "rtsp", "MRCPv1 exchange", 64),
    _busy("v1-500", "rtsp", "MRCPv1 exchange", 500),
    _busy("mrcp-64", "mrcp", "MRCPv2 exchange", 64),
    _busy("mrcp-500", "mrcp", "MRCPv2 exchange", 500),
    Row(
        name="channels",
        front="mrcp",
        load=("--links", "8", "--depth", "16", "--channels", "64"),
        figures=(_cpu("MRCPv2 exchange, 8 connections with 64 channels, 16 messages a read", 3.0, 1.4),),
    ),
    _busy("passthrough", "tcp", "passthrough exchange", 64),
    Row(
        name="sessions",
        front="rtsp",
        load=("--links", "64", "--rtsp", "--churn"),
        figures=(_cpu("MRCPv1 session set up and torn down", 2.0, 1.2),),
    ),
    Row(
        name="memory",
        front="rtsp",
        load=("--rtsp", "--hold"),
        held=HELD,
        figures=(
            Figure(
                name="memory per held MRCPv1 session (PSS)",
                unit="octets",
                of=lambda s: s.pss,
                good=1.0,
                goal=0.5,
            ),
            Figure(name="the same, USS", unit="octets", of=lambda s: s.uss),
        ),
    ),
    Row(
        name="calls",
        front="sip",
        load=("--links", "32", "--churn"),
        figures=(
            Figure(
                name="MRCPv2 calls: set up, one exchange, ended",
                unit="per CPU s",
                of=_per_cpu_second,
                more_is_better=True,
            ),
        ),
        base="kamailio",
    ),
    Row(
        name="setup",
        front="sip",
        load=("--links", "100", "--churn", "--rate", "50"),
        rate=50,
        figures=(_added("p50", lambda s: s.p50), _added("p99", lambda s: s.p99)),
        base="direct",
    ),
    Row(
        name="control",
        front="sip",
        needs=("mrcp",),
        load=("--links", "64", "--calls", "16", "--depth", "16"),
        figures=(_cpu("MRCPv2 exchange, 4 connections shared by 16 calls each, 16 messages a read"),),
        blind=("mrcp", ("--links", "4", "--channels", "16", "--depth", "16")),
    ),
    Row(
        name="held",
        front="sip",
        needs=("mrcp",),
        load=("--calls", "16", "--hold"),
        held=HELD_CALLS,
        files=1 + 1 / 16,
        figures=(
            Figure(name="memory per held MRCPv2 call (PSS)", unit="octets", of=lambda s: s.pss),
            Figure(name="the same, USS", unit="octets", of=lambda s: s.uss),
            Figure(name="the whole process then (PSS)", unit="octets", of=lambda s: s.total),
            Figure(name="calls held, no SIP message repeated", unit="calls", of=lambda s: s.held),
            Figure(name="longest exchange meanwhile", unit="ms", of=lambda s: s.longest),
        ),
    ),
    Row(
        name="rate-2000",
        front="mrcp",
        load=("--links", "64", "--rate", "2000"),
        rate=2_000,
        figures=(_cpu("MRCPv2 exchange at 2,000/s", 1.5, 1.0), *_latency("2,000/s")),
    ),
    Row(
        name="rate-10000",
        front="mrcp",
        load=("--links", "64", "--rate", "10000"),
        rate=10_000,
        figures=_latency("10,000/s"),
    ),
    Row(
        name="stream",
        front="stream",
        load=("--stream",),
        figures=(
            Figure(
                name="one long stream",
                unit="GB per CPU s",
                of=_gigabytes,
                good=0.8,
                goal=1.0,
                more_is_better=True,
            ),
        ),
    ),
)

NOT_MEASURED = (
    "sessions sharing backend connections (each caller connection has its own)",
    "TLS exchange",
    "sessions held with steady traffic on two cores",
)
