"""TCP connections: who opened them to whom, what each side sent in order, and how they ended."""

from collections import deque
from collections.abc import Callable
from typing import Final, Literal, Protocol

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces._limits import SECOND, Limits

from ._flow import Flow, Piece
from ._pcap import Frame

_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_IDLE: Final = 300 * SECOND  # forgotten first when there are too many

Peer = tuple[bytes, int]
Side = Literal["caller", "server"]


@attrs.frozen
class Ending:
    """One side has ended its stream, or the whole connection by a reset."""

    by: Endpoint
    reset: bool
    time: int
    connection: "Connection" = attrs.field(repr=False)

    @property
    def side(self) -> Side:
        """Whether that was the client or the server."""
        return "caller" if self.by == self.connection.client else "server"

    def __str__(self) -> str:
        return f"the {self.side} {'reset' if self.reset else 'closed'} the connection"


@attrs.define(eq=False)
class Connection:
    """One TCP connection of a capture.

    `opened` is the time of its SYN, None where the capture begins later; then who is the client is a guess until its
    messages tell. `accepted` says whether the server has answered at all.
    """

    number: int
    client: Endpoint
    server: Endpoint
    opened: int | None = None
    accepted: bool = True
    sure: bool = False  # who is the client
    endings: list[Ending] = attrs.field(factory=list)
    lost: int = 0  # octets of it that were never captured
    again: int = 0  # segments sent more than once
    used: bool = False  # a session's messages came over it

    def turn(self) -> None:
        """Take the other side to be the client."""
        self.client, self.server = self.server, self.client

    @property
    def first_ending(self) -> Ending | None:
        """How it began to end."""
        return self.endings[0] if self.endings else None


class Talk(Protocol):
    """What listens to a connection."""

    deaf: bool  # it wants no more octets

    def heard(self, source: Endpoint, piece: Piece) -> None:
        """Take octets one side sent."""

    def ended(self, ending: Ending) -> None:
        """Take note of an end; more octets of the other side may come unless it was a reset."""


class _Nobody:
    """Listens to connections that have ended."""

    deaf = True

    def heard(self, source: Endpoint, piece: Piece) -> None:
        """Hear nothing."""

    def ended(self, ending: Ending) -> None:
        """Hear nothing."""


_NOBODY: Final = _Nobody()
_NOTHING: Final = Flow(0), Flow(0)


@attrs.define(eq=False)
class _Live:
    """A connection that is followed; side 0 is the one that was seen first."""

    connection: Connection
    talk: Talk
    peers: tuple[Peer, Peer]
    ends: tuple[Endpoint, Endpoint]
    flows: tuple[Flow, Flow]
    time: int
    closed: bool = False
    watched: list[int | None] = attrs.field(factory=lambda: [None, None])


class Connections:
    """Follows all connections of a capture."""

    def __init__(self, talk: Callable[[Connection], Talk], findings: Findings, limits: Limits) -> None:
        self._talk = talk
        self._findings = findings
        self._limits = limits
        self._live: dict[tuple[Peer, Peer], _Live] = {}
        self._holes: deque[tuple[int, _Live, int]] = deque()
        self.count = 0

    def tcp(
        self,
        source: Peer,
        target: Peer,
        sequence: int,
        acknowledged: int,
        flags: int,
        payload: bytes,
        missing: int,
        frame: Frame,
    ) -> None:
        """Take a segment."""
        time = frame.time
        if self._holes and self._holes[0][0] <= time:
            self._give_up_holes(time)
        live = self._live.get((source, target)) or self._live.get((target, source))
        if live is None or (flags & _SYN and self._is_another(live, source, sequence, flags)):
            if live is not None:
                self._give_up(live)
            live = self._begin(source, target, flags, frame)
        live.time = time
        side = 0 if source == live.peers[0] else 1
        if flags & _SYN:
            sequence = (sequence + 1) & 0xFFFFFFFF
            live.connection.accepted |= bool(flags & _ACK)
        if live.closed:
            return
        live.flows[side].begin(sequence)
        if not live.talk.deaf:
            if flags & _ACK:
                self._acknowledge(live, 1 - side, acknowledged, time)
            if payload or missing:
                self._hear(live, side, live.flows[side].take(sequence, payload, missing, time, frame.number))
                self._watch(live, side)
        if flags & (_FIN | _RST):
            self._ending(live, side, sequence + len(payload) + missing, flags, time)

    def end(self) -> None:
        """Give out what was held back."""
        for live in self._live.values():
            self._give_up(live)
        self._live.clear()

    def _give_up(self, live: _Live) -> None:
        """Expect nothing more of a connection."""
        if not live.closed:
            self._drain(live)
            self._close(live)

    @staticmethod
    def _is_another(live: _Live, source: Peer, sequence: int, flags: int) -> bool:
        """Tell whether a SYN opens another connection between the same ports."""
        if flags & _ACK:
            return False
        side = 0 if source == live.peers[0] else 1
        base = live.flows[side].base
        return live.closed or (base is not None and base != (sequence + 1) & 0xFFFFFFFF)

    def _begin(self, source: Peer, target: Peer, flags: int, frame: Frame) -> _Live:
        if len(self._live) >= self._limits.connections:
            self._forget(frame)
        self.count += 1
        ends = Endpoint.of(source), Endpoint.of(target)
        opens, answers = flags & (_SYN | _ACK) == _SYN, flags & (_SYN | _ACK) == _SYN | _ACK
        from_server = answers or (not opens and source[1] < target[1])
        client, server = reversed(ends) if from_server else ends
        connection = Connection(
            self.count,
            client,
            server,
            opened=frame.time if opens else None,
            accepted=not opens,
            sure=opens or answers,
        )
        limit = self._limits.early
        live = _Live(
            connection, self._talk(connection), (source, target), ends, (Flow(limit), Flow(limit)), frame.time
        )
        self._live.pop((target, source), None)
        self._live[source, target] = live
        return live

    def _acknowledge(self, live: _Live, side: int, sequence: int, time: int) -> None:
        live.flows[side].acknowledge(sequence, time)
        self._watch(live, side)

    def _watch(self, live: _Live, side: int) -> None:
        """Set a time for giving up octets that were acknowledged and not captured."""
        since = live.flows[side].hole_since
        if since is not None and since != live.watched[side]:
            live.watched[side] = since
            self._holes.append((since + self._limits.hole_wait, live, side))

    def _give_up_holes(self, time: int) -> None:
        while self._holes and self._holes[0][0] <= time:
            _, live, side = self._holes.popleft()
            flow = live.flows[side]
            while flow.hole_since is not None and flow.hole_since + self._limits.hole_wait <= time:
                self._hear(live, side, flow.give_up())
            live.watched[side] = None
            self._watch(live, side)

    def _hear(self, live: _Live, side: int, pieces: list[Piece]) -> None:
        for piece in pieces:
            live.connection.lost += piece.lost
            live.talk.heard(live.ends[side], piece)

    def _ending(self, live: _Live, side: int, sequence: int, flags: int, time: int) -> None:
        """Take note of a FIN or a reset; the same end twice is one."""
        reset = bool(flags & _RST)
        if not reset and not live.flows[side].finish(sequence):
            return
        if reset:
            self._drain(live)
        ending = Ending(live.ends[side], reset, time, live.connection)
        live.connection.endings.append(ending)
        live.talk.ended(ending)
        if reset or (live.flows[0].ended and live.flows[1].ended):
            self._close(live)

    def _drain(self, live: _Live) -> None:
        """Give out what was held back; nothing comes any more that could fill a hole."""
        for side, flow in enumerate(live.flows):
            if not live.talk.deaf:
                self._hear(live, side, flow.drain())
                if flow.lacking:
                    self._hear(live, side, [Piece(b"", live.time, 0, flow.lacking)])

    def _close(self, live: _Live) -> None:
        """Remember only that there was a connection, for what may still come of it."""
        for flow in live.flows:
            live.connection.again += flow.tally.again
            if flow.tally.far:
                self._findings.count("implausible-sequence", 0)
        live.closed = True
        live.talk = _NOBODY
        live.flows = _NOTHING

    def _forget(self, frame: Frame) -> None:
        """Make room: what has ended or was idle for long goes first, else the older half."""
        gone = [key for key, live in self._live.items() if live.closed or frame.time - live.time > _IDLE]
        if not gone:
            by_time = sorted(self._live, key=lambda key: self._live[key].time)
            gone = by_time[: len(by_time) // 2 + 1]
            self._findings.count("too-many-connections", frame.number)
        for key in gone:
            self._give_up(self._live.pop(key))
