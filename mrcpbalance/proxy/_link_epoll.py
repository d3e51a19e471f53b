"""The epoll, on systems that have one."""

import select
from typing import TYPE_CHECKING

# Names of their own, and numbers on systems without epoll too, so that everything can be imported there.
IN = 0x001
OUT = 0x004
ERR = 0x008
HUP = 0x010

if TYPE_CHECKING:
    Epoll = select.epoll


def open_epoll() -> "Epoll":
    """Open an epoll, or say why there can't be one."""
    if not hasattr(select, "epoll"):
        raise OSError("the switchboard needs epoll: mrcpbalance moves traffic on Linux only")
    return select.epoll()
