"""Which key sticks to which session and backend, what a session did, and why it ended."""

from mrcpbalance.pool import Histogram

from ._meter import METHODS, MOST_ASKED, Meter, Meters
from ._register import Chooser, Register
from ._session import PROTOCOLS, End, Phase, Session, Who
from ._stick_table import StickTable
from ._tally import Tally
from ._tap import Direction, Hop, Observer, Overheard, Tap
from .context import Context
from .routes import Asked, Route, Routes

__all__ = [
    "METHODS",
    "MOST_ASKED",
    "PROTOCOLS",
    "Asked",
    "Chooser",
    "Context",
    "Direction",
    "End",
    "Histogram",
    "Hop",
    "Meter",
    "Meters",
    "Observer",
    "Overheard",
    "Phase",
    "Register",
    "Route",
    "Routes",
    "Session",
    "StickTable",
    "Tally",
    "Tap",
    "Who",
]
