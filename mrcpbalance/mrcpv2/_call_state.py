"""Where a call stands, and what moves it (S-03 to S-09)."""

import enum
from collections.abc import Mapping
from typing import Final


class State(enum.Enum):
    """Where a call stands."""

    SEEKING = "seeking"  # no backend has accepted it
    JOINING = "joining"  # one has; its control connection is being opened
    OFFERED = "offered"  # the caller has our 2xx and has not acknowledged it
    UP = "up"
    OVER = "over"


class Step(enum.Enum):
    """What moves a call."""

    ACCEPTED = "accepted"  # a backend answered 2xx
    UNJOINED = "unjoined"  # its control connection could not be had
    JOINED = "joined"
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = {
    State.SEEKING: {Step.ACCEPTED: State.JOINING, Step.ENDED: State.OVER},
    State.JOINING: {Step.UNJOINED: State.SEEKING, Step.JOINED: State.OFFERED, Step.ENDED: State.OVER},
    State.OFFERED: {Step.ACKNOWLEDGED: State.UP, Step.ENDED: State.OVER},
    State.UP: {Step.ACKNOWLEDGED: State.UP, Step.ENDED: State.OVER},
    State.OVER: {},
}
