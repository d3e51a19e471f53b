"""Callers of speech servers: many sessions on one connection, every answer and event told to whoever waits for it."""

from ._calling import Caller, ConnectionLost, Events, Refused
from ._framed import FramedCaller, FramedChannel
from ._rtsp import Answer, RtspCaller, RtspSession

__all__ = [
    "Answer",
    "Caller",
    "ConnectionLost",
    "Events",
    "FramedCaller",
    "FramedChannel",
    "Refused",
    "RtspCaller",
    "RtspSession",
]
