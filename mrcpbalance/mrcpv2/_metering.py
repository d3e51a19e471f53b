"""How long MRCP requests take: a channel notes when each was sent, and forgets it with the message that completes it."""

from typing import TYPE_CHECKING, Final

from mrcpbalance.sessions import MOST_ASKED
from mrcpwire import mrcpv2

if TYPE_CHECKING:
    from mrcpbalance.sessions import Meter

type_begun = dict[int, tuple[bytes, float]]  # method and time of each request that isn't complete
COMPLETE: Final = b"COMPLETE"
_EVENT: Final = mrcpv2.Kind.EVENT


def sent(begun: type_begun, request_id: int, method: bytes, now: float) -> None:
    """Note a request."""
    begun[request_id] = (method, now)
    if len(begun) > MOST_ASKED:
        del begun[next(iter(begun))]


def completed(begun: type_begun, meter: "Meter", message: mrcpv2.Message, now: float) -> None:
    """Take a message whose request-state is COMPLETE."""
    one = begun.pop(message.request_id, None)
    if one is None:
        return
    meter.done(one[0], now - one[1])
    if message.kind is _EVENT:
        meter.completed(mrcpv2.completion_cause(message))
