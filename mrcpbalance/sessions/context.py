"""What a core is given: the shell, the tables it shares with others, and its part of the configuration."""

from collections.abc import Callable

import attrs

from mrcpbalance.config import Limits, ListenerConfig, Timeouts
from mrcpbalance.pool import Pool

from ._register import Register
from ._tally import Tally
from .ports import Journal, Shell


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
    mint: Callable[[], str]  # 24 random hex digits, for ids that callers see (E-02)
