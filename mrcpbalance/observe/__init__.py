"""What can be seen of a running proxy: the log, the session log, metrics, the admin interface and its page."""

from .console import Console
from .guard import TokenError
from .log import Log
from .server import AdminError, serve_admin
from .session_log import session_end
from .totals import Statistics

__all__ = ["AdminError", "Console", "Log", "Statistics", "TokenError", "serve_admin", "session_end"]
