"""Listening in on one session: every message of it, as each peer sent or got it, told to whoever observes."""

import enum
from collections.abc import Callable
from typing import Protocol

import attrs

from mrcpbalance.config import Address

from ._session import Session
from .ports import Port


class Direction(enum.Enum):
    """Whose message it is: what we received and what we sent may differ, as some are edited, answered or made here."""

    FROM_CLIENT = "from-client"
    TO_BACKEND = "to-backend"
    FROM_BACKEND = "from-backend"
    TO_CLIENT = "to-client"


@attrs.frozen
class Hop:
    """The way of a datagram: our own address, and the peer's."""

    local: Address
    remote: Address


@attrs.frozen
class Overheard:
    """One message of a session; octets as they are, for passthrough those of one read.

    `way` is the connection it came or went by, or a datagram's way; a connection that is still being made knows no
    local address yet. `at` is the cores' clock.
    """

    direction: Direction
    protocol: str  # rtsp, sip, mrcpv2, tcp
    data: bytes
    way: Port | Hop
    at: float


class Observer(Protocol):
    """Who is told of a session. Every call is synchronous and returns soon; who raises is told nothing more."""

    def overheard(self, session: Session, message: Overheard, /) -> None:
        """Take a message; late ones may follow the end."""

    def ended(self, session: Session, now: float, /) -> None:
        """Take it that the session has ended; its `end` tells why."""


@attrs.define(eq=False)
class Tap:
    """The observers of one session; `Register.tap` makes it."""

    session: Session
    observers: tuple[Observer, ...]
    failed: Callable[[Session, Observer, Exception], None]  # told of an observer that raised

    def hear(self, direction: Direction, protocol: str, data: bytes, way: Port | Hop, now: float) -> None:
        """Tell of one message."""
        message = Overheard(direction, protocol, data, way, now)
        for observer in self.observers:
            try:
                observer.overheard(self.session, message)
            except Exception as fault:  # noqa: BLE001 - handed out; what looks on must not harm the session
                self.failed(self.session, observer, fault)

    def end(self, now: float) -> None:
        """Tell of the end."""
        for observer in self.observers:
            try:
                observer.ended(self.session, now)
            except Exception as fault:  # noqa: BLE001 - as above
                self.failed(self.session, observer, fault)

    def to_backend(
        self, protocol: str, came: bytes, client: Port, went: bytes, backend: Port, now: float
    ) -> None:
        """Tell of a message that was passed on from the client to the backend."""
        self.hear(Direction.FROM_CLIENT, protocol, came, client, now)
        self.hear(Direction.TO_BACKEND, protocol, went, backend, now)

    def to_client(
        self, protocol: str, came: bytes, backend: Port, went: bytes, client: Port, now: float
    ) -> None:
        """Tell of a message that was passed on from the backend to the client."""
        self.hear(Direction.FROM_BACKEND, protocol, came, backend, now)
        self.hear(Direction.TO_CLIENT, protocol, went, client, now)
