"""Bounds that hold for the whole process: how long things may take, how much of it may be used."""

from typing import Final

import attrs

from ._kinds import duration, size, whole
from ._sections import setting

_HOURS: Final = 3600.0
_MILLION: Final = 1_000_000
_GIB: Final = 1024**3


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long things may take."""

    recognise: float = attrs.field(
        default=3.0,
        metadata=setting(
            duration(),
            "An `auto` listener waits this long for octets that tell the protocol. What isn't recognised goes to the"
            " backends' `tcp` address, else to `rtsp`.",
        ),
    )
    connect: float = attrs.field(
        default=1.0, metadata=setting(duration(), "A TCP connection to a backend to stand.")
    )
    setup: float = attrs.field(
        default=2.0,
        metadata=setting(
            duration(), "First answer to a SETUP or INVITE, per backend; then the next is tried."
        ),
    )
    request: float = attrs.field(
        default=60.0,
        metadata=setting(duration(), "Answer to any later request; then the proxy answers 504 itself."),
    )
    message: float = attrs.field(  # G-3
        default=30.0, metadata=setting(duration(), "First octet to last octet of one message.")
    )
    first_message: float = attrs.field(  # G-3, M-24
        default=10.0,
        metadata=setting(duration(), "Accept to the first octet of an RTSP, SIP or MRCP connection."),
    )
    connection_idle: float = attrs.field(
        default=600.0, metadata=setting(duration(), "An RTSP, SIP or MRCP connection that holds no session.")
    )
    session_idle: float = attrs.field(
        default=4 * _HOURS,
        metadata=setting(duration(), "A session without a message, where its server named no timeout."),
    )
    idle: float = attrs.field(
        default=15 * _HOURS, metadata=setting(duration(), "A passthrough connection without an octet.")
    )
    stall: float = attrs.field(
        default=30.0, metadata=setting(duration(), "A peer that takes none of the octets waiting for it.")
    )
    linger: float = attrs.field(
        default=2.0,
        metadata=setting(duration(0.0), "What is left to send to a peer, after its connection was given up."),
    )
    keepalive: float = attrs.field(  # M-34
        default=60.0,
        metadata=setting(
            duration(1.0),
            "A TCP peer silent for this long is asked for a sign of life; without any for as long again, it is gone.",
        ),
    )
    reattach: float = attrs.field(  # M-31
        default=3.0,
        metadata=setting(
            duration(),
            "An MRCPv2 call whose caller's control connection is gone waits this long for a BYE or a new connection.",
        ),
    )
    resolve: float = attrs.field(
        default=30.0,
        metadata=setting(duration(0.1), "The host names of backends are looked up again after this."),
    )
    handover: float = attrs.field(
        default=3.0,
        metadata=setting(
            duration(0.0),
            "A process that ends goes on taking new sessions for this long on addresses that another process may share: those"
            " that had begun to arrive.",
        ),
    )
    drain: float = attrs.field(
        default=30.0,
        metadata=setting(duration(0.0), "Sessions may go on for this long after SIGTERM, then are ended."),
    )


@attrs.frozen(kw_only=True)
class Limits:
    """How much one peer, or all of them, may use."""

    connections: int = attrs.field(
        default=20_000, metadata=setting(whole(1, _MILLION), "Caller connections in all.")
    )
    connections_per_source: int = attrs.field(
        default=10_000, metadata=setting(whole(1, _MILLION), "Caller connections from one address.")
    )
    sessions: int = attrs.field(
        default=100_000, metadata=setting(whole(1, 10 * _MILLION), "Sessions in all.")
    )
    sessions_per_connection: int = attrs.field(
        default=4_096, metadata=setting(whole(1, _MILLION), "Sessions on one caller connection.")
    )
    requests_per_connection: int = attrs.field(
        default=256,
        metadata=setting(
            whole(1, _MILLION),
            "Unanswered requests on one connection; more are not read until some are answered.",
        ),
    )
    calls_per_second: int = attrs.field(  # G-6
        default=1_000,
        metadata=setting(
            whole(1, _MILLION), "New SIP calls from one address in a second; more are answered 503 at once."
        ),
    )
    transactions: int = attrs.field(  # G-6
        default=50_000,
        metadata=setting(
            whole(16, 10 * _MILLION), "SIP transactions in all; beyond that a new call is answered 503."
        ),
    )
    start_line: int = attrs.field(
        default=2_048, metadata=setting(size(64, 1024**2), "Octets of a message's start-line.")
    )
    header_section: int = attrs.field(
        default=65_536, metadata=setting(size(256, 16 * 1024**2), "Octets of all header lines of a message.")
    )
    header_lines: int = attrs.field(
        default=256, metadata=setting(whole(8, 65_536), "Header lines of a message.")
    )
    header_line: int = attrs.field(
        default=16_384,
        metadata=setting(size(64, 1024**2), "Octets of one header line, its continuations included."),
    )
    message: int = attrs.field(
        default=8 * 1024**2,
        metadata=setting(size(1_024, _GIB), "Octets of a whole message, its body included."),
    )
    unsent: int = attrs.field(
        default=1024**2,
        metadata=setting(
            size(1_024, _GIB), "Octets waiting for one peer before their source is no longer read."
        ),
    )
