"""Callers of speech servers: many sessions on one connection, every answer and event told to whoever waits for it."""

from ._calling import Caller, ConnectionLost, Events, Refused
from ._control import ControlConnection
from ._framed import FramedCaller, FramedChannel
from ._rtsp import Answer, RtspCaller, RtspSession
from ._sip import SipCaller, Transport
from ._sip_call import SipCall

__all__ = [
    "Answer",
    "Caller",
    "ConnectionLost",
    "ControlConnection",
    "Events",
    "FramedCaller",
    "FramedChannel",
    "Refused",
    "RtspCaller",
    "RtspSession",
    "SipCall",
    "SipCaller",
    "Transport",
]
