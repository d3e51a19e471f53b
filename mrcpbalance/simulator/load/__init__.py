"""Load: scenarios that simulated callers play, many at once, and what came of them."""

from ._book import Book, Times
from ._campaign import Campaign, Pace
from ._scenario import Scenario, Step, find_scenario, known_scenarios, parse_scenario
from ._trunks import Scheme, Target

__all__ = [
    "Book",
    "Campaign",
    "Pace",
    "Scenario",
    "Scheme",
    "Step",
    "Target",
    "Times",
    "find_scenario",
    "known_scenarios",
    "parse_scenario",
]
