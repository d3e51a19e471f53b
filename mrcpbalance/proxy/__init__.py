"""The running process, and the only room that touches sockets for traffic."""

from .process import serve, stop_on_signals
from .sockets import CannotListenError

__all__ = ["CannotListenError", "serve", "stop_on_signals"]
