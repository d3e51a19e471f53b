"""Messages as they passed: what was said, when, by whom to whom, and what it answers."""

import enum
from typing import Final, Literal

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces._show import show
from mrcpbalance.traces.capture import Connection
from mrcpwire import Wire, mrcpv1, mrcpv2, rtsp, sip
from mrcpwire.sdp import Sdp

Parsed = rtsp.Request | rtsp.Response | sip.Request | sip.Response | mrcpv2.Message
Transport = Literal["udp", "tcp"]

_LIMITS: Final = sip.Limits(message=1 << 20)  # what was taken once is taken again, also in its canonical form


class Kind(enum.Enum):
    """What an MRCP message is, in either version."""

    REQUEST = "request"
    RESPONSE = "response"
    EVENT = "event"


@attrs.frozen(kw_only=True)
class Mrcp:
    """What an MRCP message says, of either version; `name` is the method or event, "" in a response."""

    kind: Kind
    name: str
    request_id: int
    status: int | None = None
    state: str = ""
    cause: str | None = None


@attrs.define(eq=False, kw_only=True)
class Message:
    """One message on the wire.

    `raw` are its octets: what a replay sends. `to_server` says which way it went in its session. `answers` is the
    request a response or event belongs to, where that was captured. `again` marks a retransmission.
    """

    time: int  # nanoseconds since 1970, of the packet that completed it
    packet: int
    wire: Wire
    source: Endpoint
    target: Endpoint
    connection: Connection | None  # None: a datagram
    raw: bytes
    _parsed: Parsed | None
    to_server: bool = True
    again: bool = False
    answers: "Message | None" = None
    answered: bool = False  # a final answer was seen
    cut: bool = False  # its end was not captured
    _mrcp: Mrcp | None = attrs.field(default=None, init=False)
    _sdp: Sdp | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self._parsed is not None:
            self._mrcp = mrcp_in(self._parsed)

    @property
    def transport(self) -> Transport:
        """What carried it."""
        return "udp" if self.connection is None else "tcp"

    @property
    def parsed(self) -> Parsed:
        """What it says; of SIP this is read anew at each use once it was forgotten."""
        return self._parsed or sip.parse_datagram(self.raw, _LIMITS)

    @property
    def mrcp(self) -> Mrcp | None:
        """The MRCP message: itself, or what an RTSP ANNOUNCE or its answer carries."""
        return self._mrcp

    @property
    def sdp(self) -> Sdp | None:
        """The session description a SIP or RTSP message carries."""
        if self._sdp is None and self.wire is not Wire.MRCPV2:
            body = self.parsed.body
            self._sdp = Sdp.parse(body) if body.startswith(b"v=") else None
        return self._sdp

    def forget(self) -> None:
        """Let go of what can be read again: a SIP message takes ten times its octets once it was read."""
        self._sdp = None
        if self.wire is Wire.SIP and not self.cut:
            self._parsed = None


def mrcp_in(parsed: Parsed) -> Mrcp | None:
    """Read the MRCP message: what was parsed itself, or what an RTSP message carries; None where there is none."""
    if isinstance(parsed, mrcpv2.Message):
        return _second(parsed)
    return _first(parsed.body) if isinstance(parsed, rtsp.Request | rtsp.Response) else None


def _first(body: bytes) -> Mrcp | None:
    line = mrcpv1.first_line(body) if body else None
    if line is None:
        return None
    cause = mrcpv1.completion_cause(body)
    return Mrcp(
        kind=Kind(line.kind.value),
        name=show(line.name),
        request_id=line.request_id,
        status=line.status,
        state=show(line.state or b""),
        cause=show(cause) if cause else None,
    )


def _second(message: mrcpv2.Message) -> Mrcp:
    cause = mrcpv2.completion_cause(message)
    return Mrcp(
        kind=Kind(message.kind.value),
        name=show(message.name),
        request_id=message.request_id,
        status=message.status or None,
        state=show(message.state),
        cause=show(cause) if cause else None,
    )


@attrs.define(eq=False, kw_only=True)
class Fault:
    """Octets of a conversation that make no sense, or are missing."""

    time: int
    wire: Wire
    source: Endpoint
    target: Endpoint
    connection: Connection | None
    finding: Finding
