"""What can be seen of a running proxy: the log, the session log, metrics, the admin interface and its page.

`mrcpbalance.observe.server` is imported only by a process that has an admin interface: it needs a web server.
"""

from .console import Console
from .errors import AdminError, ReloadError, TokenError
from .log import Log
from .session_log import session_end
from .totals import Statistics
from .transcript import transcript_of, writer

__all__ = [
    "AdminError",
    "Console",
    "Log",
    "ReloadError",
    "Statistics",
    "TokenError",
    "session_end",
    "transcript_of",
    "writer",
]
