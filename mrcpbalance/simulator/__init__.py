"""Speech servers and callers that speak both versions: for the demo, the tests and load tests."""

from ._connection import Connection
from ._description import audio_of
from ._faults import Delay, Drop, Fault, Faults, Garbage, Refuse, Silence
from ._messages import Event, Message, Request, Response
from ._resources import Pace, Resource
from ._sip_agent import UserAgent
from ._sip_asked import Asked, NoAnswer
from ._transcript import Entry, Transcript
from .callers import (
    Answer,
    ConnectionLost,
    ControlConnection,
    FramedCaller,
    FramedChannel,
    Refused,
    RtspCaller,
    RtspSession,
    SipCall,
    SipCaller,
)
from .servers import (
    EchoServer,
    FramedServer,
    Server,
    SessionTimer,
    SipServer,
    SipSession,
    SpeechServer,
    call_ids,
    hex_ids,
    one_for_each_call,
    small_numbers,
)

__all__ = [
    "Answer",
    "Asked",
    "Connection",
    "ConnectionLost",
    "ControlConnection",
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
    "NoAnswer",
    "Pace",
    "Refuse",
    "Refused",
    "Request",
    "Resource",
    "Response",
    "RtspCaller",
    "RtspSession",
    "Server",
    "SessionTimer",
    "Silence",
    "SipCall",
    "SipCaller",
    "SipServer",
    "SipSession",
    "SpeechServer",
    "Transcript",
    "UserAgent",
    "audio_of",
    "call_ids",
    "hex_ids",
    "one_for_each_call",
    "small_numbers",
]
