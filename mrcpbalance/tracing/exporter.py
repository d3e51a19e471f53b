"""The thread that hands spans to OpenTelemetry, and the bounded queue before it: traffic never waits for a collector."""

import logging
import threading
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Final

import attrs
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from mrcpbalance.config import TracingConfig
from mrcpbalance.sessions.ports import Journal

from .spans import Span

GATHER: Final = 500  # milliseconds between deliveries, when few spans come
BATCH: Final = 512  # spans of one delivery
_KINDS: Final[Mapping[str, SpanKind]] = {
    "session": SpanKind.SERVER,
    "set-up": SpanKind.INTERNAL,
    "request": SpanKind.CLIENT,
}


def trace_id(session: str) -> int:
    """Give the trace of a session: our id of it, twice over, so that a log line leads to its trace."""
    return int(session * 2, 16)


@attrs.define(eq=False)
class _Ids(IdGenerator):
    """Ids of the span that is made next: the session's own are known before, as its requests come first."""

    session: str = "1"
    of_session: bool = False
    _random: RandomIdGenerator = attrs.field(factory=RandomIdGenerator)

    def generate_trace_id(self) -> int:
        return trace_id(self.session)

    def generate_span_id(self) -> int:
        return int(self.session, 16) if self.of_session else self._random.generate_span_id()


class Exporter:
    """Takes spans and has them delivered. What the collector does is never felt by who calls `told`."""

    def __init__(self, config: TracingConfig, journal: Journal, version: str) -> None:
        self._journal: Final = journal
        self._limit: Final = config.queue
        self._queue: Final[SimpleQueue[Span | None]] = SimpleQueue()  # None is the end
        self.dropped = 0
        _hear_troubles(journal)
        self._ids: Final = _Ids()
        self._provider: Final = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create({"service.name": "mrcpbalance", "service.version": version}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=config.endpoint, timeout=config.timeout),
                max_queue_size=config.queue,
                schedule_delay_millis=GATHER,
                max_export_batch_size=min(BATCH, config.queue),
            )
        )
        self._tracer: Final = self._provider.get_tracer("mrcpbalance", version)
        self._thread: Final = threading.Thread(target=self._run, name="tracing", daemon=True)
        self._thread.start()

    def told(self, span: Span) -> None:
        """Take a span, or drop it while too many wait; returns at once."""
        if self._queue.qsize() < self._limit:
            self._queue.put(span)
            return
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            self._journal.note("spans-dropped", level="warning", dropped=self.dropped)

    def stop(self, within: float) -> bool:
        """Deliver what waits, for at most `within` seconds; tell whether all of it was handed on."""
        self._queue.put(None)
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (span := self._queue.get()) is not None:
            self._make(span)
        self._provider.shutdown()

    def _make(self, span: Span) -> None:
        """Make one of OpenTelemetry's spans; those of a session stand below its own."""
        ids = self._ids
        ids.session, ids.of_session = span.session, span.kind == "session"
        above = SpanContext(
            trace_id(span.session),
            int(span.session, 16),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        context = None if ids.of_session else trace.set_span_in_context(NonRecordingSpan(above))
        made = self._tracer.start_span(
            span.name,
            context=context,
            kind=_KINDS[span.kind],
            attributes=dict(span.attributes),
            start_time=_nanoseconds(span.begun),
        )
        if span.fault:
            made.set_status(Status(StatusCode.ERROR, span.fault))
        made.end(end_time=_nanoseconds(span.ended))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e6) * 1000  # finer than that the clocks don't agree


def _hear_troubles(journal: Journal) -> None:
    """Have the log tell what OpenTelemetry complains of, in our form."""

    class Troubles(logging.Handler):
        count = 0

        def emit(self, record: logging.LogRecord) -> None:
            self.count += 1
            if self.count & (self.count - 1) == 0:  # a collector that is away must not fill the log
                journal.note("tracing-trouble", level="warning", what=record.getMessage(), times=self.count)

    logger = logging.getLogger("opentelemetry")
    logger.handlers = [Troubles(logging.WARNING)]
    logger.propagate = False
