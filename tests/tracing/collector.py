"""A collector that takes spans by OTLP over HTTP, as OpenTelemetry's own would, and keeps them."""

import contextlib
import gzip
import http.server
import threading
from collections.abc import Iterator, Mapping

import attrs
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

PATIENCE = 20.0


@attrs.frozen
class Taken:
    """One span as it came."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    begun: int  # nanoseconds
    ended: int
    attributes: Mapping[str, object]
    error: str  # "" when there is none
    service: Mapping[str, object]


class Collector:
    """Where the spans are."""

    def __init__(self, port: int, silent: threading.Event) -> None:
        self.endpoint = f"http://127.0.0.1:{port}/v1/traces"
        self.spans: list[Taken] = []
        self.asked = threading.Event()
        self._more = threading.Condition()
        self.speak = silent  # while it isn't set no request is answered

    async def count(self, number: int) -> list[Taken]:
        """Wait for so many spans."""
        await trio.to_thread.run_sync(self._wait, number)
        return self.spans

    def take(self, spans: Iterator[Taken]) -> None:
        """Keep spans."""
        with self._more:
            self.spans += spans
            self._more.notify_all()

    def _wait(self, number: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.spans) >= number, PATIENCE), self.spans


@contextlib.contextmanager
def collecting(*, status: int = 200, silent: bool = False) -> Iterator[Collector]:
    speak = threading.Event()
    if not silent:
        speak.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.asked.set()
            speak.wait(PATIENCE)
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            if status == 200:
                plain = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
                collector.take(spans(ExportTraceServiceRequest.FromString(plain)))
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port, speak)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            speak.set()
            server.shutdown()
            thread.join()


def spans(request: ExportTraceServiceRequest) -> Iterator[Taken]:
    for resource in request.resource_spans:
        service = {one.key: value(one.value) for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Taken(
                    name=span.name,
                    kind=span.kind,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    begun=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    attributes={one.key: value(one.value) for one in span.attributes},
                    error=span.status.message if span.status.code == 2 else "",
                    service=service,
                )


def value(given: AnyValue) -> object:
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in given.array_value.values]
    return getattr(given, kind or "string_value")
