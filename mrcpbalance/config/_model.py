"""What can be configured, as frozen classes; fields, defaults and the reference page come from here.

Durations are seconds (float); sizes are octets. Values are checked by the reader, which knows file and line.
"""

from collections.abc import Mapping
from typing import Literal

import attrs

Protocol = Literal["rtsp", "sip", "mrcp", "tcp", "auto"]
Policy = Literal["least-sessions", "round-robin", "random-two", "source-hash", "first"]
Transport = Literal["udp", "tcp"]
Framing = Literal["strict", "repair"]


@attrs.frozen
class Address:
    """Where a socket listens or connects: a host (name or literal, IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as the configuration does, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen(kw_only=True)
class HealthConfig:
    """How the backends of a pool are probed."""

    probe: Literal["auto", "session", "none"] = "auto"
    interval: float = 5.0
    timeout: float = 2.0
    fall: int = 2
    rise: int = 2


@attrs.frozen(kw_only=True)
class BackendConfig:
    """One speech server; it takes part in each protocol it has an address for."""

    name: str
    rtsp: Address | None = None
    sip: Address | None = None
    mrcp: Address | None = None
    tcp: Address | None = None
    sip_transport: Transport = "udp"
    weight: int = 1
    max_sessions: int | Mapping[str, int] | None = None
    resources: frozenset[str] | None = None
    standby: bool = False
    # What UniMRCP needs is the default of each of these; see protocol-notes and M-17.
    request_uri: Literal["keep", "rewrite"] = "keep"
    keepalive: Literal["answer", "forward"] = "answer"
    insert_cseq: bool = False
    framing: Framing = "repair"


@attrs.frozen(kw_only=True)
class PoolConfig:
    """Backends that can stand in for each other, and how one is chosen for a session."""

    name: str
    policy: Policy = "least-sessions"
    retries: int = 2
    retry_statuses: tuple[int, ...] = (453, 500, 502, 503, 504)
    queue_size: int = 0
    queue_timeout: float = 2.0
    health: HealthConfig = attrs.field(factory=HealthConfig)
    backends: Mapping[str, BackendConfig] = attrs.field(factory=dict)
    resource_names: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ListenerConfig:
    """An address callers connect to; a port range is written once and opens one socket for each port."""

    name: str
    protocol: Protocol
    bind: tuple[Address, ...]
    pool: str
    transports: tuple[Transport, ...] = ("udp", "tcp")
    control: Literal["proxied", "direct"] = "proxied"
    control_bind: Address | None = None
    advertise: str | None = None
    stick_table: str | None = None
    framing: Framing = "strict"
    interleaved: bool = True


@attrs.frozen(kw_only=True)
class StickTableConfig:
    """A memory of which source address went to which backend."""

    name: str
    size: int = 200_000
    expire: float = 16 * 3600.0


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long things may take, in seconds."""

    recognise: float = 3.0  # an `auto` listener waits this long for bytes that tell the protocol
    connect: float = 1.0  # a TCP connection to a backend
    setup: float = 2.0  # first answer to a SETUP or INVITE, per backend
    request: float = 60.0  # answer to any later request; then the proxy answers 504 itself
    message: float = 30.0  # first octet to last octet of one message (G-3)
    first_message: float = 10.0  # accept to the first octet of an RTSP or MRCP connection (G-3, M-24)
    connection_idle: float = 600.0  # an RTSP or MRCP connection that holds no session
    session_idle: float = 4 * 3600.0  # a session without a message whose server named no timeout
    idle: float = 15 * 3600.0  # a passthrough connection without a byte
    stall: float = 30.0  # a peer that takes none of the octets waiting for it
    linger: float = 2.0  # what is left to send to a peer, after its connection was given up
    drain: float = 30.0  # sessions may finish after SIGTERM


@attrs.frozen(kw_only=True)
class Limits:
    """How much one peer, or all of them, may use."""

    connections: int = 20_000  # caller connections in all
    connections_per_source: int = 10_000  # caller connections from one address
    sessions: int = 100_000  # sessions in all
    sessions_per_connection: int = 4_096
    requests_per_connection: int = 256  # unanswered requests; more are not read until some are answered
    start_line: int = 2_048  # octets of an RTSP start-line
    header_section: int = 65_536
    header_lines: int = 256
    header_line: int = 16_384
    message: int = 8 * 1024 * 1024  # octets of a whole message
    unsent: int = 1024 * 1024  # octets waiting for one peer before its source is no longer read


@attrs.frozen(kw_only=True)
class AdminConfig:
    """Where the admin interface listens: an address, or the path of a unix socket."""

    bind: Address | str = attrs.field(factory=lambda: Address("127.0.0.1", 8090))
    token_file: str | None = None


@attrs.frozen(kw_only=True)
class LogConfig:
    """How log lines are written to stderr."""

    format: Literal["json", "console"] = "json"


@attrs.frozen(kw_only=True)
class Config:
    """One whole configuration, free of faults."""

    pools: Mapping[str, PoolConfig]
    listeners: Mapping[str, ListenerConfig]
    stick_tables: Mapping[str, StickTableConfig] = attrs.field(factory=dict)
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    limits: Limits = attrs.field(factory=Limits)
    admin: AdminConfig | None = None
    log: LogConfig = attrs.field(factory=LogConfig)
