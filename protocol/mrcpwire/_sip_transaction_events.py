"""What the transactions of SIP tell their user: events, and counts."""

from typing import TYPE_CHECKING

import attrs

from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_transaction_flow import Flow

if TYPE_CHECKING:
    from mrcpwire._sip_transaction_client import ClientTransaction
    from mrcpwire._sip_transaction_server import ServerTransaction


@attrs.frozen
class NewRequest:
    """A request that was not seen before; its top Via bears what was seen of its way (RFC 3261 section 18.2.1).

    An ACK has no transaction: it acknowledges a 2xx, or is a stray; which one, the dialog tells (F-23).
    """

    transaction: "ServerTransaction | None"
    request: Request
    flow: Flow


@attrs.frozen
class Answered:
    """A response to a request of ours: every provisional one, and one final one.

    An INVITE that was forked has a 2xx for each To-tag; the same 2xx once more is not told again.
    """

    transaction: "ClientTransaction"
    response: Response


@attrs.frozen
class Cancelled:
    """A CANCEL for an INVITE that has no final response yet; the CANCEL itself was answered (S-06)."""

    transaction: "ServerTransaction"
    request: Request  # the CANCEL


@attrs.frozen
class AckReceived:
    """The ACK to our 300-699 response to an INVITE."""

    transaction: "ServerTransaction"


@attrs.frozen
class TimedOut:
    """No final response came in 64*T1 (Timers B and F); nor will this transaction tell of one."""

    transaction: "ClientTransaction"


@attrs.frozen
class NeverAcked:
    """No ACK to our 2xx in 64*T1 (RFC 3261 section 13.3.1.4): the dialog is to be ended."""

    transaction: "ServerTransaction"


@attrs.frozen
class TransportFailed:
    """The connection of a request broke before its final response."""

    transaction: "ClientTransaction"


Event = NewRequest | Answered | Cancelled | AckReceived | TimedOut | NeverAcked | TransportFailed


@attrs.define
class Statistics:
    """What happened so far, as plain counts."""

    retransmissions: int = 0  # sendings beyond the first
    absorbed: int = 0  # messages that came again and were not told
    timeouts: int = 0  # transactions that ended unanswered, or unacknowledged
    dropped: int = 0  # messages that fit nowhere, or came at the limit
    refused: int = 0  # requests answered without a transaction: loops, merged ones, INVITEs at the limit
