"""What MRCPv2 connections and calls decide: which channel lives where, which backend takes a call."""

from ._agent import Agent
from ._control_caller import ControlCaller
from ._framed import FramedCaller
from ._network import SipConnection

__all__ = ["Agent", "ControlCaller", "FramedCaller", "SipConnection"]
