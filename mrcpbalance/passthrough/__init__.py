"""What an unrecognised connection decides: one backend, and every octet as it came."""

from ._caller import Caller

__all__ = ["Caller"]
