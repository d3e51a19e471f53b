"""SIP transactions (RFC 3261 section 17 with RFC 6026): requests and responses that arrive once, whatever is lost."""

from collections.abc import Callable, Hashable

from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_transaction_client import ClientTransaction
from mrcpwire._sip_transaction_events import (
    AckReceived,
    Answered,
    Cancelled,
    Event,
    NeverAcked,
    NewRequest,
    TimedOut,
    TransportFailed,
)
from mrcpwire._sip_transaction_flow import Flow
from mrcpwire._sip_transaction_machine import Statistics, Timers
from mrcpwire._sip_transaction_server import ServerTransaction

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

    def __len__(self) -> int:
        """Count the transactions that live."""
        raise NotImplementedError

    def received(self, message: Request | Response, flow: Flow, now: float) -> Event | None:
        """Take one message that came on this flow."""
        raise NotImplementedError

    def request(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        """Send a request, not an ACK or a CANCEL; our Via is put on top."""
        raise NotImplementedError

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a response, and repeat it as its kind asks.

        A 2xx to an INVITE is repeated until `acked`, at most 64*T1. A 100 goes out by itself when an INVITE has no
        response at the next `output`. Raises `LocalProtocolError` for a second final response.
        """
        raise NotImplementedError

    def acked(self, transaction: ServerTransaction, now: float) -> None:
        """Repeat the 2xx to an INVITE no more: its dialog saw an ACK. Nothing happens where none is repeated."""
        raise NotImplementedError

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE, as soon as a provisional response allows (S-06); its user is told the outcome as ever.

        64*T1 after the CANCEL that is `TimedOut`. Nothing happens when there was a final response.
        """
        raise NotImplementedError

    def ack(self, transaction: ClientTransaction, request: Request, flow: Flow | None = None) -> None:
        """Send the ACK to a 2xx, and again whenever that 2xx comes again; on the INVITE's flow unless told otherwise.

        Its To-tag says to which 2xx of a forked INVITE; our Via is put on top.
        """
        raise NotImplementedError

    def failed(self, flow_key: Hashable, now: float) -> list[Event]:
        """Take it that a connection broke: requests that wait for a final response on it have failed."""
        raise NotImplementedError

    def expire(self, now: float) -> list[Event]:
        """Do what is due."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """Tell when `expire` is to be called; None: nothing waits for time."""
        raise NotImplementedError

    def output(self) -> list[tuple[Flow, bytes]]:
        """Take what is to be sent now, in order."""
        raise NotImplementedError
