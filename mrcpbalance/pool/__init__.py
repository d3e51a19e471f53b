"""Backends, their capacity, and which one a new session gets."""

from ._backend import Backend, OnChange
from ._capacity import Capacity, Peak
from ._histogram import Histogram
from ._pool import Pool, link
from ._queue import Waiter
from ._retry_after import retry_after
from ._seat import Seat
from ._want import Obstacle, Protocol, State, Verdict, Want

__all__ = [
    "Backend",
    "Capacity",
    "Histogram",
    "Obstacle",
    "OnChange",
    "Peak",
    "Pool",
    "Protocol",
    "Seat",
    "State",
    "Verdict",
    "Waiter",
    "Want",
    "link",
    "retry_after",
]
