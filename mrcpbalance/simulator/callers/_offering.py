"""The session description a simulated MRCPv2 caller offers: a line for each channel, and its audio."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import attrs

from mrcpbalance.simulator import _description

Connection = Literal["new", "existing"]
ORIGIN: Final = "UniMRCPClient"
_AUDIO: Final = (
    b"m=audio %d RTP/AVP 0 8 96 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 L16/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=ptime:20\r\na=mid:1\r\n"
)
_FIRST_PORT, _PORTS = 4000, 900


def audio_lines() -> Iterator[bytes]:
    """Make audio parts, each on a port of its own, round and round."""
    while True:
        for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS, 2):
            yield _AUDIO % port


@attrs.define
class ControlLine:
    """A channel that is asked for, until it is removed; its place stays."""

    resource: str
    connection: Connection
    removed: bool = False

    def lines(self) -> Sequence[bytes]:
        """Write it."""
        named = (b"a=resource:" + self.resource.encode("ascii"), b"a=cmid:1")
        if self.removed:
            return [b"m=application 0 TCP/MRCPv2 1", *named]
        connection = b"a=connection:" + self.connection.encode("ascii")
        return [b"m=application 9 TCP/MRCPv2 1", b"a=setup:active", connection, *named]


@attrs.define
class Offering:
    """What a call offers, time and again: channels of the first offer, audio, channels that were added."""

    host: str
    audio: bytes
    first: list[ControlLine]
    added: list[ControlLine] = attrs.field(factory=list)
    _version: int = 0

    def write(self) -> bytes:
        """Write the next offer."""
        self._version += 1
        before, after = ([line for one in part for line in one.lines()] for part in (self.first, self.added))
        end = b"\r\n"
        head = _description.write(ORIGIN, self._version, self.host, before)
        return head + self.audio + b"".join(line + end for line in after)

    def resource_at(self, index: int) -> str:
        """Tell which resource the line in this place is for; empty for audio."""
        lines: list[ControlLine | None] = [*self.first, *[None] * self.audio.count(b"m="), *self.added]
        line = lines[index] if index < len(lines) else None
        return "" if line is None else line.resource

    def find(self, resource: str) -> ControlLine:
        """Find the line of a resource."""
        return next(
            line for line in (*self.first, *self.added) if line.resource == resource and not line.removed
        )
