"""From the octets of a capture file to what was said on its connections."""

from ._connections import Connection, Connections, Ending, Talk
from ._file import Capture, NotACapture
from ._flow import Piece
from ._packets import Packets
from ._pcap import Frame
from ._window import Source

__all__ = [
    "Capture",
    "Connection",
    "Connections",
    "Ending",
    "Frame",
    "NotACapture",
    "Packets",
    "Piece",
    "Source",
    "Talk",
]
