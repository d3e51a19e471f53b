"""Requests outside sessions, each with its answer, made into what can be played as a session is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mrcpbalance.traces.sessions import End, Message, Outcome, Parsed, Protocol, Session
from mrcpwire import rtsp, sip

from ._facts import fact

_FINAL: Final = 200
_PLAYED: Final = (b"OPTIONS", b"DESCRIBE")  # all that speech servers are asked


def asks_aside(parsed: Parsed) -> bool:
    """Tell whether this is a request outside sessions that is played."""
    match parsed:
        case rtsp.Request(method=method, session=None):
            return method in _PLAYED
        case sip.Request(method=b"OPTIONS"):
            return parsed.to.tag is None
        case _:
            return False


def asides(messages: Iterable[Message], sessions: Sequence[Session]) -> Iterator[Session]:
    """Give those that were captured whole and asked a server of the sessions; any server, where there are no sessions.

    Others are what one phone exchange asks another, or a viewer its camera.
    """
    found: dict[object, list[Message]] = {}
    for message in messages:
        parsed = message.parsed
        if asks_aside(parsed):
            found.setdefault(_key(message, parsed), [message])  # what comes again is nothing new
        elif isinstance(parsed, rtsp.Response | sip.Response) and parsed.status >= _FINAL:
            asked = found.get(_key(message, parsed))
            if asked is not None and len(asked) == 1:
                message.answers = asked[0]
                asked.append(message)
    servers = {
        protocol: {one.server for one in sessions if one.protocol is protocol} for protocol in Protocol
    }
    for exchange in found.values():
        session = _session(exchange)
        known = servers[session.protocol]
        if not any(message.cut for message in exchange) and (not known or session.server in known):
            yield session


def _key(message: Message, parsed: Parsed) -> object:
    if isinstance(parsed, sip.Request | sip.Response):
        return parsed.call_id, parsed.cseq
    return message if message.answers is None else message.answers


def _session(exchange: list[Message]) -> Session:
    request = exchange[0]
    is_sip = isinstance(request.parsed, sip.Request)
    return Session(
        number=0,
        protocol=Protocol.MRCPV2 if is_sip else Protocol.MRCPV1,
        id=fact(request.parsed).about,
        keys=(),
        caller=request.source,
        server=request.target,
        resources=(),
        outcome=Outcome(end=End.COMPLETED if len(exchange) > 1 else End.UNFINISHED),
        start=request.time,
        set_up=None,
        duration=exchange[-1].time - request.time,
        counts={},
        methods={},
        causes=(),
        findings=(),
        connections=() if request.connection is None else (request.connection,),
        messages=tuple(exchange),
        is_aside=True,
    )
