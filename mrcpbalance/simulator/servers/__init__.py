"""Speech servers that answer as real ones do, without hearing or saying anything."""

from ._echo import EchoServer
from ._framed import FramedServer
from ._ids import Naming, call_ids, hex_ids, one_for_each_call, small_numbers
from ._listening import Server
from ._session import Session
from ._session_timer import SessionTimer
from ._sip import SipServer
from ._sip_session import SipSession
from ._speech import SpeechServer

__all__ = [
    "EchoServer",
    "FramedServer",
    "Naming",
    "Server",
    "Session",
    "SessionTimer",
    "SipServer",
    "SipSession",
    "SpeechServer",
    "call_ids",
    "hex_ids",
    "one_for_each_call",
    "small_numbers",
]
