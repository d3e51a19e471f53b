"""MRCPv1 messages, as they stand in RTSP bodies, to and from what simulated peers use (RFC 4463, section 5)."""

from collections.abc import Mapping
from typing import Final

import attrs

from mrcpwire import Headers, mrcpv1

from ._messages import Event, Message, Request, Response, decode, encode

# Names that MRCPv2 changed.
_OLD: Final[Mapping[str, str]] = {"START-OF-INPUT": "START-OF-SPEECH"}


def read(text: bytes) -> Message | None:
    """Read the message in an RTSP body; None when there is none."""
    first = mrcpv1.first_line(text)
    if first is None:
        return None
    head, _, body = text.partition(b"\r\n\r\n")
    headers = decode(Headers.split((head + b"\r\n").partition(b"\n")[2]))
    name, number = first.name.decode("ascii"), first.request_id
    state = (first.state or b"").decode("ascii")
    match first.kind:
        case mrcpv1.Kind.REQUEST:
            return Request(method=name, request_id=number, headers=headers, body=body)
        case mrcpv1.Kind.RESPONSE:
            status = first.status or 0
            return Response(request_id=number, status=status, state=state, headers=headers, body=body)
        case mrcpv1.Kind.EVENT:
            return Event(name=name, request_id=number, state=state, headers=headers, body=body)


def write(message: Message) -> bytes:
    """Write a message."""
    number, headers, body = message.request_id, encode(message.headers), message.body
    match message:
        case Request(method=method):
            return mrcpv1.request(method.encode(), number, headers, body)
        case Response(status=status, state=state):
            return mrcpv1.response(number, status, state.encode(), headers, body)
        case Event(name=event, state=state):
            return mrcpv1.event(event.encode(), number, state.encode(), headers, body)


def renamed(event: Event) -> Event:
    """Give an event the name it had before MRCPv2."""
    return attrs.evolve(event, name=_OLD.get(event.name, event.name))
