"""MRCPv2 messages to and from what simulated peers use (RFC 6787, section 5)."""

from mrcpwire import mrcpv2

from ._messages import Event, Message, Request, Response, decode, encode


def read(message: mrcpv2.Message) -> Message:
    """Take over a message that was received."""
    headers, body, number = decode(message.headers), message.body, message.request_id
    name, state = message.name.decode("ascii"), message.state.decode("ascii")
    match message.kind:
        case mrcpv2.Kind.REQUEST:
            return Request(method=name, request_id=number, headers=headers, body=body)
        case mrcpv2.Kind.RESPONSE:
            return Response(request_id=number, status=message.status, state=state, headers=headers, body=body)
        case mrcpv2.Kind.EVENT:
            return Event(name=name, request_id=number, state=state, headers=headers, body=body)


def write(message: Message, channel: str) -> bytes:
    """Write a message on a channel."""
    number, headers, body, to = (
        message.request_id,
        encode(message.headers),
        message.body,
        channel.encode("latin-1"),
    )
    match message:
        case Request(method=method):
            return mrcpv2.request(method.encode(), number, to, headers, body)
        case Response(status=status, state=state):
            return mrcpv2.response(number, status, state.encode(), to, headers, body)
        case Event(name=event, state=state):
            return mrcpv2.event(event.encode(), number, state.encode(), to, headers, body)
