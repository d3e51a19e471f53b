"""Finding a backend that accepts a call: a fresh leg for each try, at most `retries` further ones (S-02, S-03).

Where a backend's host name has several addresses, one that doesn't answer is followed by the next: they share the time.
What a try still answers after it was given up is undone: a late 2xx is acknowledged and ended at once.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.pool import Backend, Pool, Seat, Waiter, Want, retry_after
from mrcpbalance.sessions import Who
from mrcpbalance.sessions.ports import Alarm
from mrcpwire import sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, Flow

from . import _relay
from ._goodbye import undo

if TYPE_CHECKING:
    from ._call import Call

FINAL_WITHIN: Final = 20.0  # seconds for a final answer, once there was a provisional one (S-03)
LEAST: Final = 0.5  # seconds that each of several addresses is given: to the first repetition of a datagram
UNAVAILABLE: Final = frozenset((408, 480))  # SIP alone has these; retried whatever `retry_statuses` says
REDIRECTS: Final = range(300, 400)  # count as failures
_AGAINST_BACKEND: Final = frozenset((408, 500, 502, 503, 504))
_FULL: Final = frozenset((486, 503))  # answers by which it says that it takes no more
TAG_OCTETS: Final = 8


@attrs.define(eq=False)
class Attempt:
    """One leg to one backend."""

    search: "Search"
    seat: Seat
    places: Sequence[Address]  # the addresses of the backend that are left, this one first
    due: float  # when a first answer must have come, whichever it is
    invite: sip.Request
    flow: Flow
    contact: bytes
    alarm: Alarm | None = None
    transaction: ClientTransaction = attrs.field(init=False)  # once it is sent
    abandoned: bool = False
    heard: bool = False  # there was an answer of some kind

    def answered(self, transaction: ClientTransaction, response: sip.Response, now: float) -> None:
        """Take an answer of the backend."""
        if response.status < 200:  # noqa: PLR2004 - the provisional class
            self._provisional(response, now)
            return
        self.quiet()
        if self.abandoned:
            if response.status < 300:  # noqa: PLR2004 - the class of success
                undo(self.call.agent, transaction, response, now)
            return
        self.search.attempt = None
        if response.status < 300:  # noqa: PLR2004
            self.backend.answered("sip", now)
            self.search.call.accepted(self, transaction, response, now)
        else:
            self.search.refused(self, response, now)

    def _provisional(self, response: sip.Response, now: float) -> None:
        if self.abandoned:
            return
        if not self.heard and self.alarm is not None:
            self.alarm.set(now + FINAL_WITHIN)
        self.heard = True
        if response.status > 100:  # noqa: PLR2004 - 100 is between neighbours
            self.search.call.progress(response, now)

    def unanswered(self, transaction: ClientTransaction, now: float) -> None:
        """Go on elsewhere: the transaction timed out, or its connection failed."""
        if self.abandoned:
            return
        unheard = not self.heard and self.flow.transport == "tcp"
        if (
            unheard
            and self.backend.config.sip_transport == "udp"
            and self.search.again_by_datagram(self, now)
        ):
            return
        self.quiet()
        if not self.search.elsewhere(self, "no way", now):
            self.search.failed(self, Who.BACKEND, "no way", now)

    @property
    def backend(self) -> Backend:
        """Whom it asks."""
        return self.seat.backend

    @property
    def call(self) -> "Call":
        """The call this is a try for."""
        return self.search.call

    def dialog(self, response: sip.Response) -> Dialog:
        """Make the dialog that a 2xx begins."""
        return Dialog.as_uac(self.invite, response, self.contact)

    def quiet(self) -> None:
        """Wait for nothing more."""
        if self.alarm is not None:
            self.alarm.clear()
            self.alarm = None


@attrs.define(eq=False)
class Search:
    """A call on its way to a backend."""

    call: "Call"
    pool: Pool
    want: Want
    waiter: Waiter | None = None  # while no backend is eligible
    attempt: Attempt | None = None
    tried: tuple[Backend, ...] = ()
    refusal: sip.Response | None = None  # the last final answer that was not a success
    blame: Who = Who.PROXY

    def next(self, now: float) -> None:
        """Try the next backend, or answer for all."""
        seat = self.pool.take(self.want, now=now, tried=self.tried)
        if seat is not None:
            self._try(seat, now)
        elif not self._wait(now):
            self._nobody(now)

    def _wait(self, now: float) -> bool:
        """Wait for a backend, if that may be."""
        self.waiter = self.pool.wait(
            self.want,
            now=now,
            tried=self.tried,
            bell=self.call.agent.context.shell.alarm,
            placed=self._try,
            refused=self._nobody,
        )
        return self.waiter is not None

    def _nobody(self, now: float) -> None:
        if not self.tried:
            self.call.agent.context.none_eligible(self.pool, self.want, now)
        self.call.not_accepted(self.refusal, self.blame, now)

    def _try(self, seat: Seat, now: float) -> None:
        call = self.call
        self.tried = (*self.tried, seat.backend)
        call.record.seat = seat
        call.record.attempts += 1
        due = now + call.agent.context.timeouts.setup
        try:
            places = call.agent.network.places(seat.backend)
        except OSError as error:
            self._no_way(seat, error, now)
        else:
            self._ask(seat, places, due, now)

    def _ask(self, seat: Seat, places: Sequence[Address], due: float, now: float) -> None:
        """Ask a backend at the first of these addresses that there is a way to."""
        for at, place in enumerate(places):
            try:
                flow, contact, invite = self._leg(seat.backend, place)
            except OSError as error:  # no way there, no socket to be had
                if place is places[-1]:
                    self._no_way(seat, error, now)
                else:
                    self.call.agent.context.shell.missed(place, str(error))
                continue
            left = places[at:]
            self._begin(Attempt(self, seat, left, due, invite, flow, contact), now)
            return

    def _begin(self, attempt: Attempt, now: float) -> None:
        """Send it, and wait for its part of the time."""
        self.attempt = attempt
        share = max((attempt.due - now) / len(attempt.places), LEAST)
        attempt.alarm = self.call.agent.context.shell.alarm(lambda now: self._overdue(attempt, now))
        attempt.alarm.set(min(now + share, attempt.due))
        self.call.record.address = attempt.places[0].host
        self._send(attempt, now)

    def _no_way(self, seat: Seat, error: OSError, now: float) -> None:
        call = self.call
        self.attempt = Attempt(self, seat, (), now, call.invite, call.flow, b"")
        self.failed(self.attempt, Who.BACKEND, str(error), now)

    def _leg(self, backend: Backend, place: Address) -> tuple[Flow, bytes, sip.Request]:
        """Make what a try needs; OSError where there is no way."""
        agent = self.call.agent
        flow = agent.network.to_backend(place, backend.config.sip_transport)
        contact = agent.contact(flow)
        invite = self._invite(backend, contact, self.call.begin_joint(place))
        if flow.transport == "udp" and len(invite.to_bytes()) > agent.largest_datagram:
            flow = agent.network.to_backend(place, "tcp")
            contact = agent.contact(flow)
            invite = self._invite(backend, contact, invite.body)
        return flow, contact, invite

    def elsewhere(self, attempt: Attempt, why: str, now: float) -> bool:
        """Ask the same backend at its next address; False when there is none, or it has begun to answer."""
        rest = attempt.places[1:]
        if attempt.heard or not rest or now >= attempt.due:
            return False
        attempt.abandoned = True
        attempt.quiet()
        self.attempt = None
        self.call.agent.context.shell.missed(attempt.places[0], why)
        self._ask(attempt.seat, rest, attempt.due, now)
        return True

    def _send(self, attempt: Attempt, now: float) -> None:
        self.call.record.bytes_to_backend += len(attempt.invite.to_bytes())
        attempt.transaction = self.call.agent.ask(attempt.invite, attempt.flow, attempt, now)

    def again_by_datagram(self, attempt: Attempt, now: float) -> bool:
        """Send it by UDP after all: the backend takes no TCP (RFC 3261 section 18.1.1); False when there is no way."""
        try:
            attempt.flow = self.call.agent.network.to_backend(attempt.places[0], "udp")
        except OSError:
            return False
        attempt.contact = self.call.agent.contact(attempt.flow)
        attempt.invite = self._invite(attempt.backend, attempt.contact, attempt.invite.body)
        self._send(attempt, now)
        return True

    def _invite(self, backend: Backend, contact: bytes, body: bytes) -> sip.Request:
        """Write the INVITE for a backend (S-02)."""
        original = self.call.invite
        address = backend.address("sip")
        assert address is not None
        uri = sip.sip_uri(original.uri)
        if uri is None:
            target = b"sip:%s" % str(address).encode()
        else:
            target = (
                uri.with_hostport(address.host.encode(), address.port).without_param(b"transport").to_bytes()
            )
        tag = self.call.agent.context.mint(TAG_OCTETS).encode()
        hops = original.max_forwards
        headers = [
            (b"Max-Forwards", b"%d" % ((70 if hops is None else hops) - 1)),
            (b"From", original.from_.with_tag(tag).to_bytes()),
            (b"To", original.to.to_bytes()),
            (b"Call-ID", original.call_id),
            (b"CSeq", b"1 INVITE"),
            (b"Contact", contact),
            *_relay.passed_on(original),
        ]
        if body:
            headers.append((b"Content-Type", original.headers.get(b"Content-Type") or b"application/sdp"))
        return sip.Request(method=b"INVITE", uri=target, headers=sip.SipHeaders.of(headers), body=body)

    def refused(self, attempt: Attempt, response: sip.Response, now: float) -> None:
        """Take a final answer that is no success: the caller's, unless another backend may do better (S-03)."""
        backend = attempt.backend
        if response.status in _AGAINST_BACKEND:
            backend.failed("sip", now)
        else:
            backend.answered("sip", now)
        if response.status in _FULL:
            backend.refused(now, retry_after(response.headers.get(b"Retry-After")))
        if self._is_retried(backend, response.status):
            if response.status not in REDIRECTS:
                self.refusal = response
            self.blame = Who.BACKEND
            self._release(attempt, f"{response.status}", now)
            self.next(now)
        else:
            self.call.not_accepted(response, Who.BACKEND, now)

    def _is_retried(self, backend: Backend, status: int) -> bool:
        return self.pool.is_retried(backend, status) or status in UNAVAILABLE or status in REDIRECTS

    def failed(self, attempt: Attempt, blame: Who, why: str, now: float) -> None:
        """Take it that this backend won't do: refused, lost, silent, or unusable."""
        attempt.abandoned = True
        attempt.quiet()
        self.attempt = None
        attempt.backend.failed("sip", now)
        self.blame = blame
        self._release(attempt, why, now)
        self.next(now)

    def _overdue(self, attempt: Attempt, now: float) -> None:
        self.call.agent.transactions.cancel(attempt.transaction, now)
        if not self.elsewhere(attempt, "silent", now):
            self.failed(attempt, Who.TIMEOUT, "silent", now)

    def _release(self, attempt: Attempt, why: str, now: float) -> None:
        attempt.seat.release()  # the record keeps naming the backend that was asked last
        self.call.agent.context.try_failed(self.call.record, attempt.backend, why)

    def leave(self, now: float) -> None:
        """Go on elsewhere, though the backend may yet answer: an operator disabled it."""
        attempt, self.attempt = self.attempt, None
        assert attempt is not None, "it is being asked"
        attempt.abandoned = True
        attempt.quiet()
        self.call.agent.transactions.cancel(attempt.transaction, now)
        self._release(attempt, "disabled", now)
        self.next(now)

    def cancel(self, now: float) -> None:
        """Stop trying (S-06)."""
        if self.waiter is not None:
            self.waiter.leave()
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            attempt.abandoned = True
            attempt.quiet()
            self.call.agent.transactions.cancel(attempt.transaction, now)
