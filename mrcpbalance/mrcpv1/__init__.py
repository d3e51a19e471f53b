"""What an RTSP connection of a caller decides (MRCPv1): where each session lives, and how it ends."""

from ._caller import Caller

__all__ = ["Caller"]
