"""Speech servers and callers that speak both versions: for the demo, the tests and load tests."""

from ._faults import Delay, Drop, Fault, Faults, Garbage, Refuse, Silence
from ._messages import Event, Message, Request, Response
from ._resources import Pace, Resource
from ._transcript import Entry, Transcript
from .callers import Answer, ConnectionLost, FramedCaller, FramedChannel, Refused, RtspCaller, RtspSession
from .servers import EchoServer, FramedServer, Server, SpeechServer, hex_ids

__all__ = [
    "Answer",
    "ConnectionLost",
    "Delay",
    "Drop",
    "EchoServer",
    "Entry",
    "Event",
    "Fault",
    "Faults",
    "FramedCaller",
    "FramedChannel",
    "FramedServer",
    "Garbage",
    "Message",
    "Pace",
    "Refuse",
    "Refused",
    "Request",
    "Resource",
    "Response",
    "RtspCaller",
    "RtspSession",
    "Server",
    "Silence",
    "SpeechServer",
    "Transcript",
    "hex_ids",
]
