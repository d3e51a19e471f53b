"""From messages that were overheard to packets of a capture."""

from typing import Final

import attrs

from mrcpbalance.sessions import Direction, Overheard, Session
from mrcpbalance.traces.writing import Writer, masked

from ._held import Held, Way

_SENT: Final = frozenset((Direction.TO_BACKEND, Direction.TO_CLIENT))
_OURS: Final = frozenset((Direction.TO_BACKEND, Direction.FROM_BACKEND))  # on connections that we opened


@attrs.define(eq=False)
class Scribe:
    """Writes messages; `bodies` keeps what people said.

    `offset` is what makes calendar time of the cores' time, seconds. One for the whole file: read anew for each message,
    two clocks differ by a little each time, and an answer could stand before its question.
    """

    offset: float
    bodies: bool
    writer: Writer = attrs.field(factory=Writer)

    def begin(self) -> bytes:
        """Begin the file."""
        return self.writer.begin()

    def message(self, message: Overheard, way: Way, comment: str = "") -> bytes:
        """Write one message."""
        data = message.data if self.bodies else masked(message.protocol, message.data)
        source, target = (way.local, way.remote) if message.direction in _SENT else (way.remote, way.local)
        time = message.at + self.offset
        if not way.tcp:
            return self.writer.datagram(time, source, target, data, comment)
        opened = (message.direction in _OURS) == (message.direction in _SENT)
        return self.writer.stream(time, source, target, data, comment, opened=opened)

    def all_of(self, session: Session, held: Held) -> bytes:
        """Write what is held of a session that has ended."""
        comment = f"{about(session)}, ended {session.end}{missing(held)}"
        written = b""
        for message in held.take():
            written += self.message(message, held.way(message), comment)
            comment = ""
        return written

    def remark(self, message: Overheard, way: Way, now: float, comment: str) -> bytes:
        """Write a comment on the connection that carried a message."""
        source, target = (way.remote, way.local) if message.direction in _SENT else (way.local, way.remote)
        return self.writer.remark(now + self.offset, source, target, comment) if way.tcp else b""


def about(session: Session) -> str:
    """Say which session it is."""
    where = f"{session.pool}/{session.backend}" if session.backend else session.pool
    return f"session {session.id} ({session.protocol}) of {session.client} on {where}"


def missing(held: Held) -> str:
    """Say how much of it is not there, if anything."""
    return f", {held.left_out} messages left out" if held.left_out else ""
