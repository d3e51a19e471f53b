"""One channel of an `mrcp` listener: its states, its open requests, and how it finds its backend."""

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.pool import Backend, Pool, Waiter, Want
from mrcpbalance.sessions import Session
from mrcpbalance.sessions.ports import Alarm
from mrcpwire import mrcpv2

from ._metering import type_begun

if TYPE_CHECKING:
    from ._leg import Leg


class State(enum.Enum):
    """Where a channel stands."""

    OPENING = "opening"  # its first message has had no answer
    OPEN = "open"
    CLOSING = "closing"  # a literal TEARDOWN waits for its answer
    GONE = "gone"


class Step(enum.Enum):
    """What moves a channel."""

    ANSWERED = "answered"  # its backend sent something
    TEARDOWN = "teardown"  # its caller sent a literal TEARDOWN
    REFUSED = "refused"  # the TEARDOWN was not granted
    ENDED = "ended"


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = {
    State.OPENING: {Step.ANSWERED: State.OPEN, Step.TEARDOWN: State.OPENING, Step.ENDED: State.GONE},
    State.OPEN: {Step.ANSWERED: State.OPEN, Step.TEARDOWN: State.CLOSING, Step.ENDED: State.GONE},
    State.CLOSING: {
        Step.ANSWERED: State.CLOSING,
        Step.TEARDOWN: State.CLOSING,
        Step.REFUSED: State.OPEN,
        Step.ENDED: State.GONE,
    },
    State.GONE: {},
}


@attrs.define(eq=False)
class Opening:
    """What a channel needs only until its first answer: where it was tried, and what to send again elsewhere."""

    alarm: Alarm
    pool: Pool
    want: Want
    literal: bool  # it began with a literal SETUP
    request_id: int  # of its first message
    sent: list[mrcpv2.Message] = attrs.field(factory=list)
    octets: int = 0  # of `sent`
    fixed: bool = False  # too much was sent for another backend to be asked
    tried: tuple[Backend, ...] = ()
    waiter: Waiter | None = None  # while no backend is eligible


@attrs.define(eq=False)
class Channel:
    """A channel and the session it is."""

    name: bytes  # the whole Channel-Identifier
    record: Session
    touched: float
    opening: Opening | None
    leg: "Leg | None" = None
    state: State = State.OPENING
    # Request-ids without a response, and when each must have one.
    open: dict[int, float] = attrs.field(factory=dict)
    begun: type_begun = attrs.field(factory=dict)  # requests that aren't complete, where they are measured
    settled: set[int] | None = (
        None  # request-ids that were answered here; no second response may follow (A.8)
    )
    refused: bool = False  # a literal SETUP was answered with an error
    teardown: int | None = None  # the request-id of a literal TEARDOWN

    def step(self, step: Step) -> None:
        """Move as the table says; a step the table doesn't have is our own fault."""
        self.state = TRANSITIONS[self.state][step]
