"""One RTSP session: its states, its two ids, the resources set up in it."""

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.pool import Pool
from mrcpbalance.sessions import Session

if TYPE_CHECKING:
    from ._leg import Leg
    from ._metering import type_begun


class State(enum.Enum):
    """Where a session stands (R-25)."""

    INIT = "init"  # its first SETUP is not answered yet
    ACTIVE = "active"
    GRACE = "grace"  # torn down; late events still find their caller
    GONE = "gone"


class Step(enum.Enum):
    """What moves a session."""

    SET_UP = "set-up"  # a SETUP was answered with 2xx
    REFUSED = "refused"  # no backend took it
    RESOURCE_DOWN = "resource-down"  # a TEARDOWN was answered with 2xx, others resources are left
    TORN_DOWN = "torn-down"  # the last resource is gone
    CUT = "cut"  # a connection lost, a deadline, an operator
    EXPIRED = "expired"  # the grace time is over


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = {
    State.INIT: {Step.SET_UP: State.ACTIVE, Step.REFUSED: State.GONE, Step.CUT: State.GONE},
    State.ACTIVE: {
        Step.SET_UP: State.ACTIVE,
        Step.RESOURCE_DOWN: State.ACTIVE,
        Step.TORN_DOWN: State.GRACE,
        Step.CUT: State.GONE,
    },
    State.GRACE: {Step.EXPIRED: State.GONE, Step.CUT: State.GONE},
    State.GONE: {},
}


def last_segment(uri: bytes) -> bytes:
    """Give the last path segment, which names the resource; a slash at the end doesn't count (F-24)."""
    return uri.rstrip(b"/").rpartition(b"/")[2].partition(b"?")[0]


@attrs.define(eq=False, weakref_slot=False)
class RtspSession:
    """A session as its caller's connection knows it; `record` is the same session for everyone else."""

    record: Session
    pool: Pool  # it was routed to; another may have taken it, but its names for resources hold
    touched: float
    patience: float  # seconds without a message after which it is ended, or forgotten
    state: State = State.INIT
    leg: "Leg | None" = None
    client_id: bytes = b""
    backend_id: bytes = b""
    aliased: bool = False  # its caller knows it by another id than its backend (E-02)
    uris: tuple[bytes, ...] = ()
    resources: tuple[str, ...] = ()  # of `uris`, in the same order
    begun: "type_begun | None" = None  # requests that aren't complete, where they are measured
    teardowns: int = 0  # TEARDOWN requests that wait for their answer

    @property
    def expires(self) -> float:
        """When it is ended, or forgotten, if nothing moves until then."""
        return self.touched + self.patience

    def step(self, step: Step) -> None:
        """Move as the table says; a step the table doesn't have is our own fault."""
        self.state = TRANSITIONS[self.state][step]

    def released_by(self, uri: bytes) -> tuple[int, ...]:
        """Give the positions of the resources that a TEARDOWN of this URI releases (R-25): one, or all."""
        plain = uri.rstrip(b"/")
        for position, known in enumerate(self.uris):
            if known.rstrip(b"/") == plain:
                return (position,)
        if uri == b"*" or any(known.startswith(plain + b"/") for known in self.uris):
            return tuple(range(len(self.uris)))
        segment = last_segment(uri).lower()
        return tuple(at for at, known in enumerate(self.uris) if last_segment(known).lower() == segment)[:1]

    def names(self, uri: bytes) -> bool:
        """Tell whether a URI names one of the resources, and so not several."""
        return last_segment(uri) in {last_segment(known) for known in self.uris}

    def without(self, positions: tuple[int, ...]) -> None:
        """Forget these resources."""
        keep = [at for at in range(len(self.uris)) if at not in positions]
        self.uris = tuple(self.uris[at] for at in keep)
        self.resources = tuple(self.resources[at] for at in keep)
