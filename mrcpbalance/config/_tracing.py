"""Where traces of sessions go, if anywhere."""

import importlib.util

import attrs

from ._kinds import SHARE, SWITCH, URL, duration, whole
from ._sections import setting


@attrs.frozen(kw_only=True)
class TracingConfig:
    """Spans of sessions and requests for OpenTelemetry; without this table there are none."""

    endpoint: str = attrs.field(
        default="http://127.0.0.1:4318/v1/traces",
        metadata=setting(URL, "The collector that takes them, by OTLP over HTTP (protobuf)."),
    )
    sample: float = attrs.field(
        default=1.0,
        metadata=setting(
            SHARE,
            "Which part of the sessions is traced, drawn when one begins, for all of it; with 0 it is as if there were no table.",
        ),
    )
    requests: bool = attrs.field(
        default=True,
        metadata=setting(SWITCH, "Whether each MRCP request of such a session has a span of its own."),
    )
    queue: int = attrs.field(
        default=4096,
        metadata=setting(
            whole(1, 1_000_000),
            "Spans that may wait for the collector; more are dropped, which the log tells.",
        ),
    )
    timeout: float = attrs.field(
        default=5.0, metadata=setting(duration(), "How long the collector may take for one delivery.")
    )


def can_trace() -> bool:
    """Tell whether OpenTelemetry is installed: it is an optional extra."""
    try:
        found = [
            importlib.util.find_spec(name)
            for name in ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
        ]
    except ModuleNotFoundError:  # not even what they are in
        return False
    return None not in found
