"""The clockwork of SIP transactions."""

import attrs


@attrs.frozen(kw_only=True)
class Timers:
    """The base values of RFC 3261 section 17.1.1.1, in seconds."""

    t1: float = 0.5  # a round trip
    t2: float = 4.0  # the longest pause between two sendings
    t4: float = 5.0  # how long a message may stay in the network


@attrs.define
class Statistics:
    """What happened so far, as plain counts."""

    retransmissions: int = 0  # sendings beyond the first
    absorbed: int = 0  # messages that came again and were not told
    timeouts: int = 0  # transactions that ended unanswered, or unacknowledged
    dropped: int = 0  # messages that match nothing, or came at the limit
