"""The running process, and the only room that touches sockets for traffic."""

from .inherited import Inherited
from .predecessor import NoPredecessorError, Predecessor
from .process import serve, stop_on_signals
from .proxy import Proxy
from .reload import CannotReloadError, Changes, NotNowError, Reloader
from .sockets import CannotListenError
from .switchboard_host import run
from .systemd import Manager

__all__ = [
    "CannotListenError",
    "CannotReloadError",
    "Changes",
    "Inherited",
    "Manager",
    "NoPredecessorError",
    "NotNowError",
    "Predecessor",
    "Proxy",
    "Reloader",
    "run",
    "serve",
    "stop_on_signals",
]
