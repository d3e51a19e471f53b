"""The metrics of design.md section 4, as Prometheus text. Labels are bounded: pool, backend, protocol, end cause, rule."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mrcpbalance.pool import State

from .console import PROTOCOLS, Console
from .totals import Histogram, Labels

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LABELS: Final = ("pool", "backend", "protocol")


def render(console: Console) -> bytes:
    """Write all metrics as they stand."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reader(console))
    return generate_latest(registry)


class _Reader(Collector):
    def __init__(self, console: Console) -> None:
        self._console = console

    def collect(self) -> Iterator[Metric]:
        console = self._console
        yield from (part(console) for part in _PARTS)
        yield from _health(console)
        yield from _tables(console)
        yield _histogram(
            "session_seconds", "Sessions, from their first request to their end.", console.statistics.lives
        )
        yield _histogram(
            "setup_seconds", "First request to success, over all attempts.", console.statistics.setups
        )


def _active(console: Console) -> Metric:
    metric = GaugeMetricFamily("mrcpbalance_sessions_active", "Live sessions.", labels=_LABELS)
    counts: dict[Labels, int] = {
        (pool.name, backend.name, label): 0
        for pool in console.pools.values()
        for backend in pool.backends.values()
        for spoken, label in PROTOCOLS.items()
        if backend.address(spoken) is not None
    }
    for session in console.register:
        labels = (session.pool, session.backend, session.protocol)
        counts[labels] = counts.get(labels, 0) + 1
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


def _connections(console: Console) -> Metric:
    metric = GaugeMetricFamily(
        "mrcpbalance_connections_active", "Connections of callers.", labels=("protocol",)
    )
    for protocol, count in console.connections().items():
        metric.add_metric((protocol,), count)
    return metric


def _anomalies(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_anomalies", "What peers did against the rules, by code.", labels=("code",)
    )
    for code, count in console.tally.anomalies.items():
        metric.add_metric((code,), count)
    return metric


def _retries(console: Console) -> Metric:
    metric = CounterMetricFamily("mrcpbalance_setup_retries", "Set-ups that went on to another backend.")
    metric.add_metric((), console.tally.retried)
    return metric


def _refused(console: Console) -> Metric:
    metric = CounterMetricFamily(
        "mrcpbalance_sessions_refused", "Sessions for which no backend was eligible."
    )
    metric.add_metric((), console.tally.refused)
    return metric


_PARTS: Final[tuple[Callable[[Console], Metric], ...]] = (
    _active,
    _total,
    _connections,
    _anomalies,
    _retries,
    _refused,
)


def _health(console: Console) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "mrcpbalance_backend_up", "1 while a backend takes new sessions in a protocol.", labels=_LABELS
    )
    failures = CounterMetricFamily(
        "mrcpbalance_health_failures", "Failures of a backend seen in traffic or by probes.", labels=_LABELS
    )
    now = console.now()
    for pool in console.pools.values():
        for backend in pool.backends.values():
            for spoken, label in PROTOCOLS.items():
                if backend.address(spoken) is not None:
                    labels = (pool.name, backend.name, label)
                    up.add_metric(labels, backend.state(now, spoken) is State.UP)
                    failures.add_metric(labels, backend.failures_in(spoken))
    yield up
    yield failures


def _tables(console: Console) -> Iterator[Metric]:
    entries = GaugeMetricFamily(
        "mrcpbalance_stick_table_entries", "Source addresses a stick table remembers.", labels=("table",)
    )
    size = GaugeMetricFamily(
        "mrcpbalance_stick_table_size", "Source addresses a stick table can remember.", labels=("table",)
    )
    for name, table in console.tables.items():
        entries.add_metric((name,), table.entries)
        size.add_metric((name,), table.size)
    yield entries
    yield size


def _histogram(name: str, text: str, histograms: Mapping[Labels, Histogram]) -> Metric:
    metric = HistogramMetricFamily(f"mrcpbalance_{name}", text, labels=_LABELS)
    for labels, histogram in histograms.items():
        metric.add_metric(labels, histogram.buckets(), histogram.sum)
    return metric
