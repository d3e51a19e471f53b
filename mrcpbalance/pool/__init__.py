"""Backends, their capacity, and which one a new session gets."""

from ._backend import Admin, Backend, Seat
from ._health import Condition
from ._pool import Pool
from ._want import Obstacle, Protocol, State, Verdict, Want

__all__ = [
    "Admin",
    "Backend",
    "Condition",
    "Obstacle",
    "Pool",
    "Protocol",
    "Seat",
    "State",
    "Verdict",
    "Want",
]
