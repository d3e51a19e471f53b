"""Sessions as a capture of their own, without personal data."""

from collections.abc import Iterable, Iterator
from typing import Final

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces.capture import Connection, Ending
from mrcpbalance.traces.sessions import Message, Session

from ._messages import anonymous
from ._names import Names
from ._packets import Stream, datagram
from ._pcapng import beginning, packet

_LATE: Final = 1 << 62  # an end comes after what was said at the same time

_Happening = Message | Connection | Ending


def capture(sessions: Iterable[Session]) -> Iterator[bytes]:
    """Give the blocks of a pcapng file with the messages of sessions, and the beginnings and ends of their connections.

    Their messages must have been kept; what was not captured whole is left out. Times stay.
    """
    yield beginning("sessions without personal data")
    writer = _Writer()
    for time, _, happening in sorted(_happenings(sessions), key=lambda entry: entry[:2]):
        for data in writer.packets(happening):
            yield packet(time, data)


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


class _Writer:
    """Makes packets of what happened, with other names."""

    def __init__(self) -> None:
        self._names = Names()
        self._streams: dict[Connection, Stream] = {}

    def packets(self, happening: _Happening) -> Iterable[bytes]:
        """Give the packets of one thing that happened."""
        match happening:
            case Connection():
                return self._stream(happening).opened()
            case Ending(by=by, reset=reset, connection=connection):
                return self._stream(connection).ended(self._end(by), reset=reset)
            case _:
                return self._message(happening)

    def _message(self, message: Message) -> Iterable[bytes]:
        data = anonymous(message.wire, message.raw, self._names)
        source, target = self._end(message.source), self._end(message.target)
        if message.connection is None:
            return [datagram(source, target, data)]
        return self._stream(message.connection).said(source, data)

    def _stream(self, connection: Connection) -> Stream:
        stream = self._streams.get(connection)
        if stream is None:
            ends = self._end(connection.client), self._end(connection.server)
            stream = self._streams[connection] = Stream(*ends)
        return stream

    def _end(self, end: Endpoint) -> Endpoint:
        return Endpoint(self._names.host(end.host), end.port)
