"""The process log and what it says of an ended session."""

from .log import Log
from .session_log import session_end

__all__ = ["Log", "session_end"]
