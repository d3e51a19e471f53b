"""The four machines of SIP transactions: states, what moves them, and how long each state lasts.

Theory, in one page (RFC 3261 section 17, with the correction of RFC 6026 for the 2xx to an INVITE). A transaction is
one request and the responses to it, hop by hop. There are two kinds of requests and two ends:

* INVITE takes as long as somebody takes to answer. It is sent again until *any* response shows that it arrived, then
  the other end is trusted to bring the final one: it repeats that until an ACK comes. The ACK to 300-699 belongs to the
  transaction and is made here. The ACK to a 2xx belongs to the dialog and is made by the user: a 2xx may come from
  several peers where a proxy forked the INVITE. So a 2xx leaves the transaction in ACCEPTED, where it only keeps
  repeats away from the user; it is the user who repeats a 2xx, by his order here until `acked`.
* Any other request is answered at once. It is sent again until a final response comes, which is sent again whenever
  the request comes again, and needs no ACK.

A CANCEL is a request of its own, with the branch of the INVITE it means. It may not overtake that INVITE, so it waits
for a provisional response (S-06): CANCEL_DUE until then, CANCELLING after.

Only the tables decide. What happens to a transaction is a `Step`; a step that is missing in the row of its state is a
fault of our own code and raises `LocalProtocolError`. Whatever a peer may send has a row in every state it may come
in. Entering a state sets its clocks: how long it may last, and after which pauses something is sent again. Over a
reliable transport nothing is repeated but the 2xx, and states that only absorb repeats last no time.
"""

import enum
from collections.abc import Mapping
from typing import Final

import attrs


class Kind(enum.Enum):
    """Which of the machines."""

    INVITE_CLIENT = "INVITE client"
    CLIENT = "client"
    INVITE_SERVER = "INVITE server"
    SERVER = "server"


class State(enum.Enum):
    """How far a transaction has come."""

    CALLING = "calling"  # INVITE sent, nothing heard
    CANCEL_DUE = "cancel due"  # the same, and to be cancelled
    TRYING = "trying"  # another request sent, or received and not answered
    PROCEEDING = "proceeding"  # a provisional response at most
    CANCELLING = "cancelling"  # CANCEL sent
    CANCELLED = "cancelled"  # CANCEL received
    COMPLETED = "completed"  # a final response
    CONFIRMED = "confirmed"  # and its ACK
    ACCEPTED = "accepted"  # a 2xx to an INVITE
    ACKNOWLEDGED = "acknowledged"  # and its ACK
    ENDED = "ended"


class Step(enum.Enum):
    """What moves a transaction."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    REQUEST = "request again"
    CANCEL = "CANCEL"  # received, or asked for by the user
    ACK = "ACK"  # received, or sent by the user
    ACKED = "acked"  # the user has seen the ACK to a 2xx
    OVER = "time over"
    LOST = "connection lost"


_SUCCESS: Final = range(200, 300)


def step_of(status: int) -> Step:
    """Tell which step a response is."""
    if status in _SUCCESS:
        return Step.SUCCESS
    return Step.PROVISIONAL if status < _SUCCESS.start else Step.FAILURE


NEVER: Final = float("inf")  # a time that doesn't come

_S = State

_CALLED: Final = {Step.SUCCESS: _S.ACCEPTED, Step.FAILURE: _S.COMPLETED, Step.LOST: _S.ENDED}
_ASKED: Final = {
    Step.PROVISIONAL: _S.PROCEEDING,
    Step.SUCCESS: _S.COMPLETED,
    Step.FAILURE: _S.COMPLETED,
    Step.OVER: _S.ENDED,
    Step.LOST: _S.ENDED,
}
_ANSWERING: Final = {Step.PROVISIONAL: _S.PROCEEDING, Step.SUCCESS: _S.COMPLETED, Step.FAILURE: _S.COMPLETED}


def _stays(state: State, *steps: Step) -> dict[Step, State]:
    return dict.fromkeys(steps, state)


_RESPONSES: Final = (Step.PROVISIONAL, Step.SUCCESS, Step.FAILURE)
_REQUESTS: Final = (Step.REQUEST, Step.CANCEL, Step.ACK)

TRANSITIONS: Final[Mapping[Kind, Mapping[State, Mapping[Step, State]]]] = {
    Kind.INVITE_CLIENT: {
        _S.CALLING: {
            **_CALLED,
            Step.PROVISIONAL: _S.PROCEEDING,
            Step.CANCEL: _S.CANCEL_DUE,
            Step.OVER: _S.ENDED,
        },
        _S.CANCEL_DUE: {
            **_CALLED,
            Step.PROVISIONAL: _S.CANCELLING,
            Step.CANCEL: _S.CANCEL_DUE,
            Step.OVER: _S.ENDED,
        },
        _S.PROCEEDING: {**_CALLED, Step.PROVISIONAL: _S.PROCEEDING, Step.CANCEL: _S.CANCELLING},
        _S.CANCELLING: {
            **_CALLED,
            **_stays(_S.CANCELLING, Step.PROVISIONAL, Step.CANCEL),
            Step.OVER: _S.ENDED,
        },
        _S.COMPLETED: {
            **_stays(_S.COMPLETED, *_RESPONSES, Step.CANCEL),
            Step.OVER: _S.ENDED,
            Step.LOST: _S.ENDED,
        },
        _S.ACCEPTED: {
            **_stays(_S.ACCEPTED, *_RESPONSES, Step.CANCEL, Step.ACK),
            Step.OVER: _S.ENDED,
            Step.LOST: _S.ENDED,
        },
        _S.ENDED: _stays(_S.ENDED, Step.CANCEL, Step.ACK),
    },
    Kind.CLIENT: {
        _S.TRYING: _ASKED,
        _S.PROCEEDING: _ASKED,
        _S.COMPLETED: {
            **_stays(_S.COMPLETED, *_RESPONSES),
            Step.OVER: _S.ENDED,
            Step.LOST: _S.ENDED,
        },
        _S.ENDED: {},
    },
    Kind.INVITE_SERVER: {
        _S.PROCEEDING: {
            **_stays(_S.PROCEEDING, Step.REQUEST, Step.ACK, Step.ACKED, Step.PROVISIONAL),
            Step.CANCEL: _S.CANCELLED,
            Step.SUCCESS: _S.ACCEPTED,
            Step.FAILURE: _S.COMPLETED,
        },
        _S.CANCELLED: {
            **_stays(_S.CANCELLED, *_REQUESTS, Step.ACKED, Step.PROVISIONAL),
            Step.SUCCESS: _S.ACCEPTED,
            Step.FAILURE: _S.COMPLETED,
        },
        _S.COMPLETED: {
            **_stays(_S.COMPLETED, Step.REQUEST, Step.CANCEL, Step.ACKED),
            Step.ACK: _S.CONFIRMED,
            Step.OVER: _S.ENDED,
        },
        _S.CONFIRMED: {**_stays(_S.CONFIRMED, *_REQUESTS, Step.ACKED), Step.OVER: _S.ENDED},
        _S.ACCEPTED: {
            **_stays(_S.ACCEPTED, *_REQUESTS),
            Step.ACKED: _S.ACKNOWLEDGED,
            Step.OVER: _S.ENDED,
        },
        _S.ACKNOWLEDGED: {**_stays(_S.ACKNOWLEDGED, *_REQUESTS, Step.ACKED), Step.OVER: _S.ENDED},
        _S.ENDED: _stays(_S.ENDED, Step.ACKED),
    },
    Kind.SERVER: {
        _S.TRYING: {**_ANSWERING, **_stays(_S.TRYING, Step.REQUEST, Step.ACKED)},
        _S.PROCEEDING: {**_ANSWERING, **_stays(_S.PROCEEDING, Step.REQUEST, Step.ACKED)},
        _S.COMPLETED: {**_stays(_S.COMPLETED, Step.REQUEST, Step.ACKED), Step.OVER: _S.ENDED},
        _S.ENDED: _stays(_S.ENDED, Step.ACKED),
    },
}

BEGINS: Final[Mapping[Kind, State]] = {
    Kind.INVITE_CLIENT: State.CALLING,
    Kind.CLIENT: State.TRYING,
    Kind.INVITE_SERVER: State.PROCEEDING,
    Kind.SERVER: State.TRYING,
}


@attrs.frozen(kw_only=True)
class Timers:
    """The base values of RFC 3261 section 17.1.1.1, in seconds."""

    t1: float = 0.5  # a round trip
    t2: float = 4.0  # the longest pause between two sendings, but for an INVITE
    t4: float = 5.0  # how long a message may stay in the network


@attrs.frozen(kw_only=True)
class Span:
    """The clocks of a state, in seconds."""

    life: float | None = NEVER  # how long it lasts; None: the end that was set before stays
    pause: float = NEVER  # until the next sending; pauses double
    longest: float = NEVER  # but get no longer
    running: bool = False  # the next sending stays where it was, the pauses after it are these


Schedule = Mapping[Kind, Mapping[State, Span]]
_TIMELESS: Final = Span()


def schedule(timers: Timers, *, reliable: bool) -> Schedule:
    """Give the clocks of every state; one that is missing changes no clock."""
    t1, t2, t4 = timers.t1, timers.t2, timers.t4
    long = 64 * t1
    lingering = Span(life=0.0 if reliable else t4)
    if reliable:
        calling = asking = answering = Span(life=long)
        asked = Span(life=None)
    else:
        calling = Span(life=long, pause=t1)
        asking = answering = Span(life=long, pause=t1, longest=t2)
        asked = Span(life=None, pause=t2, longest=t2, running=True)
    return {
        Kind.INVITE_CLIENT: {
            State.CALLING: calling,  # Timers A and B
            State.PROCEEDING: _TIMELESS,  # it is the user who loses patience (S-03)
            State.CANCELLING: Span(life=long),  # RFC 3261 section 9.1
            State.COMPLETED: Span(life=0.0 if reliable else max(long, 32.0)),  # Timer D
            State.ACCEPTED: Span(life=long),  # Timer M
        },
        Kind.CLIENT: {
            State.TRYING: asking,  # Timers E and F
            State.PROCEEDING: asked,  # Timer F runs on
            State.COMPLETED: lingering,  # Timer K
        },
        Kind.INVITE_SERVER: {
            State.PROCEEDING: _TIMELESS,
            State.COMPLETED: answering,  # Timers G and H
            State.CONFIRMED: lingering,  # Timer I
            # Timer L; the 2xx is repeated over any transport, since proxies may lose it (RFC 3261 section 13.3.1.4).
            State.ACCEPTED: Span(life=long, pause=t1, longest=t2),
            State.ACKNOWLEDGED: Span(life=None),
        },
        Kind.SERVER: {
            State.TRYING: _TIMELESS,
            State.COMPLETED: Span(life=0.0 if reliable else long),  # Timer J
        },
    }
