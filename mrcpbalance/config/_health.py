"""How the backends of a pool are found to be well or not."""

from typing import Literal

import attrs

from ._kinds import RTSP_PATH, choice, duration, whole
from ._sections import setting


@attrs.frozen(kw_only=True)
class HealthConfig:
    """How the backends of a pool are probed."""

    probe: Literal["auto", "session", "none"] = attrs.field(
        default="auto",
        metadata=setting(
            choice("auto", "session", "none"),
            "What a probe does: `auto` sends DESCRIBE to an `rtsp` address, OPTIONS to a `sip` address and only connects to"
            " a `tcp` address; `session` sets a real session up and ends it; `none` asks nothing. Failures seen in traffic"
            " mark a backend whatever stands here.",
        ),
    )
    interval: float = attrs.field(
        default=5.0, metadata=setting(duration(0.01), "From one probe to the next.")
    )
    timeout: float = attrs.field(
        default=2.0, metadata=setting(duration(0.01), "A probe that has no answer after this has failed.")
    )
    fall: int = attrs.field(
        default=2, metadata=setting(whole(1, 100), "Failures in a row that take a backend down.")
    )
    rise: int = attrs.field(
        default=2, metadata=setting(whole(1, 100), "Successes in a row that bring it up again.")
    )
    interval_down: float = attrs.field(
        default=1.0,
        metadata=setting(
            duration(0.01), "From one probe to the next while it isn't up, unless `interval` is shorter."
        ),
    )
    refused_for: float = attrs.field(
        default=2.0,
        metadata=setting(
            duration(0.0),
            "After a backend refused a session (453, 486 or 503) it is taken to have room for no more than it has, for this long.",
        ),
    )
    longest_rest: float = attrs.field(
        default=300.0,
        metadata=setting(
            duration(0.0),
            "A backend that asks for time by Retry-After gets no sessions, for this long at most.",
        ),
    )
    slow_start: float = attrs.field(
        default=0.0,
        metadata=setting(
            duration(0.0),
            "A backend that comes up again gets its share of new sessions gradually, for this long.",
        ),
    )
    panic_threshold: int = attrs.field(
        default=0,
        metadata=setting(
            whole(0, 100),
            "While fewer backends than this are up, in percent, those that are down are used like the others. With 0: only"
            " when no other is left.",
        ),
    )
    path: str = attrs.field(
        default="/media/speechrecognizer",
        metadata=setting(
            RTSP_PATH,
            "What probes of an `rtsp` address ask for. A backend whose `resources` leave that out is asked for one of its own.",
        ),
    )
