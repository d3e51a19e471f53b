"""Sessions as a capture shows them: who with whom, what for, how it went."""

import enum
from collections.abc import Mapping

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces.capture import Connection

from ._message import Message


class Protocol(enum.Enum):
    """What a session speaks; the values are those of metrics and the session log."""

    MRCPV1 = "mrcpv1"
    MRCPV2 = "mrcpv2"
    MRCP = "mrcp"  # MRCPv2 messages without SIP

    @property
    def title(self) -> str:
        """The name people use."""
        return {"mrcpv1": "MRCPv1", "mrcpv2": "MRCPv2", "mrcp": "MRCPv2, no SIP"}[self.value]


class End(enum.Enum):
    """How a session went."""

    COMPLETED = "completed"  # set up, and ended by its caller in due form
    REFUSED = "refused"  # its set-up was answered with a failure
    FAILED = "failed"  # its set-up was never answered, or given up
    CUT = "cut"  # set up, and ended by its server, by a lost connection, or without a word
    UNFINISHED = "unfinished"  # the capture ends first

    @property
    def is_failure(self) -> bool:
        """Whether somebody should look into it."""
        return self in (End.REFUSED, End.FAILED, End.CUT)


@attrs.frozen(kw_only=True)
class Outcome:
    """How a session went, with the status that refused it or who cut it: "caller" or "server"."""

    end: End
    detail: str = ""
    status: int | None = None
    by: str = ""

    def __str__(self) -> str:
        return f"{self.end.value}: {self.detail}" if self.detail else self.end.value


@attrs.frozen
class Cause:
    """Why a request came to its end: the event or response that told, and its Completion-Cause."""

    told_by: str
    cause: str


@attrs.frozen(kw_only=True, eq=False)
class Session:
    """One session; times are nanoseconds since 1970, spans nanoseconds.

    `id` is what its caller knows it by: the RTSP Session, the SIP Call-ID, or the channel; `keys` are all such ids. `set_up`
    spans from the first request to the answer that settled it. `messages` is empty unless they were kept.
    """

    number: int  # in order of their beginning, from 1
    protocol: Protocol
    id: str
    keys: tuple[str, ...]
    caller: Endpoint
    server: Endpoint
    resources: tuple[str, ...]
    outcome: Outcome
    start: int
    set_up: int | None
    duration: int
    counts: Mapping[str, int]  # messages of "rtsp", "sip" and "mrcp"
    methods: Mapping[str, int]  # how often which method or event came
    causes: tuple[Cause, ...]
    findings: tuple[Finding, ...]
    connections: tuple[Connection, ...]
    messages: tuple[Message, ...] = ()
    is_aside: bool = (
        False  # no session, but one request outside of any, with its answer; only replays know such
    )

    @property
    def message_count(self) -> int:
        """How many messages went over the wire; an MRCPv1 message and the RTSP around it are one."""
        wires = ("rtsp",) if self.protocol is Protocol.MRCPV1 else ("sip", "mrcp")
        return sum(self.counts.get(wire, 0) for wire in wires)

    def is_called(self, name: str) -> bool:
        """Tell whether this is its number, or one of its ids or the beginning of one, at least four characters."""
        if name == str(self.number) or name in self.keys:
            return True
        return len(name) >= 4 and any(key.startswith(name) for key in self.keys)  # noqa: PLR2004
