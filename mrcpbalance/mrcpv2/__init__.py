"""What a connection that carries MRCPv2 messages decides: which channel lives where."""

from ._framed import FramedCaller

__all__ = ["FramedCaller"]
