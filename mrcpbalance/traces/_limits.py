"""How much reading a capture may take: what a capture claims about itself allocates nothing."""

import attrs

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds of memory and patience; times are nanoseconds of the capture's own clock."""

    packet: int = 1 << 20  # octets of one packet; no interface has longer ones
    block: int = 16 << 20  # octets of a pcapng block, such as the name tables some programs write
    interfaces: int = 4096  # of one section
    connections: int = 65_536  # TCP connections followed at a time
    early: int = (
        1 << 20
    )  # octets held for each direction of a connection while octets before them are missing
    fragments: int = 1024  # IP datagrams being put together at a time
    fragment_wait: int = 30 * SECOND  # RFC 8200 says 60, Linux waits 30
    hole_wait: int = 20 * MILLISECOND  # octets were acknowledged, and will hardly be captured any more
    reorder: int = SECOND  # messages are told apart by time within this window
    duplicate: int = 20 * MILLISECOND  # a datagram seen again so soon was captured twice, not sent twice
    linger: int = 64 * SECOND  # how long an ended session waits for late messages (twice 64*T1)
    patience: int = (
        2 * SECOND
    )  # an answer that is missing this shortly before the capture's end isn't called lost
    late_bye: int = SECOND // 2  # between the end of a control connection and its BYE
    exchanges: int = 100_000  # sessions followed at a time
    messages: int = 100_000  # of one session; more are counted and not kept
    kept: int = 256 << 20  # octets of the messages kept of all finished sessions
    findings: int = 1000  # of the capture, and of each session a tenth
