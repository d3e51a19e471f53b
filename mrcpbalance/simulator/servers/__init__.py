"""Speech servers that answer as real ones do, without hearing or saying anything."""

from ._echo import EchoServer
from ._framed import FramedServer
from ._listening import Server
from ._session import Session
from ._speech import SpeechServer, hex_ids

__all__ = ["EchoServer", "FramedServer", "Server", "Session", "SpeechServer", "hex_ids"]
