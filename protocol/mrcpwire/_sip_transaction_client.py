"""Client transactions (RFC 3261 sections 17.1 and 9.1): requests of ours, sent until their responses have come."""

from collections.abc import Callable, Hashable
from typing import Final

from mrcpwire._errors import LocalProtocolError
from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_transaction_events import Answered, Statistics, TimedOut, TransportFailed
from mrcpwire._sip_transaction_flow import Flow
from mrcpwire._sip_transaction_machine import Machine, Transaction
from mrcpwire._sip_transaction_tables import Kind, State, Step, step_of
from mrcpwire._sip_uri import hostport

COOKIE: Final = b"z9hG4bK"  # begins every branch since RFC 3261 (section 8.1.1.7)
FORKS: Final = 16  # 2xx with different To-tags that one INVITE may bring

_HOP: Final = (b"via", b"max-forwards", b"route", b"from", b"to", b"call-id", b"cseq")
_ANSWERED: Final = (State.COMPLETED, State.ACCEPTED)


class ClientTransaction(Transaction):
    """A request of ours, until its responses have come.

    `branch` is what names it. An INVITE keeps `request` as it was sent while there may be a CANCEL or an ACK to make of
    it; then `acks` has the To-tag of every 2xx that came, and how its ACK was sent.
    """

    __slots__ = ("acks", "branch", "request")

    def __init__(self, kind: Kind, method: bytes, flow: Flow, branch: bytes) -> None:
        super().__init__(kind, method, flow)
        self.branch = branch
        self.request: Request | None = None
        self.acks: dict[bytes, tuple[Flow, bytes] | None] = {}


class ClientSide:
    """All client transactions of a user agent."""

    def __init__(
        self,
        machine: Machine,
        statistics: Statistics,
        out: list[tuple[Flow, bytes]],
        new_branch: Callable[[], str],
    ) -> None:
        self._machine = machine
        self._statistics = statistics
        self._out = out
        self._new_branch = new_branch
        self._live: dict[bytes, ClientTransaction] = {}  # by branch
        self._cancels: dict[bytes, ClientTransaction] = {}  # by branch, which is that of their INVITE
        self._by_key: dict[Hashable, dict[ClientTransaction, None]] = {}  # by the key of their flow

    def __contains__(self, branch: bytes | None) -> bool:
        return branch in self._live

    def request(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        """Send a request with a Via of ours."""
        method = request.method
        if method in (b"ACK", b"CANCEL"):
            raise LocalProtocolError(f"{method.decode()} is no request of its own")
        branch, sent = self._with_via(request, flow)
        kind = Kind.INVITE_CLIENT if method == b"INVITE" else Kind.CLIENT
        transaction = ClientTransaction(kind, method, flow, branch)
        if kind is Kind.INVITE_CLIENT:
            transaction.request = sent
        self._begin(self._live, transaction, sent, now)
        return transaction

    def response(self, response: Response, now: float) -> Answered | None:
        """Take a response."""
        method = response.cseq[1]
        live = self._cancels if method == b"CANCEL" else self._live
        transaction = live.get(response.vias[0].branch or b"")
        if transaction is None or transaction.method != method:
            self._statistics.dropped += 1
            return None
        step = step_of(response.status)
        before = self._machine.step(transaction, step, now)
        if before in _ANSWERED:
            return self._answered_before(transaction, step, response)
        if before is State.CANCEL_DUE and step is Step.PROVISIONAL:
            self._send_cancel(transaction, now)
        elif step is not Step.PROVISIONAL:
            self._answered(transaction, step, response)
        return None if method == b"CANCEL" else Answered(transaction, response)

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE, now or when a provisional response comes (S-06)."""
        before = self._machine.step(transaction, Step.CANCEL, now)
        if before is State.PROCEEDING:
            self._send_cancel(transaction, now)

    def ack(self, transaction: ClientTransaction, request: Request, flow: Flow | None) -> None:
        """Send the ACK to a 2xx, and keep it for when that 2xx comes again."""
        self._machine.next(transaction, Step.ACK)
        flow = flow or transaction.flow
        way = flow, self._with_via(request, flow)[1].to_bytes()
        tag = request.to.tag or b""
        if tag in transaction.acks:
            transaction.acks[tag] = way
        self._out.append(way)

    def failed(self, key: Hashable, now: float) -> list[TransportFailed]:
        """End what went over a connection that broke."""
        events = []
        for transaction in list(self._by_key.get(key, ())):
            before = self._machine.step(transaction, Step.LOST, now)
            self._forget(transaction)
            if before not in _ANSWERED and transaction.method != b"CANCEL":
                events.append(TransportFailed(transaction))
        return events

    def rang(self, transaction: ClientTransaction, now: float) -> TimedOut | None:
        """Do what is due for a transaction."""
        if transaction.ends_at > now:
            self._statistics.retransmissions += 1
            self._out.append((transaction.flow, transaction.data))
            self._machine.repeated(transaction, now)
            return None
        before = self._machine.step(transaction, Step.OVER, now)
        self._forget(transaction)
        if before in _ANSWERED:
            return None
        self._statistics.timeouts += 1
        return None if transaction.method == b"CANCEL" else TimedOut(transaction)

    def _begin(
        self, live: dict[bytes, ClientTransaction], transaction: ClientTransaction, sent: Request, now: float
    ) -> None:
        if transaction.branch in live:
            raise LocalProtocolError(f"a branch that is in use: {transaction.branch!r}")
        transaction.data = sent.to_bytes()
        live[transaction.branch] = transaction
        self._by_key.setdefault(transaction.flow.key, {})[transaction] = None
        self._out.append((transaction.flow, transaction.data))
        self._machine.begin(transaction, now)

    def _with_via(self, request: Request, flow: Flow) -> tuple[bytes, Request]:
        """Put our Via on top, with a branch of its own (C.3)."""
        branch = COOKIE + self._new_branch().encode()
        host, port = flow.local
        via = b"SIP/2.0/%b %b;branch=%b;rport" % (
            flow.transport.upper().encode(),
            hostport(host.encode(), port),
            branch,
        )
        return branch, request.with_headers(request.headers.prepend(b"Via", via))

    def _answered(self, transaction: ClientTransaction, step: Step, response: Response) -> None:
        """Take the first final response."""
        request, transaction.request = transaction.request, None
        transaction.data = b""
        if request is not None and step is Step.FAILURE:
            transaction.data = _hop(request, b"ACK", response.headers.get(b"to")).to_bytes()
            self._out.append((transaction.flow, transaction.data))
        elif request is not None:
            transaction.acks = {response.to.tag or b"": None}
        if transaction.ended:  # over a reliable transport there is nothing to absorb
            self._forget(transaction)

    def _answered_before(
        self, transaction: ClientTransaction, step: Step, response: Response
    ) -> Answered | None:
        """Take a response after the final one: a repeat, a late one, or the 2xx of another fork."""
        accepted = transaction.state is State.ACCEPTED
        if accepted and step is Step.SUCCESS:
            return self._accepted_again(transaction, response)
        self._statistics.absorbed += 1
        if transaction.kind is Kind.INVITE_CLIENT and not accepted and step is Step.FAILURE:
            self._again(transaction.flow, transaction.data)
        return None

    def _accepted_again(self, transaction: ClientTransaction, response: Response) -> Answered | None:
        tag = response.to.tag or b""
        if tag not in transaction.acks and len(transaction.acks) < FORKS:
            transaction.acks[tag] = None
            return Answered(transaction, response)
        self._statistics.absorbed += 1
        if way := transaction.acks.get(tag):
            self._again(*way)
        return None

    def _again(self, flow: Flow, data: bytes) -> None:
        self._statistics.retransmissions += 1
        self._out.append((flow, data))

    def _send_cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Send the CANCEL of an INVITE: the same branch, a transaction of its own (RFC 3261 section 9.1)."""
        assert transaction.request is not None  # an INVITE keeps it until its final response
        request = _hop(transaction.request, b"CANCEL")
        cancel = ClientTransaction(Kind.CLIENT, b"CANCEL", transaction.flow, transaction.branch)
        self._begin(self._cancels, cancel, request, now)

    def _forget(self, transaction: ClientTransaction) -> None:
        live = self._cancels if transaction.method == b"CANCEL" else self._live
        del live[transaction.branch]
        key = transaction.flow.key
        of_key = self._by_key[key]
        del of_key[transaction]
        if not of_key:
            del self._by_key[key]


def _hop(invite: Request, method: bytes, to: bytes | None = None) -> Request:
    """Make the ACK to a 300-699, or the CANCEL, that goes where an INVITE went (RFC 3261 sections 17.1.1.3, 9.1)."""
    headers = invite.headers.only(*_HOP)
    headers = headers.with_(b"Via", headers.values(b"via")[0])
    headers = headers.with_(b"CSeq", b"%d %b" % (invite.cseq[0], method))
    if to is not None:
        headers = headers.with_(b"To", to)
    return Request(method=method, uri=invite.uri, headers=headers)
