"""Server transactions (RFC 3261 sections 17.2, 8.2.2.2, 9.2): requests of peers, told once, answered until that arrives."""

from collections.abc import Callable
from typing import Final

from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_transaction_events import AckReceived, Cancelled, NeverAcked, NewRequest, Statistics
from mrcpwire._sip_transaction_flow import Flow
from mrcpwire._sip_transaction_machine import Machine, Transaction
from mrcpwire._sip_transaction_match import (
    Key,
    has_cookie,
    merge_key,
    reply_flow,
    request_key,
    seen_on,
    stateless_tag,
)
from mrcpwire._sip_transaction_tables import Kind, State, Step, step_of
from mrcpwire._sip_write import response_to

_TRYING: Final = 100
_OK: Final = 200
_NO_TRANSACTION: Final = 481
_LOOP: Final = 482
_UNAVAILABLE: Final = 503

# Where a request that comes again gets its response again. Later the ACK has come, or the 2xx is repeated anyway.
_ANSWERS_AGAIN: Final = (State.PROCEEDING, State.CANCELLED, State.COMPLETED)


class ServerTransaction(Transaction):
    """A request of a peer, until our response has arrived; `flow` is where responses go."""

    __slots__ = ("key", "merge_key", "tag")

    def __init__(self, kind: Kind, method: bytes, flow: Flow, key: Key, merge: Key | None) -> None:
        super().__init__(kind, method, flow)
        self.key = key
        self.merge_key = merge  # only of a request outside of dialogs
        self.tag: bytes | None = None  # the To-tag of our responses to an INVITE


class ServerSide:
    """All server transactions of a user agent."""

    def __init__(
        self,
        machine: Machine,
        statistics: Statistics,
        out: list[tuple[Flow, bytes]],
        limit: int,
        is_ours: Callable[[bytes | None], bool],
    ) -> None:
        self._machine = machine
        self._statistics = statistics
        self._out = out
        self._limit = limit
        self._is_ours = is_ours  # tells whether a branch is that of a client transaction
        self._live: dict[Key, ServerTransaction] = {}
        self._merges: dict[Key, ServerTransaction] = {}
        self._untold: list[tuple[ServerTransaction, Request]] = []  # INVITEs whose peer has heard nothing

    def request(
        self, request: Request, flow: Flow, now: float
    ) -> NewRequest | Cancelled | AckReceived | None:
        """Take a request."""
        match request.method:
            case b"ACK":
                return self._ack(request, flow, now)
            case b"CANCEL":
                return self._cancel(request, flow, now)
        key = request_key(request, request.method)
        transaction = self._live.get(key)
        if transaction is not None:
            self._repeat(transaction, now)
            return None
        return self._new(key, request, flow, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a response."""
        data = response.to_bytes()
        self._machine.step(transaction, step_of(response.status), now)
        transaction.data = data
        if transaction.kind is Kind.INVITE_SERVER and transaction.tag is None:
            transaction.tag = response.to.tag
        self._out.append((transaction.flow, transaction.data))
        if transaction.ended:  # over a reliable transport there is nothing to absorb
            self._forget(transaction)

    def acked(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat a 2xx no more."""
        if self._machine.step(transaction, Step.ACKED, now) is State.ACCEPTED:
            transaction.data = b""

    def reassure(self) -> None:
        """Send a 100 for every INVITE that has no response yet: it needs to be sent no more (C.4)."""
        for transaction, request in self._untold:
            if not transaction.data:
                stamp = request.headers.get(b"timestamp")
                headers = () if stamp is None else ((b"Timestamp", stamp),)  # RFC 3261 section 8.2.6.1
                transaction.data = response_to(request, _TRYING, headers=headers).to_bytes()
                self._out.append((transaction.flow, transaction.data))
        self._untold.clear()

    def rang(self, transaction: ServerTransaction, now: float) -> NeverAcked | None:
        """Do what is due for a transaction."""
        if transaction.ends_at > now:
            self._again(transaction)
            self._machine.repeated(transaction, now)
            return None
        before = self._machine.step(transaction, Step.OVER, now)
        self._forget(transaction)
        unacknowledged = before is State.ACCEPTED
        # Timer H means that an ACK to 300-699 was lost each time: nobody can do anything about that.
        if unacknowledged or (before is State.COMPLETED and transaction.kind is Kind.INVITE_SERVER):
            self._statistics.timeouts += 1
        return NeverAcked(transaction) if unacknowledged else None

    def _new(self, key: Key, request: Request, flow: Flow, now: float) -> NewRequest | None:
        invite = request.method == b"INVITE"
        if any(self._is_ours(via.branch) for via in request.vias):  # G-8
            self._refuse(request, flow, _LOOP)
            return None
        if self._machine.alive >= self._limit:  # G-6
            if invite:
                self._refuse(request, flow, _UNAVAILABLE)
            else:
                self._statistics.dropped += 1
            return None
        merge = merge_key(request) if request.to.tag is None else None
        if merge in self._merges:
            self._refuse(request, flow, _LOOP)
            return None
        request = seen_on(request, flow)
        kind = Kind.INVITE_SERVER if invite else Kind.SERVER
        transaction = ServerTransaction(kind, request.method, reply_flow(request, flow), key, merge)
        self._live[key] = transaction
        if merge is not None:
            self._merges[merge] = transaction
        self._machine.begin(transaction, now)
        if invite:
            self._untold.append((transaction, request))
        return NewRequest(transaction, request, flow)

    def _repeat(self, transaction: ServerTransaction, now: float) -> None:
        """Absorb a request that came again."""
        self._machine.step(transaction, Step.REQUEST, now)
        self._statistics.absorbed += 1
        if transaction.data and transaction.state in _ANSWERS_AGAIN:
            self._again(transaction)

    def _ack(self, request: Request, flow: Flow, now: float) -> NewRequest | AckReceived | None:
        transaction = self._live.get(request_key(request, b"INVITE"))
        if transaction is None:
            if self._is_ours(request.vias[0].branch):  # G-8: the ACK to our own 482
                self._statistics.dropped += 1
                return None
            return NewRequest(None, request, flow)
        if transaction.state is State.COMPLETED and not _acknowledges(request, transaction):
            return NewRequest(None, request, flow)
        before = self._machine.step(transaction, Step.ACK, now)
        if before in (State.ACCEPTED, State.ACKNOWLEDGED):  # a peer that keeps the branch for a 2xx too
            return NewRequest(None, request, flow)
        if before is not State.COMPLETED:
            self._statistics.absorbed += 1
            return None
        transaction.data = b""
        if transaction.ended:
            self._forget(transaction)
        return AckReceived(transaction)

    def _cancel(self, request: Request, flow: Flow, now: float) -> Cancelled | None:
        """Answer a CANCEL (RFC 3261 section 9.2), which is a transaction of its own where it matches one (S-06)."""
        key = request_key(request, b"CANCEL")
        known = self._live.get(key)
        if known is not None:
            self._repeat(known, now)
            return None
        invite = self._live.get(request_key(request, b"INVITE"))
        if invite is None:
            self._refuse(request, flow, _NO_TRANSACTION)
            return None
        before = self._machine.step(invite, Step.CANCEL, now)
        seen = seen_on(request, flow)
        cancel = ServerTransaction(Kind.SERVER, b"CANCEL", reply_flow(seen, flow), key, None)
        self._live[key] = cancel
        self._machine.begin(cancel, now)
        self.respond(cancel, response_to(seen, _OK, to_tag=invite.tag or stateless_tag(seen)), now)
        return Cancelled(invite, request) if before is State.PROCEEDING else None

    def _refuse(self, request: Request, flow: Flow, status: int) -> None:
        """Answer without a transaction: once for each time it comes, and with nothing to remember (G-6)."""
        self._statistics.refused += 1
        request = seen_on(request, flow)
        response = response_to(request, status, to_tag=stateless_tag(request))
        self._out.append((reply_flow(request, flow), response.to_bytes()))

    def _again(self, transaction: ServerTransaction) -> None:
        self._statistics.retransmissions += 1
        self._out.append((transaction.flow, transaction.data))

    def _forget(self, transaction: ServerTransaction) -> None:
        del self._live[transaction.key]
        if transaction.merge_key is not None:
            del self._merges[transaction.merge_key]


def _acknowledges(ack: Request, transaction: ServerTransaction) -> bool:
    """Tell whether an ACK is for our response: by branch, else its To-tag must be ours (RFC 3261 section 17.2.3)."""
    return has_cookie(ack.vias[0]) or ack.to.tag == transaction.tag
