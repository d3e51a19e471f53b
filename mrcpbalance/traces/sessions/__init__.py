"""From what was said on connections to sessions, and how they went."""

from ._all import Sessions
from ._book import Keep
from ._conversations import Conversations, Thing
from ._message import Kind, Message, Mrcp, Parsed, mrcp_in
from ._order import Order
from ._resources import resource, segment
from ._session import Cause, End, Outcome, Protocol, Session

__all__ = [
    "Cause",
    "Conversations",
    "End",
    "Keep",
    "Kind",
    "Message",
    "Mrcp",
    "Order",
    "Outcome",
    "Parsed",
    "Protocol",
    "Session",
    "Sessions",
    "Thing",
    "mrcp_in",
    "resource",
    "segment",
]
