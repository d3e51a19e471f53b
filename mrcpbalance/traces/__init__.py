"""Captures: read, put together into messages and sessions, shown."""

from ._endpoint import Endpoint
from ._findings import Finding
from ._limits import Limits
from ._show import show, span
from ._trace import Trace, keep_all, keep_none, read
from .capture import Connection, Ending, NotACapture
from .drawing import (
    ASCII,
    UNICODE,
    Arrow,
    Column,
    Ladder,
    Pause,
    Remark,
    Strokes,
    figure,
    heading,
    label,
    ladder,
    note,
    page,
    svg,
    text,
)
from .sessions import Cause, End, Kind, Message, Mrcp, Outcome, Protocol, Session

__all__ = [
    "ASCII",
    "UNICODE",
    "Arrow",
    "Cause",
    "Column",
    "Connection",
    "End",
    "Ending",
    "Endpoint",
    "Finding",
    "Kind",
    "Ladder",
    "Limits",
    "Message",
    "Mrcp",
    "NotACapture",
    "Outcome",
    "Pause",
    "Protocol",
    "Remark",
    "Session",
    "Strokes",
    "Trace",
    "figure",
    "heading",
    "keep_all",
    "keep_none",
    "label",
    "ladder",
    "note",
    "page",
    "read",
    "show",
    "span",
    "svg",
    "text",
]
