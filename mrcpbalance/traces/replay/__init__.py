"""Playing what was captured once more: who says what in which order, written anew for other peers, and what differs."""

from ._asides import asides, asks_aside
from ._compare import Difference, compare
from ._facts import Fact, Key, closing, fact
from ._rewrite import (
    Control,
    Hosts,
    asks_for,
    channels,
    control_of,
    rtsp_event,
    rtsp_request,
    rtsp_response,
    session_description,
)
from ._script import Close, Group, Open, Role, Script, Step, is_cut, script

__all__ = [
    "Close",
    "Control",
    "Difference",
    "Fact",
    "Group",
    "Hosts",
    "Key",
    "Open",
    "Role",
    "Script",
    "Step",
    "asides",
    "asks_aside",
    "asks_for",
    "channels",
    "closing",
    "compare",
    "control_of",
    "fact",
    "is_cut",
    "rtsp_event",
    "rtsp_request",
    "rtsp_response",
    "script",
    "session_description",
]
