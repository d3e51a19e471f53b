"""Answers behind their questions: captures have them in the wrong order where packets overtook each other."""

from collections.abc import Iterator, Sequence
from typing import Final

from mrcpbalance.traces.sessions import Message
from mrcpwire import mrcpv2, rtsp, sip

_Key = tuple[object, ...]
_FINAL: Final = 200


def in_order(messages: Sequence[Message]) -> Iterator[tuple[int, Message]]:
    """Give the messages of a session with the time each is due; an answer that came too early is told what it answers."""
    asked: set[_Key] = set()
    questions = {key for message in messages if (key := _asks(message)) is not None}
    early: dict[_Key, list[Message]] = {}

    def due(message: Message, time: int) -> Iterator[tuple[int, Message]]:
        yield time, message
        key = _asks(message)
        if key is None:
            return
        asked.add(key)
        for answer in early.pop(key, []):
            if not isinstance(answer.parsed, sip.Request):
                answer.answers = answer.answers or message
            yield from due(answer, time)

    for message in messages:
        answered = _answers(message)
        if answered is not None and answered in questions and answered not in asked:
            early.setdefault(answered, []).append(message)
        else:
            yield from due(message, message.time)


def _asks(message: Message) -> _Key | None:
    """Name what a request asks; a final answer to an INVITE asks for an ACK."""
    match message.parsed:
        case sip.Response(status=status, cseq=(number, b"INVITE")) if status >= _FINAL:
            return ("ack", not message.to_server, number)
        case sip.Request(method=method, cseq=cseq) if method != b"ACK":
            return ("sip", message.to_server, cseq)
        case rtsp.Request(cseq=cseq):
            return ("rtsp", message.to_server, cseq)
        case mrcpv2.Message(kind=mrcpv2.Kind.REQUEST, channel=channel, request_id=number):
            return ("mrcp", channel, number)
        case _:
            return None


def _answers(message: Message) -> _Key | None:
    """Name what an answer, an event or an ACK is about."""
    match message.parsed:
        case sip.Request(method=b"ACK", cseq=(number, _)):
            return ("ack", message.to_server, number)
        case sip.Response(cseq=cseq):
            return ("sip", not message.to_server, cseq)
        case rtsp.Response(cseq=cseq):
            return ("rtsp", not message.to_server, cseq)
        case mrcpv2.Message(kind=kind, channel=channel, request_id=number) if kind is not mrcpv2.Kind.REQUEST:
            return ("mrcp", channel, number)
        case _:
            return None
