"""SIP transactions (RFC 3261 section 17 with RFC 6026): requests and responses that arrive once, whatever is lost."""

from collections.abc import Callable, Hashable

from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_transaction_client import ClientSide, ClientTransaction
from mrcpwire._sip_transaction_events import (
    AckReceived,
    Answered,
    Cancelled,
    Event,
    NeverAcked,
    NewRequest,
    Statistics,
    TimedOut,
    TransportFailed,
)
from mrcpwire._sip_transaction_flow import Flow
from mrcpwire._sip_transaction_machine import Machine, Transaction
from mrcpwire._sip_transaction_server import ServerSide, ServerTransaction
from mrcpwire._sip_transaction_tables import State, Timers

__all__ = [
    "AckReceived",
    "Answered",
    "Cancelled",
    "ClientTransaction",
    "Event",
    "Flow",
    "NeverAcked",
    "NewRequest",
    "ServerTransaction",
    "State",
    "Statistics",
    "TimedOut",
    "Timers",
    "Transactions",
    "TransportFailed",
]


class Transactions:
    """Every transaction of one user agent.

    After each call, `output` has what is to be sent and `next_deadline` says when `expire` is due; `now` is seconds
    on any clock that never goes back. `new_branch` gives the unguessable part of a branch, a token. At `limit`
    transactions no new request is taken any more: an INVITE is answered 503, others are dropped (G-6).
    """

    def __init__(self, timers: Timers, new_branch: Callable[[], str], *, limit: int = 10_000) -> None:
        self.statistics = Statistics()
        self._machine = Machine(timers)
        self._out: list[tuple[Flow, bytes]] = []
        self._client = ClientSide(self._machine, self.statistics, self._out, new_branch)
        self._server = ServerSide(self._machine, self.statistics, self._out, limit, self._client.__contains__)

    def __len__(self) -> int:
        """Count the transactions that live."""
        return self._machine.alive

    def received(self, message: Request | Response, flow: Flow, now: float) -> Event | None:
        """Take one message that came on this flow."""
        if isinstance(message, Response):
            return self._client.response(message, now)
        return self._server.request(message, flow, now)

    def request(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        """Send a request, which is no ACK or CANCEL; our Via is put on top."""
        return self._client.request(request, flow, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a response, and repeat it as its kind asks.

        A 2xx to an INVITE is repeated until `acked`, at most 64*T1. A 100 goes out by itself when an INVITE has no
        response at the next `output`. Raises `LocalProtocolError` for a second final response.
        """
        self._server.respond(transaction, response, now)

    def acked(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat the 2xx to an INVITE no more: its dialog saw an ACK. Nothing happens where none is repeated."""
        self._server.acked(transaction, now)

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE, as soon as a provisional response allows (S-06); its user is told the outcome as ever.

        64*T1 after the CANCEL that is `TimedOut`. Nothing happens when there was a final response.
        """
        self._client.cancel(transaction, now)

    def ack(self, transaction: ClientTransaction, request: Request, flow: Flow | None = None) -> None:
        """Send the ACK to a 2xx, and again whenever that 2xx comes again; on the INVITE's flow unless told otherwise.

        Its To-tag says to which 2xx of a forked INVITE; our Via is put on top.
        """
        self._client.ack(transaction, request, flow)

    def failed(self, flow_key: Hashable, now: float) -> list[TransportFailed]:
        """Take it that a connection broke: requests that wait for a final response on it have failed.

        Transactions of peers stay: what goes out on a flow whose connection is gone may take a new one (18.2.2).
        """
        return self._client.failed(flow_key, now)

    def expire(self, now: float) -> list[TimedOut | NeverAcked]:
        """Do what is due."""
        events: list[TimedOut | NeverAcked] = []
        while (transaction := self._machine.due(now)) is not None:
            event = self._rang(transaction, now)
            if event is not None:
                events.append(event)
        return events

    def next_deadline(self) -> float | None:
        """Tell when `expire` is to be called; None: nothing waits for time."""
        return self._machine.next_deadline()

    def output(self) -> list[tuple[Flow, bytes]]:
        """Take what is to be sent now, in order."""
        self._server.reassure()
        out = self._out[:]
        self._out.clear()
        return out

    def _rang(self, transaction: Transaction, now: float) -> TimedOut | NeverAcked | None:
        if isinstance(transaction, ServerTransaction):
            return self._server.rang(transaction, now)
        assert isinstance(transaction, ClientTransaction)
        return self._client.rang(transaction, now)
