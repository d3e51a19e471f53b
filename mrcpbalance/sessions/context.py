"""What a core is given: the shell, the tables it shares with others, and its part of the configuration."""

from collections.abc import Callable
from typing import Protocol

import attrs

from mrcpbalance.config import Limits, ListenerConfig, Timeouts
from mrcpbalance.pool import Pool

from ._register import Register
from ._session import End
from ._tally import Tally
from .ports import Journal, Shell


class Core(Protocol):
    """What a core is to the process: a caller connection that may have to end."""

    def stop(self, end: End, now: float) -> None:
        """Answer every open request, end every session with this cause, and close all connections, now."""


@attrs.frozen(kw_only=True)
class Context:
    """Everything the cores of one listener share."""

    shell: Shell
    journal: Journal
    register: Register
    tally: Tally
    pool: Pool
    timeouts: Timeouts
    limits: Limits
    listener: ListenerConfig
    draining: Callable[[], bool]  # the process takes no new sessions
    left: Callable[[Core], None]  # a caller connection has come to its end; told once
    mint: Callable[[int], str]  # random hex digits, of so many octets: ids that peers see (E-02, E-03)
