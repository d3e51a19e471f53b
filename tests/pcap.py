"""The TCP connections in a capture file, as tests compare and replay them: each side's octets in order."""

from pathlib import Path
from typing import Final, Literal

import attrs

from mrcpbalance.config import Address
from mrcpbalance.traces import Connection, Ending, Endpoint, Limits
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces.capture import Capture, Connections, Frame, Packets
from mrcpbalance.traces.capture import Piece as Heard

CAPTURES: Final = Path(__file__).parent / "captures"
DAMAGED: Final = CAPTURES / "damaged"
_NANOSECONDS: Final = 1e9

End = Literal["finished", "reset"]


def whole_captures() -> list[Path]:
    """List all but the damaged ones, in order."""
    return [path for path in sorted(CAPTURES.rglob("*.pcap")) if DAMAGED not in path.parents]


@attrs.frozen
class Piece:
    """Octets that became readable in order, in one direction."""

    to_server: bool
    data: bytes
    time: float = attrs.field(eq=False)


@attrs.define
class Conversation:
    """One TCP connection: who opened it, to whom, and what each side sent in the order it was captured."""

    client: Address
    server: Address
    pieces: list[Piece] = attrs.field(factory=list)
    client_end: End | None = None
    server_end: End | None = None
    deaf: bool = attrs.field(default=False, init=False, repr=False)

    @property
    def to_server(self) -> bytes:
        """Everything the client sent."""
        return b"".join(piece.data for piece in self.pieces if piece.to_server)

    @property
    def to_client(self) -> bytes:
        """Everything the server sent."""
        return b"".join(piece.data for piece in self.pieces if not piece.to_server)

    def heard(self, source: Endpoint, piece: Heard) -> None:
        """Take octets one side sent."""
        to_server = (source.host, source.port) == (self.client.host, self.client.port)
        self.pieces.append(Piece(to_server, piece.data, piece.time / _NANOSECONDS))

    def ended(self, ending: Ending) -> None:
        """Take note of an end; the first one of a side counts."""
        how: End = "reset" if ending.reset else "finished"
        if ending.side == "caller":
            self.client_end = self.client_end or how
        else:
            self.server_end = self.server_end or how


@attrs.define
class _Reading:
    """Follows every TCP connection of a capture; datagrams are passed over."""

    found: list[Conversation] = attrs.field(factory=list)

    def talk(self, connection: Connection) -> Conversation:
        client, server = (Address(end.host, end.port) for end in (connection.client, connection.server))
        self.found.append(Conversation(client, server))
        return self.found[-1]

    def read(self, path: Path) -> None:
        limits, findings = Limits(), Findings()
        connections = Connections(self.talk, findings, limits)
        packets = Packets(_OnlyTcp(connections), findings, limits)
        with path.open("rb") as file:
            for frame in Capture(file, findings, limits):
                packets.take(frame)
        connections.end()


class _OnlyTcp:
    def __init__(self, connections: Connections) -> None:
        self.tcp = connections.tcp

    def udp(
        self, source: tuple[bytes, int], target: tuple[bytes, int], payload: bytes, missing: int, frame: Frame
    ) -> None:
        """Pass over a datagram."""


def read_conversations(path: Path, *, port: int | None = None) -> list[Conversation]:
    """List the TCP connections of a capture as they began; with `port`, only those to that server port."""
    reading = _Reading()
    reading.read(path)
    return [one for one in reading.found if port in (None, one.server.port)]
