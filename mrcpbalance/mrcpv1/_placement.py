"""Finding a backend for a request that may go to any: a first SETUP, or a DESCRIBE outside a session (R-27).

A try that fails before the caller has seen anything is followed by another backend, at most `retries` times. What a try
still answers after that is undone: a late session is torn down.
"""

import math
from typing import TYPE_CHECKING

import attrs

from mrcpbalance.pool import Backend, Pool, Seat, Waiter, Want, retry_after
from mrcpbalance.sessions import Direction, End, Phase, Who
from mrcpwire import rtsp

from . import _edits, _outcomes
from ._leg import Leg, Unheard
from ._replies import Fault
from ._session import RtspSession
from ._turns import Turn

if TYPE_CHECKING:
    from ._caller import Caller

_SETUP_FAILED = frozenset(
    (500, 502, 503, 504)
)  # answers that speak against the backend, not against the request
_FULL = frozenset((453, 503))  # answers by which it says that it takes no more


@attrs.define(eq=False)
class Attempt:
    """One try on one backend."""

    cseq: bytes
    placement: "Placement"
    leg: Leg
    seat: Seat | None
    octets: int  # of the request
    abandoned: bool = False

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Hand the answer to the placement, or undo what came too late."""
        session = self.placement.session
        if session is not None:
            session.record.hear(Direction.FROM_BACKEND, "rtsp", response.raw, self.leg.port, now)
        if not self.abandoned:
            self.placement.answered(self, response, now)
        elif response.status < 300 and response.session is not None and session is not None:  # noqa: PLR2004
            self.placement.caller.context.tally.count("rtsp.late-session-torn-down")
            goodbye = rtsp.request(
                b"TEARDOWN", self.placement.request.uri, cseq=self.cseq, session=response.session
            )
            session.record.hear(Direction.TO_BACKEND, "rtsp", goodbye, self.leg.port, now)
            self.leg.ask(goodbye, Unheard(self.cseq))

    def leg_lost(self, now: float) -> None:
        """Try elsewhere: the connection was refused, or lost before its answer."""
        session = self.placement.session
        if session is not None and not self.leg.stands:
            session.record.bytes_to_backend -= self.octets  # they never left
        if not self.abandoned:
            self.placement.failed(self, Fault.BACKEND_LOST, Who.BACKEND, now)


@attrs.define(eq=False, kw_only=True)
class Placement:
    """A request on its way to a backend that takes it."""

    caller: "Caller"
    turn: Turn
    pool: Pool
    request: rtsp.Request  # as it goes out
    want: Want
    session: RtspSession | None  # None: no session comes of it (DESCRIBE)
    due: float = math.inf  # when the try must have been answered
    attempt: Attempt | None = None
    waiter: Waiter | None = None  # while no backend is eligible
    tried: tuple[Backend, ...] = ()
    refusal: bytes | None = None  # the last answer of a backend that was not a success
    fault: Fault | None = None  # what to answer when no backend ever did
    blame: Who = Who.PROXY

    def start(self, now: float) -> None:
        """Make the first try."""
        self._next(now)

    def _next(self, now: float) -> None:
        if self.session is None:
            backend = self.pool.peek(self.want, now, self.tried)
            if backend is None:
                self._exhausted(now)
            else:
                self._try(backend, None, now)
            return
        seat = self.pool.take(self.want, now=now, tried=self.tried)
        if seat is not None:
            self._placed(seat, now)
        elif not self._wait(now):
            self._exhausted(now)

    def _wait(self, now: float) -> bool:
        """Wait for a backend, if that may be."""
        self.waiter = self.pool.wait(
            self.want,
            now=now,
            tried=self.tried,
            bell=self.caller.context.shell.alarm,
            placed=self._placed,
            refused=self._exhausted,
        )
        return self.waiter is not None

    def _placed(self, seat: Seat, now: float) -> None:
        self._try(seat.backend, seat, now)

    def _try(self, backend: Backend, seat: Seat | None, now: float) -> None:
        self.tried = (*self.tried, backend)
        leg = self.caller.leg_to(backend)
        data = _edits.at_backend(self.request, backend).raw
        self.attempt = attempt = Attempt(self.turn.cseq, self, leg, seat, len(data))
        if self.session is not None:
            record = self.session.record
            record.seat = seat
            record.attempts += 1
            record.bytes_to_backend += len(data)
            record.hear(Direction.TO_BACKEND, "rtsp", data, leg.port, now)
        self.due = now + self.caller.context.timeouts.setup
        self.caller.watch.by(self.due)
        leg.ask(data, attempt)

    def answered(self, attempt: Attempt, response: rtsp.Response, now: float) -> None:
        """Take a backend's answer: the caller gets it, unless another backend may do better."""
        self.attempt, self.due = None, math.inf
        backend = attempt.leg.backend
        retry = self.pool.is_retried(backend, response.status)
        if response.status in _SETUP_FAILED:
            backend.failed("rtsp", now)
        else:
            backend.answered("rtsp", now)
        if attempt.seat is not None and response.status in _FULL:
            backend.refused(now, retry_after(response.headers.get(b"Retry-After")))
        if self.session is not None and response.status < 300 and response.session is None:  # noqa: PLR2004
            self.caller.context.tally.count("rtsp.setup-without-session")
            self.fault, retry = Fault.BACKEND_LOST, True
        elif retry:
            self.refusal = response.raw
        if retry:
            self.blame = Who.BACKEND
            self._release(attempt, str(response.status))
            self._next(now)
            return
        self._settle()
        _outcomes.placed(self, attempt.leg, response, now)

    def failed(self, attempt: Attempt, fault: Fault, blame: Who, now: float) -> None:
        """Take it that this backend doesn't answer; whoever calls has told the pool."""
        attempt.abandoned = True
        self.attempt, self.due = None, math.inf
        self.fault, self.blame = fault, blame
        self._release(attempt, "silent" if blame is Who.TIMEOUT else "connection lost")
        self._next(now)

    def overdue(self, now: float) -> None:
        """Try elsewhere: the backend is silent."""
        attempt = self.attempt
        assert attempt is not None, "only a try is due"
        attempt.leg.backend.failed("rtsp", now)
        self.failed(attempt, Fault.TIMEOUT, Who.TIMEOUT, now)

    def _release(self, attempt: Attempt, why: str) -> None:
        record = None if self.session is None else self.session.record
        self.caller.context.try_failed(record, attempt.leg.backend, why)
        if attempt.seat is not None:
            attempt.seat.release()  # the record keeps naming the backend that was asked last

    def _exhausted(self, now: float) -> None:
        fault = self.fault
        if fault is None:
            full = self.caller.context.none_eligible(self.pool, self.want, now, self.tried)
            fault = Fault.NONE_FREE if full else Fault.UNAVAILABLE
        self._settle()
        data = self.refusal or fault.reply(self.turn.cseq)
        _outcomes.not_placed(self, data, End(self.blame, Phase.SETUP), now)

    def cancel(self) -> None:
        """Stop trying: the caller is gone, or was answered otherwise."""
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.abandoned = True
        self._settle()

    def _settle(self) -> None:
        if self.waiter is not None:
            self.waiter.leave()
        self.due = math.inf
        caller = self.caller
        caller.placements = tuple(other for other in caller.placements if other is not self)
