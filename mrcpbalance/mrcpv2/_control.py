"""The control channels of proxied MRCPv2 calls: which alias stands for which channel of which backend (M-20, E-03).

A caller's control connection may carry channels that live on different backends; only the alias tells them apart.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from mrcpbalance.sessions import Direction, Session
from mrcpwire import mrcpv2

from ._metering import type_begun

if TYPE_CHECKING:
    from ._control_caller import ControlCaller
    from ._control_leg import ControlLeg

GONE_FOR: Final = 60.0  # seconds for which a removed alias is known to be late rather than guessed (E-04)
GONE_MOST: Final = 10_000  # removed aliases remembered at most
SETTLED_MOST: Final = 1_000  # requests of a channel answered here that are remembered at most
NO_ANSWER: Final = 501  # A.8: the backend connection was lost before it answered


class Call(Protocol):
    """The session a control channel belongs to, as far as the channel must know it."""

    record: Session

    @property
    def client_host(self) -> str:
        """Where the caller's SIP comes from."""

    def backend_connection_lost(self, now: float) -> None:
        """Take it that no channel of this call works any more (M-30)."""

    def caller_connection_lost(self, now: float) -> None:
        """Wait for a BYE, or for a channel to reappear on a new connection (M-31)."""

    def caller_connection_found(self) -> None:
        """Wait no longer: a channel has reappeared."""


@attrs.define(eq=False)
class ControlChannel:
    """One channel: what its caller calls it, what its backend calls it, and the two connections it uses."""

    alias: bytes  # whole channel-ids
    real: bytes
    call: Call
    leg: "ControlLeg"
    front: "ControlCaller | None" = None
    bound_to: str = ""  # the caller address that used it first (M-24)
    open: dict[int, float] | None = None  # request-ids without a response, and when each must have one
    begun: type_begun = attrs.field(factory=dict)  # requests that aren't complete, where they are measured
    settled: set[int] | None = None  # request-ids answered here; no second response may follow (A.8)

    def asked(self, request_id: int, due: float) -> bool:
        """Note a request that wants a response; False when one of this number does already."""
        if self.open is None:
            self.open = {}
        new = request_id not in self.open
        self.open[request_id] = due
        return new

    def answer_open(self, now: float, request_ids: list[int] | None = None) -> None:
        """Answer requests for a backend that won't any more (A.8, M-30)."""
        for request_id in list(self.open or ()) if request_ids is None else request_ids:
            assert self.open is not None
            del self.open[request_id]
            self.leg.unread = True
            self.settled = self.settled or set()
            if len(self.settled) < SETTLED_MOST:
                self.settled.add(request_id)
            if self.front is not None:
                self.front.open -= 1
                data = mrcpv2.response(request_id, NO_ANSWER, b"COMPLETE", self.alias)
                record = self.call.record
                record.messages_to_client += 1
                record.bytes_to_client += len(data)
                record.hear(Direction.TO_CLIENT, "mrcpv2", data, self.front.port, now)
                self.front.port.send(data)


@attrs.define(eq=False)
class ControlTable:
    """Every control channel of one listener, by alias, and the caller connections that are open."""

    channels: dict[bytes, ControlChannel] = attrs.field(factory=dict)
    fronts: dict[str, int] = attrs.field(factory=dict)  # open caller connections, by caller address (M-22)
    unused: dict[str, int] = attrs.field(factory=dict)  # channels nobody spoke to yet, by caller address
    gone: "OrderedDict[bytes, float]" = attrs.field(factory=OrderedDict)

    def install(self, channel: ControlChannel) -> None:
        """Make a channel known; before the caller can know of it (M-23)."""
        self.channels[channel.alias] = channel
        channel.leg.channels[channel.real] = channel
        _count(self.unused, channel.call.client_host, 1)

    def bind(self, channel: ControlChannel, source: str) -> None:
        """Let a channel belong to the caller that speaks to it first (M-24)."""
        if not channel.bound_to:
            channel.bound_to = source
            _count(self.unused, channel.call.client_host, -1)

    def remove(self, channel: ControlChannel, now: float) -> None:
        """Forget a channel, but remember for a while that it was one (E-04, M-33)."""
        if self.channels.pop(channel.alias, None) is None:
            return
        channel.leg.channels.pop(channel.real, None)
        if not channel.bound_to:
            _count(self.unused, channel.call.client_host, -1)
        if channel.front is not None:
            channel.front.dropped(channel, now)
        self.gone[channel.alias] = now + GONE_FOR
        while self.gone and (len(self.gone) > GONE_MOST or next(iter(self.gone.values())) <= now):
            self.gone.popitem(last=False)

    def was_known(self, alias: bytes, now: float) -> bool:
        """Tell whether an unknown alias was one a short while ago."""
        return self.gone.get(alias, 0.0) > now

    def connected(self, source: str) -> bool:
        """Tell whether a caller has a connection open that a channel could share (M-22)."""
        return self.fronts.get(source, 0) > 0

    def awaited(self, source: str) -> bool:
        """Tell whether a caller has channels it may speak to on any connection, an idle one included."""
        return self.unused.get(source, 0) > 0

    def came(self, source: str) -> None:
        """Count a caller connection in."""
        _count(self.fronts, source, 1)

    def went(self, source: str) -> None:
        """Count a caller connection out."""
        _count(self.fronts, source, -1)


def _count(counts: dict[str, int], source: str, step: int) -> None:
    counts[source] = counts.get(source, 0) + step
    if not counts[source]:
        del counts[source]
