"""The metrics of pools and backends: health, set-ups that failed, peaks, queues. Every series is there from the start."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from mrcpbalance.pool import State
from mrcpbalance.sessions import PROTOCOLS

from .console import Console

_LABELS: Final = ("pool", "backend", "protocol")


def collect(console: Console) -> Iterator[Metric]:
    """Give these metrics as they stand."""
    yield from _health(console)
    yield from _failures(console)
    yield from _peaks(console)
    yield from _queues(console)


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
                if backend.has_address_for(spoken):
                    labels = (pool.name, backend.name, label)
                    up.add_metric(labels, backend.state(now, spoken) is State.UP)
                    failures.add_metric(labels, backend.failures_in(spoken))
    yield up
    yield failures


def _peaks(console: Console) -> Iterator[Metric]:
    labels = ("pool", "backend", "resource")
    most = GaugeMetricFamily(
        "mrcpbalance_sessions_peak",
        'The most sessions at a time since the start; backend "" is the whole pool, resource "" all of them.',
        labels=labels,
    )
    when = GaugeMetricFamily(
        "mrcpbalance_sessions_peak_timestamp_seconds",
        "When there were so many for the first time.",
        labels=labels,
    )
    shift = console.wall() - console.now()
    for pool in console.pools.values():
        counted = {"": pool.capacity} | {one.name: one.capacity for one in pool.backends.values()}
        for name, capacity in counted.items():
            for resource, peak in ({"": capacity.peak} | capacity.peaks).items():
                most.add_metric((pool.name, name, resource), peak.count)
                if peak.count:
                    when.add_metric((pool.name, name, resource), peak.at + shift)
    yield most
    yield when


def _failures(console: Console) -> Iterator[Metric]:
    retries = CounterMetricFamily(
        "mrcpbalance_setup_retries",
        "Tries of a set-up that failed on this backend; another was asked then, or the caller told.",
        labels=("pool", "backend"),
    )
    refused = CounterMetricFamily(
        "mrcpbalance_sessions_refused", "Sessions for which no backend was eligible.", labels=("pool",)
    )
    for pool in console.pools.values():
        refused.add_metric((pool.name,), console.tally.refused[pool.name])
        for name in pool.backends:
            retries.add_metric((pool.name, name), console.tally.retried[pool.name, name])
    yield retries
    yield refused


def _queues(console: Console) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "mrcpbalance_queue_sessions", "Sessions that wait for a backend.", labels=("pool",)
    )
    size = GaugeMetricFamily("mrcpbalance_queue_size", "Sessions that may wait.", labels=("pool",))
    total = CounterMetricFamily(
        "mrcpbalance_queue", "Sessions that no longer wait, by how that ended.", labels=("pool", "outcome")
    )
    seconds = HistogramMetricFamily(
        "mrcpbalance_queue_seconds",
        "How long sessions waited that were placed or timed out.",
        labels=("pool",),
    )
    for pool in console.pools.values():
        queue, waits = pool.queue, pool.queue.waits
        waiting.add_metric((pool.name,), queue.waiting)
        size.add_metric((pool.name,), queue.size)
        outcomes = {
            "placed": waits.placed,
            "timed-out": waits.timed_out,
            "left": waits.left,
            "full": waits.full,
        }
        for outcome, count in outcomes.items():
            total.add_metric((pool.name, outcome), count)
        seconds.add_metric((pool.name,), waits.seconds.buckets(), waits.seconds.sum)
    yield waiting
    yield size
    yield total
    yield seconds
