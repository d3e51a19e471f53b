"""How the process stands beside another one of its kind."""

import attrs

from ._kinds import SWITCH
from ._sections import setting


@attrs.frozen(kw_only=True)
class ProcessConfig:
    """How the process stands beside another one of its kind."""

    reuse_port: bool = attrs.field(
        default=False,
        metadata=setting(
            SWITCH,
            "Whether another process of the same user may listen on the same addresses, so that a new one can take over without"
            " a gap (`SO_REUSEPORT`); both must say so. Without it, a second process on an address is refused.",
        ),
    )
