"""One MRCPv2 call: two dialogs, back to back, and the control channels between them (S-00)."""

from typing import TYPE_CHECKING

import attrs

from mrcpbalance.config import Address
from mrcpbalance.pool import Backend
from mrcpbalance.sessions import End, Phase, Session, Who
from mrcpbalance.sessions.ports import Alarm
from mrcpwire import sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, Flow, ServerTransaction

from . import _media, _relay
from ._call_state import TRANSITIONS, State, Step
from ._joint import Joint
from ._search import Attempt, Search
from ._side import Role, Side

if TYPE_CHECKING:
    from ._agent import Agent
    from ._inside import Passing

type_headers = list[tuple[bytes, bytes]]


@attrs.define(eq=False)
class Call:
    """A call, from its INVITE to its end."""

    agent: "Agent"
    record: Session
    invite: sip.Request
    server: ServerTransaction
    flow: Flow
    tag: bytes  # ours, towards the caller
    search: Search = attrs.field(init=False)
    attempt: Attempt | None = None  # the one that was accepted, until the caller is told
    state: State = State.SEEKING
    caller: Side | None = None
    backend: Side | None = None
    joint: Joint | None = None
    answer: sip.Response | None = None  # the backend's 2xx
    invited: ClientTransaction | None = None  # the INVITE it answered, until it is acknowledged
    passing: "Passing | None" = None  # a re-INVITE or UPDATE on its way to the other side
    patience: Alarm | None = None  # while the caller's control connection is missing
    told: bool = False  # the caller's INVITE has its final answer
    ended: End | None = None

    @property
    def client_host(self) -> str:
        """Where the caller's SIP comes from."""
        return self.flow.remote[0]

    def backend_of_record(self) -> Backend:
        """Give the backend this call has its seat on."""
        assert self.record.seat is not None, "a call is joined only where it has a seat"
        return self.record.seat.backend

    def step(self, step: Step) -> None:
        """Move as the table says; a step the table doesn't have is our own fault."""
        self.state = TRANSITIONS[self.state][step]

    def side(self, role: Role) -> Side | None:
        """One of the two dialogs."""
        return self.caller if role is Role.CALLER else self.backend

    # Setting up.

    def begin_joint(self, place: Address) -> bytes:
        """Start afresh with a backend, at one of its addresses: give the caller's offer as it goes there."""
        if self.agent.direct:
            return self.invite.body
        self.joint = Joint(self, self.agent.network.own_address_towards(place))
        return self.joint.to_backend(self.invite.body)

    def progress(self, response: sip.Response, now: float) -> None:
        """Pass a provisional answer on, without its body (S-04)."""
        self._tell(sip.response_to(self.invite, response.status, response.reason, to_tag=self.tag), now)

    def accepted(
        self, attempt: Attempt, transaction: ClientTransaction, response: sip.Response, now: float
    ) -> None:
        """Take a backend's 2xx: acknowledge it, and open its control connection before the caller hears of it (S-05)."""
        self.step(Step.ACCEPTED)
        self.attempt, self.answer, self.invited = attempt, response, transaction
        self.backend = Side(self, Role.BACKEND, attempt.dialog(response), attempt.flow)
        self.agent.know(self.backend)
        if self.invite.body:
            self._acknowledge_backend()
        if self.joint is None or not self.invite.body:
            self.joined(now)
        else:
            self.joint.join(response.body, self.invite.body, now, self.joined, self._unjoined)

    def _acknowledge_backend(self, body: bytes = b"", content_type: bytes | None = None) -> None:
        transaction, self.invited = self.invited, None
        if transaction is not None and self.backend is not None:
            self.backend.acknowledge(transaction, body=body, content_type=content_type)

    def _unjoined(self, why: str, now: float) -> None:
        """Leave a backend whose control connection can't be had, and go on to the next (S-05, D-06)."""
        self.step(Step.UNJOINED)
        attempt, self.attempt = self.attempt, None
        assert attempt is not None, "it was accepted"
        assert self.joint is not None, "what isn't to be joined doesn't fail so"
        self._leave(Role.BACKEND, now)
        self.joint.part(now)
        self.search.failed(attempt, Who.BACKEND, why, now)

    def joined(self, now: float) -> None:
        """Tell the caller: its channels are known, its backend is ready (M-23)."""
        self.step(Step.JOINED)
        answer = self.answer
        assert answer is not None
        self.attempt = None
        self.agent.context.register.answered(self.record, now)
        self.told = True
        contact = self.agent.contact(self.flow)
        self.count_resources(answer.body, now)
        body = answer.body if self.joint is None else self.joint.to_caller(answer.body)
        told = self.compose(self.invite, answer, body, contact)
        flow = self.agent.network.home(self.flow)
        self.caller = Side(self, Role.CALLER, Dialog.as_uas(self.invite, self.tag, contact), flow)
        self.agent.know(self.caller)
        self._tell(told, now)

    def count_resources(self, description: bytes, now: float) -> None:
        """Hold the resources that a backend's description grants, and no others."""
        seat = self.record.seat
        if seat is None or not description:
            return
        granted = _media.granted(description)
        for resource in seat.resources:
            if resource in granted:
                granted.remove(resource)
            else:
                seat.drop(resource)
        for resource in granted:  # it wasn't asked for, so no room was kept for it
            seat.add(resource, now)
        self.record.resources = seat.resources

    def _tell(self, response: sip.Response, now: float) -> None:
        """Answer the caller's INVITE."""
        self.record.bytes_to_client += len(response.to_bytes())
        self.agent.respond(self.server, response, now)

    def compose(
        self, request: sip.Request, answer: sip.Response, body: bytes, contact: bytes
    ) -> sip.Response:
        """Write our answer to a request from the answer of the other side."""
        headers: type_headers = [
            (b"Record-Route", value) for value in request.headers.get_all(b"Record-Route")
        ]
        headers += [(b"Contact", contact), *_relay.passed_on(answer)]
        kind = answer.headers.get(b"Content-Type") if body else None
        return sip.response_to(
            request,
            answer.status,
            answer.reason,
            to_tag=self.tag,
            headers=headers,
            body=body,
            content_type=kind,
        )

    def not_accepted(self, refusal: sip.Response | None, blame: Who, now: float) -> None:
        """Answer for backends none of which took the call: as one of them did, if any did (S-03)."""
        if refusal is None:
            told = sip.response_to(self.invite, 503, to_tag=self.tag)
        else:
            told = sip.response_to(
                self.invite,
                refusal.status,
                refusal.reason,
                to_tag=self.tag,
                headers=_relay.passed_on(refusal),
            )
        self.told = True
        self._tell(told, now)
        self.end(End(blame, Phase.SETUP), now)

    def cancelled(self, server: ServerTransaction, now: float) -> None:
        """Take a CANCEL (S-06): of a request that is being passed on, or of the call itself, if it isn't answered yet."""
        if self.passing is not None and self.passing.server is server:
            self.passing.cancel(now)
        else:
            self.told = True
            self._tell(sip.response_to(self.invite, 487, to_tag=self.tag), now)
            self.end(End(Who.CLIENT, Phase.SETUP), now)

    def acknowledged(self, ack: sip.Request, now: float) -> None:
        """Take the caller's ACK to our 2xx; with a delayed offer it brings the answer (S-05)."""
        self.agent.transactions.acked(self.server, now)
        if self.state is State.OFFERED:
            self.step(Step.ACKNOWLEDGED)
        if self.invited is not None:
            body = ack.body if self.joint is None else self.joint.to_backend(ack.body)
            self._acknowledge_backend(body, ack.headers.get(b"Content-Type"))
            if self.joint is not None and self.answer is not None:
                self.joint.join(
                    self.answer.body, ack.body, now, _nothing, lambda _why, now: self._never_joined(now)
                )
        if self.ended is not None:  # it ended before the caller had acknowledged: now it may be told
            self._leave(Role.CALLER, now)

    def _never_joined(self, now: float) -> None:
        self.end(End(Who.BACKEND, Phase.SETUP), now)

    def never_acknowledged(self, server: ServerTransaction, now: float) -> None:
        """End a call one of whose peers never acknowledged our 2xx (S-05)."""
        if self.ended is None:
            self.end(End(Who.TIMEOUT, Phase.SETUP if server is self.server else Phase.ACTIVE), now)
        self._leave(Role.CALLER, now)

    # The control plane.

    def backend_connection_lost(self, now: float) -> None:
        """End the call on both sides: its channels work no more (M-30)."""
        self.backend_of_record().failed("sip", now)
        self.end(End(Who.BACKEND, Phase.ACTIVE), now, close_unused=True)

    def caller_connection_lost(self, now: float) -> None:
        """Wait for a BYE, or for a channel to reappear (M-31)."""
        if self.patience is None:
            self.patience = self.agent.context.shell.alarm(self._out_of_patience)
        self.patience.set(now + self.agent.context.timeouts.reattach)

    def caller_connection_found(self) -> None:
        """Wait no longer: a channel has reappeared."""
        if self.patience is not None:
            self.patience.clear()

    def _out_of_patience(self, now: float) -> None:
        self.end(End(Who.CLIENT, Phase.ACTIVE), now)

    # The end.

    def bye(self, side: Side, now: float) -> None:
        """Take a BYE from either side; it was answered (S-09)."""
        self._lose(side, now)
        if side.role is Role.CALLER:
            self.agent.transactions.acked(self.server, now)  # it is over, with or without an ACK to our 2xx
            self.end(End(Who.CLIENT, Phase.TEARDOWN), now)
        elif self.attempt is not None:
            self._unjoined("BYE", now)
        else:
            self.end(End(Who.BACKEND, Phase.TEARDOWN), now)

    def leave(self, end: End, now: float) -> None:
        """Leave its backend: for another one as long as its caller has no answer, else the call ends."""
        if self.attempt is not None:
            self._unjoined("disabled", now)
        elif self.search.attempt is not None:
            self.search.leave(now)
        else:
            self.end(end, now)

    def end(self, end: End, now: float, *, close_unused: bool = False) -> None:
        """End it, once: channels first, then the dialogs that still stand, then the record."""
        if self.ended is not None:
            return
        if self.record.answered_at is None:  # whatever befell it, it never started
            end = End(end.who, Phase.SETUP)
        self.ended = end
        if self.patience is not None:
            self.patience.clear()
        self.search.cancel(now)
        if self.passing is not None:
            self.passing.drop(now)
        fronts = [] if self.joint is None else self.joint.part(now)
        self._acknowledge_backend()
        self._leave(Role.BACKEND, now)
        if (
            self.state is not State.OFFERED
        ):  # a callee may not end what isn't acknowledged (RFC 3261 section 15)
            self._leave(Role.CALLER, now)
        if not self.told:
            self.told = True
            self._tell(sip.response_to(self.invite, 503, to_tag=self.tag), now)
        self.step(Step.ENDED)
        if close_unused:
            for front in fronts:
                if not front.channels and not self.agent.table.awaited(front.port.peer):
                    front.close(now)
        self.agent.taps.ending(self.record, self.invite.call_id, now)
        self.agent.context.register.end(self.record, end, now)
        self.agent.over(self)

    def _leave(self, role: Role, now: float) -> None:
        """Send a BYE on a dialog that stands."""
        side = self.side(role)
        if side is not None:
            side.bye(now)
            self._lose(side, now)

    def _lose(self, side: Side, now: float) -> None:
        """Forget a dialog that is over; and the call, when it ended before and this was the last one."""
        if side.role is Role.CALLER:
            self.caller = None
        else:
            self.backend = None
        self.agent.forget(side, now)
        if self.ended is not None:
            self.agent.over(self)

    def wanted(self) -> tuple[str, ...]:
        """Give the resources its offer asks for."""
        return tuple(resource for resource in _media.resources(self.invite.body).values() if resource)


def _nothing(_now: float) -> None:
    """Go on with nothing."""
