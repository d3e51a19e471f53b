"""The running process, and the only room that touches sockets for traffic."""

from .process import serve, stop_on_signals
from .proxy import Proxy
from .sockets import CannotListenError
from .switchboard_host import run

__all__ = ["CannotListenError", "Proxy", "run", "serve", "stop_on_signals"]
