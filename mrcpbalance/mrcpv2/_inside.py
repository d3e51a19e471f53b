"""What either side asks inside a call: passed to the other side, or answered here (S-07 to S-11)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import Alarm
from mrcpwire import sip
from mrcpwire.sip_transactions import ClientTransaction, ServerTransaction

from . import _media, _relay
from ._side import Role, Side

if TYPE_CHECKING:
    from ._call import Call

GONE: Final = frozenset((408, 481))  # answers to a passed request that end the call (S-07)
RETRY_AFTER: Final = ((b"Retry-After", b"2"),)
NO_ROOM: Final = 486
FINAL_WITHIN: Final = 20.0  # seconds for a final answer, once there was a provisional one


@attrs.define(eq=False)
class Passing:
    """A request on its way from one side to the other."""

    call: "Call"
    source: Side
    target: Side
    request: sip.Request
    server: ServerTransaction
    exclusive: bool  # a re-INVITE or UPDATE: one at a time
    added: tuple[str, ...] = ()  # resources that seats were taken for
    transaction: ClientTransaction | None = None
    answer: sip.Response | None = None
    acknowledged: bool = False  # the other side's 2xx
    settled: bool = False  # the source has a 2xx of ours to acknowledge
    told: bool = False  # the source has its final answer
    over: bool = False
    alarm: Alarm | None = None  # while there is a provisional answer and no other

    def start(self, now: float) -> None:
        """Send it on, its description rewritten."""
        if self.exclusive:
            self.call.agent.calls[self.server] = self.call
        self.transaction = self.target.ask(
            self.request.method,
            self,
            now,
            headers=_relay.passed_on(self.request),
            body=self._rewritten(self.request.body, self.target.role),
            content_type=self.request.headers.get(b"Content-Type"),
        )

    def _rewritten(self, body: bytes, towards: Role) -> bytes:
        joint = self.call.joint
        if joint is None or not body or self.request.method not in (b"INVITE", b"UPDATE", b"ACK"):
            return body
        return joint.to_caller(body) if towards is Role.CALLER else joint.to_backend(body)

    def answered(self, transaction: ClientTransaction, response: sip.Response, now: float) -> None:
        """Take the other side's answer."""
        if response.status < 200:  # noqa: PLR2004 - the provisional class
            if self.request.method == b"INVITE" and not self.over:
                self._provisional(response, now)
            return
        self._quiet()
        self.answer = response
        if self.request.body or self.over:
            self._acknowledge()
        if self.over:
            return
        if response.status >= 300:  # noqa: PLR2004 - where the class of success ends
            self._refused(response, now)
        elif self._changes_channels(response):
            assert self.call.joint is not None
            self.call.joint.join(response.body, self.request.body, now, self._done, self._unjoined)
        else:
            self._done(now)

    def _provisional(self, response: sip.Response, now: float) -> None:
        """Pass it on; from now on it is up to us to lose patience (RFC 3261 section 16.6, step 11)."""
        if self.alarm is None:
            self.alarm = self.call.agent.context.shell.alarm(self.cancel)
            self.alarm.set(now + FINAL_WITHIN)
        if response.status > 100:  # noqa: PLR2004 - 100 is between neighbours
            self._tell(sip.response_to(self.request, response.status, response.reason, to_tag=None), now)

    def _quiet(self) -> None:
        if self.alarm is not None:
            self.alarm.clear()

    def _changes_channels(self, response: sip.Response) -> bool:
        described = bool(response.body and self.request.body)
        return self.call.joint is not None and described and self.target.role is Role.BACKEND

    def _done(self, now: float) -> None:
        answer = self.answer
        assert answer is not None
        self.target.dialog.refresh_target(answer)
        body = self._rewritten(answer.body, self.source.role)
        contact = self.source.call.agent.contact(self.source.flow)
        self._tell(self.call.compose(self.request, answer, body, contact), now)
        self._settle(now)

    def _unjoined(self, why: str, now: float) -> None:
        self.call.agent.context.journal.note(
            "control-connection-failed", level="warning", session=self.call.record.id, reason=why
        )
        self._tell(sip.response_to(self.request, 500, to_tag=None), now)
        self.finish()
        self.call.end(End(Who.BACKEND, Phase.ACTIVE), now)

    def _refused(self, response: sip.Response, now: float) -> None:
        self._give_back()
        self._tell(
            sip.response_to(
                self.request,
                response.status,
                response.reason,
                to_tag=None,
                headers=_relay.passed_on(response),
            ),
            now,
        )
        self.finish()
        if response.status in GONE:
            who = Who.CLIENT if self.target.role is Role.CALLER else Who.BACKEND
            self.call.end(End(who, Phase.ACTIVE), now)

    def unanswered(self, transaction: ClientTransaction, now: float) -> None:
        """End the call: its other side doesn't answer any more (S-07)."""
        if not self.over:
            self._give_back()
            self._tell(sip.response_to(self.request, 408, to_tag=None), now)
            self.finish()
            self.call.end(End(Who.TIMEOUT, Phase.ACTIVE), now)

    def _tell(self, response: sip.Response, now: float) -> None:
        self.told = response.status >= 200  # noqa: PLR2004 - final
        self.source.tell(self.server, response, now)

    def _settle(self, now: float) -> None:
        """Release what the new description no longer holds; wait for the ACK if one is still to bring an answer."""
        if self.exclusive and self.answer is not None:
            granting = self.answer if self.target.role is Role.BACKEND else self.request
            self.call.count_resources(granting.body, now)
        if self.request.method == b"INVITE":
            self.settled = True
        else:
            self.finish()

    def _give_back(self) -> None:
        for resource in self.added:
            assert self.call.record.seat is not None, "it was taken on one"
            self.call.record.seat.drop(resource)
        self.added = ()

    def acked(self, ack: sip.Request, now: float) -> None:
        """Take the source's ACK; without an offer in the request it brings the answer."""
        self.call.agent.transactions.acked(self.server, now)
        body = self._rewritten(ack.body, self.target.role)
        self._acknowledge(body, ack.headers.get(b"Content-Type"))
        self.finish()

    def is_acked_by(self, side: Side, ack: sip.Request) -> bool:
        """Tell whether an ACK is for our 2xx to it; one for an earlier request has a lower CSeq (F-23: some a higher)."""
        return self.settled and self.source is side and ack.cseq[0] >= self.request.cseq[0]

    def superseded(self, now: float) -> None:
        """Take it that the source has seen our 2xx, as it asks for something else; its ACK was lost, or is late."""
        self.call.agent.transactions.acked(self.server, now)
        self._acknowledge()
        self.finish()

    def _acknowledge(self, body: bytes = b"", content_type: bytes | None = None) -> None:
        """Acknowledge the 2xx of the other side, once."""
        invite = self.request.method == b"INVITE" and self.answer is not None and self.answer.status < 300  # noqa: PLR2004
        if invite and not self.acknowledged and self.transaction is not None:
            self.acknowledged = True
            self.target.acknowledge(self.transaction, body=body, content_type=content_type)

    def cancel(self, now: float) -> None:
        """Cancel it on the other side too, whose answer is passed on as ever (S-06)."""
        if self.transaction is not None and self.answer is None and self.request.method == b"INVITE":
            self.call.agent.transactions.cancel(self.transaction, now)
            self.call.agent.flush(now)

    def finish(self) -> None:
        """Let the next one come."""
        self.over = True
        if self.call.passing is self:
            self.call.passing = None
        if self.exclusive:
            self.call.agent.calls.pop(self.server, None)

    def drop(self, now: float) -> None:
        """Answer for a call that has ended meanwhile."""
        if not self.told:
            self._tell(sip.response_to(self.request, 487, to_tag=None), now)
        # Nobody is left who would hear the ACK to our 2xx.
        self.call.agent.transactions.acked(self.server, now)
        self._acknowledge()
        self.cancel(now)
        self._quiet()
        self.finish()


def handle(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    """Route one request inside a call."""
    refusal = side.dialog.accepts(request)
    if refusal is not None:
        side.tell(server, sip.response_to(request, refusal), now)
        return
    INSIDE.get(request.method, _unknown)(side, server, request, now)


def _bye(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    side.tell(server, sip.response_to(request, 200), now)
    side.call.bye(side, now)


def _exclusive(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    """Pass a re-INVITE or UPDATE on, one at a time (S-07)."""
    call = side.call
    other = call.side(Role.BACKEND if side.role is Role.CALLER else Role.CALLER)
    if other is None:
        _nobody(side, server, request, now)
        return
    if call.passing is not None and call.passing.settled and call.passing.source is side:
        call.passing.superseded(now)
    pending = _pending(call)
    if pending is not None:
        again = sip.response_to(request, 500, headers=RETRY_AFTER)
        side.tell(server, again if pending is side else sip.response_to(request, 491), now)
        return
    added = _added(call, side, request, now)
    if added is None:
        side.tell(server, sip.response_to(request, NO_ROOM), now)
        return
    side.dialog.refresh_target(request)
    call.passing = Passing(call, side, other, request, server, exclusive=True, added=added)
    call.passing.start(now)


def _pending(call: "Call") -> Side | None:
    """Tell whose offer, or promise of one, has no answer yet; the first of all may come with the caller's ACK."""
    if call.passing is not None:
        return call.passing.source
    return call.caller if call.invited is not None else None


def _added(call: "Call", side: Side, request: sip.Request, now: float) -> tuple[str, ...] | None:
    """Take seats for the resources a caller's new offer adds; None when there is no room for one."""
    seat = call.record.seat
    if side.role is not Role.CALLER or seat is None or not request.body:
        return ()
    held, added = list(seat.resources), []
    for resource in _media.resources(request.body).values():
        if resource in held:
            held.remove(resource)
        elif resource and seat.add(resource, now):
            added.append(resource)
        elif resource:
            for taken in added:
                seat.drop(taken)
            return None
    return tuple(added)


def _pass(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    """Pass a request on blindly (S-10)."""
    call = side.call
    other = call.side(Role.BACKEND if side.role is Role.CALLER else Role.CALLER)
    if other is None:
        _nobody(side, server, request, now)
    else:
        Passing(call, side, other, request, server, exclusive=False).start(now)


def _nobody(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    """Refuse what is for a side that has left already, or is yet to come."""
    ended = side.call.ended is not None
    told = sip.response_to(request, 481) if ended else sip.response_to(request, 500, headers=RETRY_AFTER)
    side.tell(server, told, now)


def _options(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    headers = ((b"Allow", _relay.ALLOW), (b"Accept", b"application/sdp"))
    side.tell(server, sip.response_to(request, 200, headers=headers), now)


def _prack(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    side.tell(server, sip.response_to(request, 481), now)


def _unknown(side: Side, server: ServerTransaction, request: sip.Request, now: float) -> None:
    side.tell(server, sip.response_to(request, 501, headers=((b"Allow", _relay.ALLOW),)), now)


INSIDE: Final[Mapping[bytes, Callable[[Side, ServerTransaction, sip.Request, float], None]]] = {
    b"BYE": _bye,
    b"INVITE": _exclusive,
    b"UPDATE": _exclusive,
    b"INFO": _pass,
    b"MESSAGE": _pass,
    b"OPTIONS": _options,
    b"PRACK": _prack,
}
