"""A capture written from messages that were seen whole: packets are made up around them, as a network would carry them.

A TCP connection begins with a handshake before the first message that is written of it, unless it is written before. Its
end is written only where somebody asks for it: other sessions may use it.
"""

from typing import Final

import attrs

from mrcpbalance.traces._endpoint import Endpoint

from . import _blocks
from ._frames import ACK, FIN, PUSH, RESET, SYN, datagram, segment

PIECE: Final = 16_384  # octets of a message in one segment
MOST: Final = 65_536  # connections remembered; the oldest begins anew with another handshake
_ROUND: Final = 1 << 32
_FIRST: Final = 1  # sequence number of the first octet


@attrs.define(eq=False)
class _Connection:
    """The next sequence number of each side."""

    sent: dict[Endpoint, int]


@attrs.define(eq=False)
class Writer:
    """One capture; every call gives the octets that come next in its file."""

    application: str = "mrcpbalance"
    _connections: dict[tuple[Endpoint, Endpoint], _Connection] = attrs.field(factory=dict)

    def begin(self) -> bytes:
        """Begin the file."""
        return _blocks.section(self.application) + _blocks.interface("mrcpbalance")

    def datagram(
        self, time: float, source: Endpoint, target: Endpoint, data: bytes, comment: str = ""
    ) -> bytes:
        """Write a message that one UDP datagram carried; `time` is seconds since 1970."""
        return _blocks.packet(time, datagram(source, target, data), comment)

    def stream(
        self,
        time: float,
        source: Endpoint,
        target: Endpoint,
        data: bytes,
        comment: str = "",
        *,
        opened: bool = True,
    ) -> bytes:
        """Write octets of a TCP connection, which their source opened, or else their target."""
        connection = self._connections.get(_key(source, target))
        written = b""
        if connection is None:
            connection, written = self._open(time, *((source, target) if opened else (target, source)))
        sent = connection.sent
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            numbers = (sent[source], sent[target])
            frame = segment(source, target, numbers, PUSH | ACK, piece)
            written += _blocks.packet(time, frame, comment)
            comment = ""
            sent[source] = (sent[source] + len(piece)) % _ROUND
        return written

    def opened(self, time: float, opener: Endpoint, other: Endpoint) -> bytes:
        """Write the handshake of a TCP connection."""
        return self._open(time, opener, other)[1]

    def ended(self, time: float, by: Endpoint, other: Endpoint, *, reset: bool) -> bytes:
        """Write the end of one side of a TCP connection, or of all of it; nothing where there is no such connection."""
        connection = self._connections.get(_key(by, other))
        if connection is None:
            return b""
        sent = connection.sent
        frame = segment(by, other, (sent[by], sent[other]), (RESET if reset else FIN) | ACK, b"")
        sent[by] = (sent[by] + 1) % _ROUND
        return _blocks.packet(time, frame)

    def remark(self, time: float, source: Endpoint, target: Endpoint, comment: str) -> bytes:
        """Write a comment where a TCP connection stands, on an acknowledgement; nothing where there is no such connection."""
        connection = self._connections.get(_key(source, target))
        if connection is None:
            return b""
        numbers = (connection.sent[source], connection.sent[target])
        return _blocks.packet(time, segment(source, target, numbers, ACK, b""), comment)

    def _open(self, time: float, opener: Endpoint, other: Endpoint) -> tuple[_Connection, bytes]:
        connection = _Connection({opener: _FIRST, other: _FIRST})
        while len(self._connections) >= MOST:
            del self._connections[next(iter(self._connections))]
        self._connections[_key(opener, other)] = connection
        shake = (
            segment(opener, other, (_FIRST - 1, 0), SYN, b""),
            segment(other, opener, (_FIRST - 1, _FIRST), SYN | ACK, b""),
            segment(opener, other, (_FIRST, _FIRST), ACK, b""),
        )
        return connection, b"".join(_blocks.packet(time, frame) for frame in shake)


def _key(one: Endpoint, other: Endpoint) -> tuple[Endpoint, Endpoint]:
    return (one, other) if one < other else (other, one)
