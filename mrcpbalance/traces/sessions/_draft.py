"""A session while its messages are being followed."""

from collections import Counter
from typing import Final

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces.capture import Connection
from mrcpwire import Wire

from ._message import Kind, Message, Mrcp
from ._session import Cause, Protocol

_MOST_FINDINGS: Final = 100
_MOST_OPEN: Final = 10_000
_MOST_KEYS: Final = 64
_STOPPING: Final = frozenset(["STOP", "BARGE-IN-OCCURRED"])
_SUCCESS: Final = range(200, 300)

_MOST_METHODS: Final = 1_000
_OVERHEAD: Final = 1_000  # octets a message takes beside its own

# A channel or a resource, and a request-id.
_Key = tuple[bytes, int]


@attrs.define
class Room:
    """The memory that is left for messages, those of all sessions together, in octets."""

    left: int

    def take(self, message: Message) -> bool:
        """Make room for one, if there is any."""
        size = len(message.raw) + _OVERHEAD
        if size > self.left:
            return False
        self.left -= size
        return True

    def give(self, messages: list[Message]) -> None:
        """Take back what these had."""
        self.left += sum(len(message.raw) + _OVERHEAD for message in messages)


@attrs.define(eq=False, kw_only=True)
class Draft:
    """What is known of a session so far."""

    protocol: Protocol
    caller: Endpoint
    server: Endpoint
    start: int
    most: int  # messages to keep
    room: Room
    left_out: int = 0  # messages that were counted and not kept
    id: str = ""
    keys: list[str] = attrs.field(factory=list)
    resources: list[str] = attrs.field(factory=list)
    messages: list[Message] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)
    methods: Counter[str] = attrs.field(factory=Counter)
    causes: list[Cause] = attrs.field(factory=list)
    findings: list[Finding] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    last: int = 0
    up: int | None = None  # when it was set up
    refused_at: int | None = None
    status: int | None = None  # of the last refusal
    reason: str = ""
    captured: bool = True  # its set-up was
    confirmed: bool = False  # its server has agreed to something
    end: int | None = None  # when it ended
    asked: dict[_Key, Message] = attrs.field(factory=dict)
    open: dict[_Key, Message] = attrs.field(factory=dict)  # without a response
    active: dict[_Key, Message] = attrs.field(factory=dict)

    def add(self, message: Message, channel: bytes = b"") -> None:
        """Take the next message; `channel` is the resource it is for."""
        self.last = max(self.last, message.time)
        if message.wire is not Wire.MRCPV2:
            self.counts[message.wire.value] += 1
        connection = message.connection
        if connection is not None:
            self.use(connection)
        if message.mrcp is not None:
            self._count(message.mrcp)
        if len(self.messages) >= self.most or not self.room.take(message):
            self.left_out += 1
            return
        self.messages.append(message)
        if message.mrcp is not None:
            self._mrcp(message, channel)

    def called(self, method: str) -> None:
        """Count a method or event."""
        if method in self.methods or len(self.methods) < _MOST_METHODS:
            self.methods[method] += 1

    def use(self, connection: Connection) -> None:
        """Note a connection as one of its own."""
        if connection not in self.connections:
            self.connections.append(connection)

    def know_as(self, key: str) -> None:
        """Note an id of it; the first one is what it is called."""
        self.id = self.id or key
        if key not in self.keys and len(self.keys) < _MOST_KEYS:
            self.keys.append(key)

    def need(self, resource: str) -> None:
        """Note a resource of it."""
        if resource and resource not in self.resources and len(self.resources) < _MOST_KEYS:
            self.resources.append(resource)

    def find(self, code: str, text: str, rule: str = "", message: Message | None = None) -> None:
        """Note what is wrong."""
        if len(self.findings) < _MOST_FINDINGS:
            time, packet = (message.time, message.packet) if message is not None else (None, None)
            self.findings.append(Finding(code=code, text=text, rule=rule, time=time, packet=packet))

    def _count(self, mrcp: Mrcp) -> None:
        self.counts["mrcp"] += 1
        if mrcp.name:
            self.called(mrcp.name)

    def _mrcp(self, message: Message, channel: bytes) -> None:
        mrcp = message.mrcp
        assert mrcp is not None
        key = (channel, mrcp.request_id)
        if mrcp.kind is Kind.REQUEST:
            if len(self.asked) < _MOST_OPEN:
                self.asked[key] = self.open[key] = message
            return
        request = self.asked.get(key)
        message.answers = message.answers or request
        self.confirmed |= mrcp.kind is Kind.EVENT or mrcp.status in _SUCCESS
        if request is not None:
            self._settle(key, request, message)
        name = mrcp.name or (request.mrcp.name if request and request.mrcp else "response")
        if mrcp.cause and len(self.causes) < _MOST_OPEN:
            self.causes.append(Cause(name, mrcp.cause))

    def _settle(self, key: _Key, request: Message, message: Message) -> None:
        """Note how far a request has come."""
        mrcp, asked = message.mrcp, request.mrcp
        assert mrcp is not None
        assert asked is not None
        if mrcp.kind is Kind.RESPONSE:
            self.open.pop(key, None)
            if asked.name in _STOPPING and mrcp.status in _SUCCESS:
                for other in [other for other in self.active if other[0] == key[0]]:
                    del self.active[other]
        if mrcp.state == "COMPLETE":
            self.active.pop(key, None)
        else:
            self.active[key] = request
