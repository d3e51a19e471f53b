"""A session's record: who it is, where it sits, what it did, and why it ended."""

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.pool import Protocol, Seat

if TYPE_CHECKING:
    from ._tap import Direction, Hop, Tap
    from .ports import Port

# How people are told of what a backend's address speaks: in records, the log and metrics.
PROTOCOLS: Final[Mapping[Protocol, str]] = {"rtsp": "mrcpv1", "sip": "mrcpv2", "mrcp": "mrcp", "tcp": "tcp"}


class Who(enum.Enum):
    """Who ended a session."""

    CLIENT = "client"
    BACKEND = "backend"
    PROXY = "proxy"
    TIMEOUT = "timeout"
    OPERATOR = "operator"


class Phase(enum.Enum):
    """When in its life a session ended."""

    SETUP = "setup"
    ACTIVE = "active"
    TEARDOWN = "teardown"


@attrs.frozen
class End:
    """Why a session ended; written `who/phase`."""

    who: Who
    phase: Phase

    def __str__(self) -> str:
        """Write it as logs and metrics do."""
        return f"{self.who.value}/{self.phase.value}"


@attrs.define(eq=False, weakref_slot=False)
class Session:
    """One session, from its first request to its end. Made, keyed and ended by the register."""

    id: str  # ours
    protocol: str  # mrcpv1, mrcpv2, mrcp, tcp
    client: str  # address without port
    pool: str  # of its backend; as long as it has none, the one it was meant for
    opened_at: float
    routed_by: str = ""  # the key of the configuration that chose its first pool
    _seat: Seat | None = attrs.field(default=None, init=False)
    first_pool: str = attrs.field(init=False)  # the one it was meant for; others may stand in
    resources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()  # the ids its caller knows; changed by the register only
    answered_at: float | None = None  # when its set-up succeeded; set by the register
    address: str = ""  # of its backend, by number without the port, once it is known
    messages_to_backend: int = 0  # MRCP messages
    messages_to_client: int = 0
    bytes_to_backend: int = 0  # everything of the session on the wire
    bytes_to_client: int = 0
    attempts: int = 0  # backends asked
    end: End | None = None
    tap: "Tap | None" = None  # while somebody observes it; changed by the register only

    @first_pool.default
    def _as_opened(self) -> str:
        return self.pool

    @property
    def seat(self) -> Seat | None:
        """Its seat; may change until its set-up is answered, from then on the backend stays the same."""
        return self._seat

    @seat.setter
    def seat(self, seat: Seat | None) -> None:
        if self.answered_at is not None and (seat is None or not self._is_on(seat)):
            raise RuntimeError(f"session {self.id} stays on backend {self.backend!r}")
        self._seat = seat
        if seat is not None:
            self.pool = seat.backend.pool

    def _is_on(self, seat: Seat) -> bool:
        return (seat.backend.pool, seat.backend.name) == (self.pool, self.backend)

    def hear(self, direction: "Direction", protocol: str, data: bytes, way: "Port | Hop", now: float) -> None:
        """Tell observers of one message, if there are any."""
        if self.tap is not None:
            self.tap.hear(direction, protocol, data, way, now)

    @property
    def backend(self) -> str:
        """The name of its backend, or nothing."""
        return "" if self._seat is None else self._seat.backend.name
