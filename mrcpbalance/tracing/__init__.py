"""Spans of sessions and their requests, for OpenTelemetry.

`mrcpbalance.tracing.exporter` is imported only by a process that traces: it needs an optional extra.
"""

from .listener import Tracer
from .spans import Span

__all__ = ["Span", "Tracer"]
