"""How long the MRCP requests inside ANNOUNCE take: read off the first lines of what passes, and of nothing else.

To a proxy these bodies are opaque (R-12): they are split at blanks, not checked. What is nonsense matches nothing.
"""

from typing import TYPE_CHECKING, Final

from mrcpbalance.sessions import MOST_ASKED
from mrcpwire import mrcpv1, rtsp

if TYPE_CHECKING:
    from mrcpbalance.sessions import Meter

    from ._session import RtspSession

type_begun = dict[
    bytes, tuple[bytes, float]
]  # by request-id: method and time of each request that isn't complete

LINE: Final = 128  # octets in which a first line has all that counts
HEAD: Final = 4096  # octets in which a Completion-Cause is looked for
_CAUSE: Final = b"\r\nCompletion-Cause: "


def asked(session: "RtspSession", request: rtsp.Request, now: float) -> None:
    """Take a request that is on its way."""
    at = request.body_at
    words = request.raw[at : at + LINE].split(b" ", 2)  # RECOGNIZE 1 MRCP/1.0
    if len(words) != 3:  # noqa: PLR2004
        return
    begun = session.begun
    if begun is None:
        begun = session.begun = {}
    elif len(begun) >= MOST_ASKED:
        del begun[next(iter(begun))]
    begun[words[1]] = (words[0], now)


def answered(begun: type_begun, meter: "Meter", response: rtsp.Response, now: float) -> None:
    """Take a response; it may be the last word."""
    raw, at = response.raw, response.body_at
    if raw.find(b" COMPLETE\r", at, at + LINE) > 0:
        words = raw[at : at + LINE].split(b" ", 2)  # MRCP/1.0 1 200 COMPLETE
        one = begun.pop(words[1], None)
        if one is not None:
            meter.done(one[0], now - one[1])


def happened(begun: type_begun, meter: "Meter", event: rtsp.Request, now: float) -> None:
    """Take an event; it may complete a request."""
    raw, at = event.raw, event.body_at
    if raw.find(b" COMPLETE ", at, at + LINE) < 0:
        return
    one = begun.pop(raw[at : at + LINE].split(b" ", 2)[1], None)  # RECOGNITION-COMPLETE 1 COMPLETE MRCP/1.0
    if one is None:
        return
    meter.done(one[0], now - one[1])
    start = raw.find(_CAUSE, at, at + HEAD)
    if start < 0:
        meter.completed(mrcpv1.completion_cause(raw[at : at + HEAD]))
    else:
        start += len(_CAUSE)
        meter.completed(raw[start : raw.find(b"\r", start)])
