"""The order in which answers leave towards a caller (R-23).

Answers leave in the order of the requests. An answer that is ready too early waits in its turn, and what its backend
connection sends after it waits behind it, so that no event overtakes the answer it belongs after.
"""

from typing import TYPE_CHECKING, Protocol

import attrs

from mrcpbalance.sessions.ports import Port

if TYPE_CHECKING:
    from ._session import RtspSession


class Lane(Protocol):
    """A source of messages whose own order must be kept: a backend connection."""

    held: "Turn | None"


class Turn:
    """A caller's request that waits for its answer."""

    __slots__ = ("cseq", "done", "due", "lane", "out", "session")

    def __init__(self, cseq: bytes, due: float, session: "RtspSession | None" = None) -> None:
        self.cseq = cseq
        self.due = due
        self.session = session
        self.done = False
        self.out: list[bytes] | None = None  # its answer and what came after it, while that waits
        self.lane: Lane | None = None

    def given_up(self, now: float) -> None:
        """Draw the consequences of an answer that didn't come in time; most requests have none."""


@attrs.define(eq=False, weakref_slot=False)
class Turns:
    """The turns of one caller connection, oldest first."""

    port: Port
    open: list[Turn] = attrs.field(factory=list)
    octets: int = 0  # held back, all turns together

    def answer(self, turn: Turn, data: bytes, lane: Lane | None = None) -> None:
        """Send the answer to this request as soon as its turn has come."""
        turn.done = True
        turns = self.open
        if turns[0] is turn:
            del turns[0]
            self.port.send(data)
            if turns and turns[0].done:
                self._release()
            return
        turn.out = [data]
        self.octets += len(data)
        if lane is not None:
            turn.lane = lane
            lane.held = turn

    def event(self, lane: Lane, data: bytes) -> None:
        """Send what isn't an answer, behind whatever its lane has waiting."""
        held = lane.held
        if held is None:
            self.port.send(data)
        else:
            assert held.out is not None
            held.out.append(data)
            self.octets += len(data)

    def _release(self) -> None:
        turns = self.open
        while turns and (out := turns[0].out) is not None:
            turn = turns.pop(0)
            if turn.lane is not None and turn.lane.held is turn:
                turn.lane.held = None
            data = b"".join(out)
            self.octets -= len(data)
            self.port.send(data)
