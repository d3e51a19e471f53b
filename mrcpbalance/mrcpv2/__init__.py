"""What MRCPv2 connections and calls decide: which channel lives where, which backend takes a call."""

from ._agent import Agent
from ._call import Call
from ._control_caller import ControlCaller
from ._framed import FramedCaller
from ._network import SipConnection

__all__ = ["Agent", "Call", "ControlCaller", "FramedCaller", "SipConnection"]
