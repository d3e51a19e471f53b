"""What can be configured, as frozen classes; fields, defaults and the reference page come from here.

Durations are seconds (float); sizes are octets. Values are checked by the reader, which knows file and line.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import attrs

from ._address import Address
from ._bounds import Limits, Timeouts
from ._health import HealthConfig
from ._kinds import (
    BIND,
    NETWORK,
    POOL_NAME,
    PUBLIC_HOST,
    REMOTE,
    RESOURCE,
    SEGMENT,
    STICK_TABLE_NAME,
    SWITCH,
    Array,
    Either,
    Entries,
    OneOrMore,
    Unordered,
    choice,
    duration,
    whole,
)
from ._match import MatchConfig
from ._observing import AdminConfig, LogConfig, RecordConfig
from ._process import ProcessConfig
from ._sections import Rows, Section, Sections, setting
from ._tracing import TracingConfig

Protocol = Literal["rtsp", "sip", "mrcp", "tcp", "auto"]
Policy = Literal["least-sessions", "round-robin", "random-two", "source-hash", "first"]
Transport = Literal["udp", "tcp"]
Framing = Literal["strict", "repair"]
Standing = Literal["enabled", "draining", "disabled"]

_HOURS: Final = 3600.0
_MILLION: Final = 1_000_000
_FRAMING: Final = choice(*get_args(Framing))
_TRANSPORT: Final = choice(*get_args(Transport))
_SESSIONS: Final = whole(1, _MILLION)


@attrs.frozen(kw_only=True)
class BackendConfig:
    """One speech server; it takes part in each protocol it has an address for, and needs at least one."""

    name: str
    rtsp: Address | None = attrs.field(
        default=None, metadata=setting(REMOTE, "Where it takes MRCPv1 sessions (RTSP over TCP).")
    )
    sip: Address | None = attrs.field(
        default=None, metadata=setting(REMOTE, "Where it takes MRCPv2 sessions (SIP).")
    )
    mrcp: Address | None = attrs.field(
        default=None, metadata=setting(REMOTE, "Where it takes MRCPv2 messages without SIP (TCP).")
    )
    tcp: Address | None = attrs.field(
        default=None, metadata=setting(REMOTE, "Where it takes connections that pass through untouched.")
    )
    sip_transport: Transport = attrs.field(
        default="udp", metadata=setting(_TRANSPORT, "What carries SIP to it.", only_for=("sip",))
    )
    weight: int = attrs.field(
        default=1,
        metadata=setting(whole(1, 256), "Its share of new sessions beside the other backends' weights."),
    )
    max_sessions: int | Mapping[str, int] | None = attrs.field(
        default=None,
        metadata=setting(
            Either(_SESSIONS, Entries(RESOURCE, _SESSIONS, "a table of such numbers by resource")),
            "Sessions it may hold at a time, as its licences allow: in all, or for each resource as in"
            " `{ speechrecog = 96, speechsynth = 200 }`. Without it: any number.",
        ),
    )
    resources: frozenset[str] | None = attrs.field(
        default=None,
        metadata=setting(
            Unordered(Array(RESOURCE, "names of resources")),
            'Resources it serves, by their MRCPv2 names, as in `["speechrecog"]`. Without it: all.',
        ),
    )
    standby: bool = attrs.field(
        default=False, metadata=setting(SWITCH, "Whether it is used only while no other backend is eligible.")
    )
    state: Standing = attrs.field(
        default="enabled",
        metadata=setting(
            choice(*get_args(Standing)),
            "How it begins, and what a reload orders where this changed: draining takes no new sessions, disabled ends its"
            " live ones too. Orders of operators hold until then.",
        ),
    )
    # What UniMRCP needs is the default of each of these; see rules and M-17.
    request_uri: Literal["keep", "rewrite"] = attrs.field(
        default="keep",
        metadata=setting(
            choice("keep", "rewrite"),
            "Whether RTSP request URIs reach it as the client wrote them, or with its own host and port.",
            only_for=("rtsp",),
        ),
    )
    keepalive: Literal["answer", "forward"] = attrs.field(
        default="answer",
        metadata=setting(
            choice("answer", "forward"),
            "Whether keep-alives within an RTSP session (OPTIONS, GET_PARAMETER) are answered by the proxy, or by it. A"
            " UniMRCP server blocks the session for ever when it gets one.",
            only_for=("rtsp",),
        ),
    )
    insert_cseq: bool = attrs.field(
        default=False,
        metadata=setting(
            SWITCH,
            "Whether its RTSP requests that lack a CSeq, as old UniMRCP servers send them, are given one.",
            only_for=("rtsp",),
        ),
    )
    framing: Framing = attrs.field(
        default="repair",
        metadata=setting(
            _FRAMING,
            "What becomes of an MRCPv2 message whose message-length and Content-Length disagree: `strict` ends the"
            " connection, `repair` goes by Content-Length and sends the message on with lengths that agree.",
        ),
    )


@attrs.frozen(kw_only=True)
class PoolConfig:
    """Backends that can stand in for each other, and how one is chosen for a session."""

    name: str
    policy: Policy = attrs.field(
        default="least-sessions",
        metadata=setting(
            choice(*get_args(Policy)),
            "How a backend is chosen for a new session: `least-sessions` has the fewest for its weight, `round-robin` is"
            " next in turn, `random-two` is the less busy of two drawn at random, `source-hash` follows from the caller's"
            " address, `first` is the first in the file that has room. All but `first` honour weight.",
        ),
    )
    retries: int = attrs.field(
        default=2,
        metadata=setting(whole(0, 100), "Further backends that are tried before the client is refused."),
    )
    retry_statuses: tuple[int, ...] = attrs.field(
        default=(453, 500, 502, 503, 504),
        metadata=setting(
            Array(whole(400, 699), "statuses from 400 to 699", may_be_empty=True),
            "Answers to a SETUP or INVITE after which another backend is tried; an INVITE always is after 408, 480 and redirections.",
        ),
    )
    queue_size: int = attrs.field(
        default=0,
        metadata=setting(whole(0, _MILLION), "Sessions that may wait while no backend is eligible."),
    )
    queue_timeout: float = attrs.field(
        default=2.0,
        metadata=setting(duration(), "How long a session waits for a backend before it is refused."),
    )
    fallback: tuple[str, ...] = attrs.field(
        default=(),
        metadata=setting(
            OneOrMore(POOL_NAME, "names of pools"),
            "The pool that takes what no backend of this one can, or several, asked in this order; each has its own `retries`."
            " Theirs are asked after them. Only when they can't take it either, it waits in this pool's queue.",
        ),
    )
    health: HealthConfig = attrs.field(
        factory=HealthConfig,
        metadata=setting(Section(HealthConfig, "pools.POOL.health"), "How its backends are probed."),
    )
    backends: Mapping[str, BackendConfig] = attrs.field(
        factory=dict,
        metadata=setting(
            Sections(BackendConfig, "pools.POOL.backends.BACKEND"), "Its speech servers; at least one."
        ),
    )
    resource_names: Mapping[str, str] = attrs.field(
        factory=dict,
        metadata=setting(
            Entries(SEGMENT, RESOURCE, "a table of resources by RTSP's names for them"),
            "Which resource the last segment of an RTSP path means, where its backends use names of their own, as in"
            ' `{ asr = "speechrecog" }`. Known without it: `speechrecognizer` and `recognizer` are `speechrecog`,'
            " `speechsynthesizer` and `synthesizer` are `speechsynth`; others mean what they say.",
        ),
    )


@attrs.frozen(kw_only=True)
class ListenerConfig:
    """An address callers connect to; a port range is written once and opens one socket for each port."""

    name: str
    protocol: Protocol = attrs.field(
        metadata=setting(
            choice(*get_args(Protocol)),
            "What callers speak: `rtsp` (MRCPv1), `sip` (MRCPv2), `mrcp` (MRCPv2 messages without SIP), `tcp` (anything; it"
            " passes through untouched), or `auto`: told by the first octets of each TCP connection.",
            stand_in="auto",
        )
    )
    bind: tuple[Address, ...] = attrs.field(
        metadata=setting(
            BIND,
            'Where it listens. A range of ports like `"127.0.0.1:8001-8003"` opens one socket each; port 0 is any free one.',
            stand_in=(),
        )
    )
    pool: str = attrs.field(metadata=setting(POOL_NAME, "The pool that serves its sessions.", stand_in=""))
    match: tuple[MatchConfig, ...] = attrs.field(
        default=(),
        metadata=setting(
            Rows(MatchConfig, "listeners.LISTENER.match"), "Which of its sessions other pools serve."
        ),
    )
    allow: tuple[str, ...] | None = attrs.field(  # G-6
        default=None,
        metadata=setting(
            Array(NETWORK, "networks"),
            "The networks callers may come from; others are turned away unheard. Without it: from anywhere.",
        ),
    )
    transports: tuple[Transport, ...] = attrs.field(
        default=("udp", "tcp"),
        metadata=setting(
            Array(_TRANSPORT, 'transports, "udp" or "tcp"'), "What carries SIP to it.", only_for=("sip",)
        ),
    )
    control: Literal["proxied", "direct"] = attrs.field(
        default="proxied",
        metadata=setting(
            choice("proxied", "direct"),
            "Whether MRCPv2 connections come to the proxy, or go straight to the backend.",
            only_for=("sip", "auto"),
        ),
    )
    control_bind: tuple[Address, ...] | None = attrs.field(
        default=None,
        metadata=setting(
            BIND,
            "Where proxied MRCPv2 connections arrive; of a range, the first port that is free. Without it: a free port on the"
            " listener's address.",
            only_for=("sip", "auto"),
        ),
    )
    contact_bind: tuple[Address, ...] | None = attrs.field(
        default=None,
        metadata=setting(
            BIND,
            "Where requests inside SIP calls arrive, as Contact tells callers; of a range, the first port that is free. Without"
            " it: where `bind` says, or a free port on that address if another process may listen there too.",
            only_for=("sip", "auto"),
        ),
    )
    advertise: str | None = attrs.field(
        default=None,
        metadata=setting(
            PUBLIC_HOST,
            "The address callers reach the proxy by, written into SDP and Contact where `bind` is a wildcard.",
            only_for=("sip", "auto"),
        ),
    )
    stick_table: str | None = attrs.field(
        default=None,
        metadata=setting(
            STICK_TABLE_NAME,
            "The stick table that remembers which backend a source address went to. Without it: nothing sticks.",
            only_for=("tcp", "auto"),
        ),
    )
    framing: Framing = attrs.field(
        default="strict",
        metadata=setting(
            _FRAMING,
            "As a backend's `framing`, for MRCPv2 messages from callers.",
            only_for=("sip", "mrcp", "auto"),
        ),
    )
    interleaved: bool = attrs.field(
        default=True,
        metadata=setting(
            SWITCH,
            "Whether media may travel inside the RTSP connection; if not, such a SETUP is answered 461.",
            only_for=("rtsp", "auto"),
        ),
    )


@attrs.frozen(kw_only=True)
class StickTableConfig:
    """A memory of which source address went to which backend, shared by every listener that names it."""

    name: str
    size: int = attrs.field(
        default=200_000,
        metadata=setting(
            whole(1, 100 * _MILLION), "Entries it holds; the longest unused makes room for a new one."
        ),
    )
    expire: float = attrs.field(
        default=16 * _HOURS, metadata=setting(duration(), "An entry unused for this long is forgotten.")
    )


@attrs.frozen(kw_only=True)
class Config:
    """One whole configuration, free of faults."""

    pools: Mapping[str, PoolConfig] = attrs.field(
        metadata=setting(Sections(PoolConfig, "pools.POOL"), "The pools; at least one.", stand_in={})
    )
    listeners: Mapping[str, ListenerConfig] = attrs.field(
        metadata=setting(
            Sections(ListenerConfig, "listeners.LISTENER"), "The listeners; at least one.", stand_in={}
        )
    )
    stick_tables: Mapping[str, StickTableConfig] = attrs.field(
        factory=dict,
        metadata=setting(
            Sections(StickTableConfig, "stick_tables.TABLE"), "The stick tables listeners may name."
        ),
    )
    timeouts: Timeouts = attrs.field(
        factory=Timeouts, metadata=setting(Section(Timeouts, "timeouts"), "How long things may take.")
    )
    limits: Limits = attrs.field(
        factory=Limits, metadata=setting(Section(Limits, "limits"), "How much may be used.")
    )
    admin: AdminConfig | None = attrs.field(
        default=None, metadata=setting(Section(AdminConfig, "admin"), "The admin interface.")
    )
    tracing: TracingConfig | None = attrs.field(
        default=None, metadata=setting(Section(TracingConfig, "tracing"), "Traces for OpenTelemetry.")
    )
    record: RecordConfig = attrs.field(
        factory=RecordConfig, metadata=setting(Section(RecordConfig, "record"), "Recordings of sessions.")
    )
    process: ProcessConfig = attrs.field(
        factory=ProcessConfig,
        metadata=setting(
            Section(ProcessConfig, "process"), "How the process stands beside another one of its kind."
        ),
    )
    log: LogConfig = attrs.field(factory=LogConfig, metadata=setting(Section(LogConfig, "log"), "The log."))
