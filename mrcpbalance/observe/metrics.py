"""The metrics of design.md section 4, as Prometheus text. Labels are bounded: pool, backend, protocol, end cause, rule."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final

import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from mrcpbalance.sessions import PROTOCOLS, Histogram

from . import pool_metrics
from .console import Console
from .totals import Labels

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
WRITE: Final = 200  # samples written before others get a turn
LOOK: Final = 2_000  # sessions looked at before others get a turn
_LABELS: Final = ("pool", "backend", "protocol")


async def render(console: Console) -> AsyncIterator[bytes]:
    """Write all metrics as they stand, a few at a time: however many there are, others get their turn.

    A family may come in several parts, one after the other.
    """
    active = await _count_active(console)
    before = ""
    for metric in _metrics(console, active):
        for part in _parts(metric):
            text = generate_latest(_One(part))
            yield text if part.name != before else text.split(b"\n", 2)[2]  # a family has one head
            before = part.name
            await trio.lowlevel.checkpoint()


def _parts(metric: Metric) -> Iterator[Metric]:
    for start in range(0, max(len(metric.samples), 1), WRITE):
        part = Metric(metric.name, metric.documentation, metric.type)
        part.samples = metric.samples[start : start + WRITE]
        yield part


class _One(CollectorRegistry):
    """A registry of one metric."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(auto_describe=False)
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def _metrics(console: Console, active: Mapping[Labels, int]) -> Iterator[Metric]:
    yield _active(active)
    yield from (part(console) for part in _PARTS)
    yield from pool_metrics.collect(console)
    yield from _tables(console)
    statistics = console.statistics
    yield from _histogram(
        "session_seconds", "Sessions, from their first request to their end.", statistics.lives
    )
    yield from _histogram("setup_seconds", "First request to success, over all attempts.", statistics.setups)
    yield _failovers(console)
    yield from _requests(console)


async def _count_active(console: Console) -> dict[Labels, int]:
    counts: dict[Labels, int] = {
        (pool.name, backend.name, label): 0
        for pool in console.pools.values()
        for backend in pool.backends.values()
        for spoken, label in PROTOCOLS.items()
        if backend.has_address_for(spoken)
    }
    for looked, session in enumerate(console.register, 1):
        labels = (session.pool, session.backend, session.protocol)
        counts[labels] = counts.get(labels, 0) + 1
        if looked % LOOK == 0:
            await trio.lowlevel.checkpoint()
    return counts


def _active(counts: Mapping[Labels, int]) -> Metric:
    metric = GaugeMetricFamily("mrcpbalance_sessions_active", "Live sessions.", labels=_LABELS)
    for labels, count in counts.items():
        metric.add_metric(labels, count)
    return metric


def _total(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_sessions",
        "Ended sessions by who ended them, and in which phase.",
        labels=(*_LABELS, "end"),
    )
    for labels, count in console.statistics.ends.items():
        metric.add_metric(labels, count)
    return metric


def _fallbacks(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_fallbacks",
        "Ended sessions that another pool took than the one they were meant for.",
        labels=("pool", "fallback"),
    )
    for labels, count in console.statistics.fallbacks.items():
        metric.add_metric(labels, count)
    return metric


def _connections(console: Console) -> Metric:
    metric = GaugeMetricFamily(
        "mrcpbalance_connections_active", "Connections of callers.", labels=("protocol",)
    )
    counts = dict.fromkeys(PROTOCOLS.values(), 0) | dict(console.connections())
    for protocol, count in counts.items():
        metric.add_metric((protocol,), count)
    return metric


def _anomalies(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_anomalies", "What peers did against the rules, by code.", labels=("code", "rule")
    )
    for code, count in console.tally.anomalies.items():
        metric.add_metric((code, console.tally.rules.get(code, "")), count)
    return metric


def _refused_connections(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_connections_refused", "Connections of callers turned away by a limit or by `allow`."
    )
    metric.add_metric((), console.connections_refused())
    return metric


def _info(console: Console) -> Metric:
    metric = GaugeMetricFamily("mrcpbalance_info", "1, with the version that runs.", labels=("version",))
    metric.add_metric((console.version,), 1)
    return metric


def _started(console: Console) -> Metric:
    metric = GaugeMetricFamily(
        "mrcpbalance_start_timestamp_seconds", "When this process began: what counters and peaks count from."
    )
    metric.add_metric((), console.started)
    return metric


_PARTS: Final[tuple[Callable[[Console], Metric], ...]] = (
    _total,
    _fallbacks,
    _connections,
    _anomalies,
    _refused_connections,
    _info,
    _started,
)


def _tables(console: Console) -> Iterator[Metric]:
    entries = GaugeMetricFamily(
        "mrcpbalance_stick_table_entries", "Source addresses a stick table remembers.", labels=("table",)
    )
    size = GaugeMetricFamily(
        "mrcpbalance_stick_table_size", "Source addresses a stick table can remember.", labels=("table",)
    )
    evictions = CounterMetricFamily(
        "mrcpbalance_stick_table_evictions",
        "Source addresses that had to make room for others.",
        labels=("table",),
    )
    for name, table in console.tables.items():
        entries.add_metric((name,), table.entries(console.now()))
        size.add_metric((name,), table.size)
        evictions.add_metric((name,), table.evictions)
    yield entries
    yield size
    yield evictions


def _failovers(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_failovers",
        "Sessions that started here after another backend failed them.",
        labels=_LABELS,
    )
    for labels, count in console.statistics.failovers.items():
        metric.add_metric(labels, count)
    return metric


def _histogram(name: str, text: str, histograms: Mapping[Labels, Histogram]) -> Iterator[Metric]:
    yield HistogramMetricFamily(f"mrcpbalance_{name}", text, labels=_LABELS)  # even if there is none
    for labels, histogram in tuple(histograms.items()):
        metric = HistogramMetricFamily(f"mrcpbalance_{name}", text, labels=_LABELS)
        metric.add_metric(labels, histogram.buckets(), histogram.sum)
        yield metric


def _requests(console: Console) -> Iterator[Metric]:
    meters = () if console.meters is None else tuple(console.meters.live.items())
    yield _seconds()
    for labels, meter in meters:
        seconds = _seconds()
        for method, histogram in meter.methods.items():
            seconds.add_metric((*labels, method.decode()), histogram.buckets(), histogram.sum)
        yield seconds
    causes = CounterMetricFamily(
        "mrcpbalance_completion",
        "Events that complete a request, by their cause.",
        labels=(*_LABELS, "cause"),
    )
    for labels, meter in meters:
        for cause, count in meter.causes.items():
            causes.add_metric((*labels, cause.decode()), count)
    yield causes


def _seconds() -> HistogramMetricFamily:
    return HistogramMetricFamily(
        "mrcpbalance_request_seconds",
        "MRCP requests, until the response or event that completes them.",
        labels=(*_LABELS, "method"),
    )
