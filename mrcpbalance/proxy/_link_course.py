"""The addresses that one link tries, one after the other, until a connection stands."""

import socket
from collections.abc import Sequence
from typing import Final

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason

from ._link_dial import Places, connecting_socket, reason, target_of

LEAST: Final = 0.25  # seconds


class Course:
    """What is left to try. The time until `due` is shared by all.

    One that is silent has an equal part of what is left of it, or `LEAST` where that is more; one that refuses takes none.
    """

    __slots__ = ("_due", "_left", "_now", "_places", "why")

    def __init__(self, places: Places, to: Sequence[Address], due: float) -> None:
        self._places: Final = places
        self._left: Final = list(to)
        self._due: Final = due
        self._now: Address | None = None
        self.why = CloseReason.UNREACHABLE  # of the last one

    def next(self, now: float, keepalive: float) -> tuple[socket.socket, str, float] | None:
        """Give a socket that connects to the next one, its host, and until when to wait; None when none is left."""
        several = len(self._left) > 1
        while self._left and now < self._due:
            share = max((self._due - now) / len(self._left), LEAST)
            place = self._left.pop(0)
            try:
                sock = connecting_socket(target_of(place), keepalive)
            except OSError as fault:
                self.why = reason(fault.errno)
                if several:
                    self._places.missed(place, self.why.value)
                continue
            self._now = place if several or self._now is not None else None
            return sock, place.host, min(now + share, self._due)
        return None

    def missed(self, why: CloseReason) -> None:
        """Take note that the one that was tried didn't answer."""
        self.why = why
        if self._now is not None:
            self._places.missed(self._now, why.value)
