"""Sessions of the running proxy as captures: taken while they pass, or kept when they have ended."""

from ._held import Budget
from ._kept import Keeper, recording_of
from ._live import Live
from ._recorder import Recorder, RefusedError

__all__ = ["Budget", "Keeper", "Live", "Recorder", "RefusedError", "recording_of"]
