"""The words of the pool: what a session wants, what a backend is, and why it is not chosen."""

import enum
from typing import Literal

import attrs

Protocol = Literal["rtsp", "sip", "mrcp", "tcp"]


@attrs.frozen
class Want:
    """What is known of a session before it has a backend."""

    protocol: Protocol
    resource: str | None  # by its MRCPv2 name; None: not known, any will do
    source: str  # the caller's address without its port
    also: tuple[str, ...] = ()  # further resources it needs on the same backend
    only_tcp: bool = False  # for `tcp`: a backend's `rtsp` address won't do, as nothing had to be recognised


class State(enum.Enum):
    """How a backend stands, in the words of the admin interface."""

    UP = "up"
    DOWN = "down"
    PROBATION = "probation"
    DRAINING = "draining"
    DISABLED = "disabled"


class Obstacle(enum.Enum):
    """Why a backend can't have a session now."""

    TRIED = "tried"  # this session asked it already
    PROTOCOL = "protocol"  # it has no address for the protocol
    RESOURCE = "resource"  # it doesn't serve the resource
    DISABLED = "disabled"
    DRAINING = "draining"
    DOWN = "down"
    PROBATION = "probation"  # another session is trying it right now
    RESTING = "resting"  # it asked for time (Retry-After)
    REFUSED = "refused"  # it refused a session a moment ago, with as many as it has now
    FULL = "full"
    FULL_FOR_RESOURCE = "full-for-resource"
    STANDBY = "standby"  # others are eligible


@attrs.frozen(kw_only=True)
class Verdict:
    """What the pool thinks of one backend for one want."""

    backend: str
    state: State  # in the protocol that is wanted, if it takes part in it
    excluded: Obstacle | None  # None: eligible
    score: float  # as the policy sees it; the lowest is chosen
