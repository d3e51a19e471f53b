"""Sessions as a capture of their own, without personal data."""

from collections.abc import Iterable, Iterator
from typing import Final

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces.capture import Connection, Ending
from mrcpbalance.traces.sessions import Message, Session
from mrcpbalance.traces.writing import Writer

from ._messages import anonymous
from ._names import Names

_NANOSECONDS: Final = 1e9
_LATE: Final = 1 << 62  # an end comes after what was said at the same time

_Happening = Message | Connection | Ending


def capture(sessions: Iterable[Session]) -> Iterator[bytes]:
    """Give a pcapng file piece by piece: the messages of sessions, and the beginnings and ends of their connections.

    Their messages must have been kept; what was not captured whole is left out. Times stay, to the microsecond.
    """
    anonymizer = _Anonymizer()
    yield anonymizer.writer.begin()
    for time, _, happening in sorted(_happenings(sessions), key=lambda entry: entry[:2]):
        yield anonymizer.written(time / _NANOSECONDS, happening)


def _happenings(sessions: Iterable[Session]) -> Iterator[tuple[int, int, _Happening]]:
    """Give what happened, connections that several sessions share once."""
    known: set[Connection] = set()
    for session in sessions:
        for message in session.messages:
            if not message.cut:
                yield message.time, message.packet, message
        for connection in session.connections:
            if connection in known:
                continue
            known.add(connection)
            if connection.opened is not None:
                yield connection.opened, 0, connection
            for ending in connection.endings:
                yield ending.time, _LATE, ending


class _Anonymizer:
    """Writes what happened, with other names."""

    def __init__(self) -> None:
        self.writer = Writer()
        self._names = Names()

    def written(self, time: float, happening: _Happening) -> bytes:
        """Give the octets for one thing that happened; `time` is seconds since 1970."""
        match happening:
            case Connection(client=client, server=server):
                return self.writer.opened(time, self._end(client), self._end(server))
            case Ending(by=by, reset=reset, connection=connection):
                other = connection.server if by == connection.client else connection.client
                return self.writer.ended(time, self._end(by), self._end(other), reset=reset)
            case _:
                return self._message(time, happening)

    def _message(self, time: float, message: Message) -> bytes:
        data = anonymous(message.wire, message.raw, self._names)
        source, target = self._end(message.source), self._end(message.target)
        if message.connection is None:
            return self.writer.datagram(time, source, target, data)
        opened = message.source == message.connection.client
        return self.writer.stream(time, source, target, data, opened=opened)

    def _end(self, end: Endpoint) -> Endpoint:
        return Endpoint(self._names.host(end.host), end.port)
