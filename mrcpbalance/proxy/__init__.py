"""The running process, and the only room that touches sockets for traffic."""

from .process import serve, stop_on_signals
from .proxy import Proxy
from .reload import CannotReloadError, Changes, NotNowError, Reloader
from .sockets import CannotListenError
from .switchboard_host import run
from .systemd import tell_systemd

__all__ = [
    "CannotListenError",
    "CannotReloadError",
    "Changes",
    "NotNowError",
    "Proxy",
    "Reloader",
    "run",
    "serve",
    "stop_on_signals",
    "tell_systemd",
]
