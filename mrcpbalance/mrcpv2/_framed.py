"""The owner of a caller's connection that carries MRCPv2 messages without SIP (`protocol = "mrcp"`).

The first message on a channel chooses its backend; a literal SETUP and TEARDOWN open and close where the peers use them.
Channel ids are the caller's own, scoped to its connection, and pass unchanged (design.md section 4).
"""

import functools
import math
from collections.abc import Iterator
from typing import ClassVar

import attrs

from mrcpbalance.pool import Backend
from mrcpbalance.sessions import Direction, End, Phase, Who
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import CloseReason, Port
from mrcpbalance.sessions.watch import Watch
from mrcpwire import RemoteProtocolError, mrcpv2

from . import _metering, _opening, _passing
from ._channel import Channel, State, Step
from ._leg import Leg

_REQUEST, _RESPONSE = mrcpv2.Kind.REQUEST, mrcpv2.Kind.RESPONSE
NO_ANSWER = 501  # A.8: the backend connection was lost before it answered


def limits_of(context: Context) -> mrcpv2.Limits:
    limits = context.limits
    return _limits(limits.header_section, limits.header_lines, limits.header_line, limits.message)


@functools.lru_cache(8)  # one object for all connections under the same configuration
def _limits(header_section: int, header_lines: int, header_line: int, message: int) -> mrcpv2.Limits:
    return mrcpv2.Limits(
        header_section=header_section, header_lines=header_lines, header_line=header_line, message=message
    )


@attrs.define(eq=False)
class FramedCaller:
    """One caller connection with its channels, and the connections to the backends they live on."""

    protocol: ClassVar[str] = "mrcp"

    context: Context
    port: Port
    limits: mrcpv2.Limits
    receiver: mrcpv2.Receiver
    watch: Watch = attrs.field(init=False)
    channels: dict[bytes, Channel] = attrs.field(factory=dict)
    legs: list[Leg] = attrs.field(factory=list)
    open: int = 0  # requests without a response, all channels together
    kept: int = 0  # octets of messages that may have to be sent again, all channels together
    choked: bool = False
    closing: End | None = None
    gone: bool = False

    @classmethod
    def of(cls, context: Context, port: Port, now: float) -> "FramedCaller":
        """Take over a connection that was just accepted."""
        limits = limits_of(context)
        policy = mrcpv2.Policy(context.listener.framing)
        caller = cls(context, port, limits, mrcpv2.Receiver(policy, limits))
        caller.watch = Watch.of(caller, context.shell, context.timeouts, now)
        return caller

    # What the shell tells.

    def connected(self, now: float) -> None:
        """Nothing to do: a caller's connection stands from the start."""

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the caller."""
        if self.closing is None:
            self.watch.heard = now
            self.receiver.receive_data(data)
            self.pump(now)

    def pump(self, now: float) -> None:
        """Handle what was received, as far as the number of open requests allows."""
        receiver, most = self.receiver, self.context.limits.requests_per_connection
        try:
            while (
                self.closing is None
                and (room := most - self.open) > 0
                and (messages := receiver.next_parts(room))  # each opens one request at most
            ):
                _passing.to_backends(self, messages, now)
        except RemoteProtocolError as error:
            self._broke(error, now)
            return
        if self.open >= most and not self.choked:
            self.choked = True
            self.port.pause()
        pending = receiver.pending and not self.choked
        if pending or self.watch.partial_since is not None:
            self.watch.partial(pending=pending, now=now)

    def finished(self, now: float) -> None:
        """Wait a moment for the responses to what is open, then end (M-32)."""
        if self.receiver.pending and not self.choked and self.closing is None:
            self._complain("client-broke-protocol", "mrcpv2.cut-short", "M-32", b"")
        self._close_when_answered(End(Who.CLIENT, Phase.ACTIVE), now)
        self.watch.hurry(now + self.context.timeouts.linger)

    def lost(self, reason: CloseReason, now: float) -> None:
        """End every channel: the end of the connection is the end of its channels."""
        who = Who.TIMEOUT if reason is CloseReason.STALLED else Who.CLIENT
        self.farewell(End(who, Phase.ACTIVE), now)

    def crashed(self, now: float) -> None:
        """Answer 501 to whatever is open and end everything."""
        self.stop(End(Who.PROXY, Phase.ACTIVE), now)

    # Messages that are more than passed on.

    def from_caller(self, message: mrcpv2.Message, channel: Channel | None, due: float, now: float) -> None:
        """Take a message that may open a channel, or begins to close one, or goes behind such a one."""
        if message.anomaly is not None:
            self.context.tally.count(message.anomaly)
        if channel is None:
            if message.kind is not _REQUEST:
                self.context.tally.count("mrcpv2.unknown-channel")
                return
            channel = _opening.open_channel(self, message, now)
            if channel is None:
                return
        channel.touched = now
        record = channel.record
        record.messages_to_backend += 1
        record.hear(Direction.FROM_CLIENT, "mrcpv2", message.raw, self.port, now)
        if message.kind is _REQUEST:
            self.open += message.request_id not in channel.open
            channel.open[message.request_id] = due
            self.watch.by(due)
            if self.context.meters is not None:
                _metering.sent(channel.begun, message.request_id, message.name, now)
            if message.name == _passing.TEARDOWN:
                channel.teardown = message.request_id
                channel.step(Step.TEARDOWN)
        leg = channel.leg
        if leg is None:
            _opening.first(self, channel, message, now)
            return
        if channel.opening is not None:
            _opening.follow(self, channel.opening, message)
        record.bytes_to_backend += len(message.raw)
        record.hear(Direction.TO_BACKEND, "mrcpv2", message.raw, leg.port, now)
        leg.port.send(message.raw)

    def from_backend(self, leg: Leg, message: mrcpv2.Message, channel: Channel | None, now: float) -> None:
        """Take a message that is on no channel, or the first on its channel, or may be the last."""
        if message.anomaly is not None:
            self.context.tally.count(message.anomaly)
        if channel is None or channel.leg is not leg:
            self.context.tally.count("mrcpv2.unknown-channel-from-backend")
            leg.undo(message)
            return
        channel.record.hear(Direction.FROM_BACKEND, "mrcpv2", message.raw, leg.port, now)
        if channel.opening is not None and not _opening.answered(self, channel, message, now):
            return
        channel.touched = now
        response = message.kind is _RESPONSE
        if response:
            if channel.open.pop(message.request_id, None) is not None:
                self.open -= 1
            elif channel.settled is not None and message.request_id in channel.settled:
                self.context.tally.count("mrcpv2.late-response")
                return
        if leg.meter is not None and message.state == _metering.COMPLETE:
            _metering.completed(channel.begun, leg.meter, message, now)
        channel.record.messages_to_client += 1
        channel.record.bytes_to_client += len(message.raw)
        channel.record.hear(Direction.TO_CLIENT, "mrcpv2", message.raw, self.port, now)
        self.port.send(message.raw)
        if response:
            self._after_last(channel, message, now)
            self.after_response(now)

    def _after_last(self, channel: Channel, message: mrcpv2.Message, now: float) -> None:
        """End a channel with the response that refuses its SETUP or grants its TEARDOWN."""
        if channel.refused:
            self.answer_open(channel, now, status=_opening.NOT_ALLOCATED)  # what went behind it
            self.end(channel, End(Who.BACKEND, Phase.SETUP), now)
        elif channel.teardown is not None and message.request_id == channel.teardown:
            channel.teardown = None
            if message.status < 300:  # noqa: PLR2004 - the class of success
                self.answer_open(channel, now, status=_opening.NOT_ALLOCATED)
                self.end(channel, End(Who.CLIENT, Phase.TEARDOWN), now)
            else:
                channel.step(Step.REFUSED)

    def after_response(self, now: float) -> None:
        """Go on with what waited for responses."""
        if self.closing is not None:
            self._close_if_answered(now)
        elif self.choked and self.open * 2 <= self.context.limits.requests_per_connection:
            self.choked = False
            self.port.resume()
            self.pump(now)

    # Backend connections.

    def leg_to(self, backend: Backend) -> Leg:
        """Give the connection to this backend, dialling when there is none."""
        for leg in self.legs:
            if leg.backend is backend:
                return leg
        leg = Leg(self, backend, mrcpv2.Receiver(mrcpv2.Policy(backend.config.framing), self.limits))
        address = backend.address("mrcp")
        assert address is not None, "the pool offers only backends that speak the protocol"
        leg.port = self.context.shell.dial(address, leg, within=self.context.timeouts.connect)
        self.legs.append(leg)
        return leg

    def leg_lost(self, leg: Leg, reason: CloseReason, now: float) -> None:
        """Try the channels that never began elsewhere; answer for the others, then end them (M-30)."""
        self.legs.remove(leg)
        lived = [channel for channel in self.channels.values() if channel.leg is leg]
        if lived:
            leg.backend.failed("mrcp", now)
            self.context.journal.note(
                "backend-connection-lost",
                level="warning",
                pool=leg.backend.pool,
                backend=leg.backend.name,
                client=self.port.peer,
                reason=reason.value,
                sessions=len(lived),
            )
        for channel in lived:
            if channel.opening is not None:
                _opening.failed(self, channel, Who.BACKEND, now)
            else:
                self.answer_open(channel, now)
                self.end(channel, End(Who.BACKEND, _phase(channel)), now)
        if lived and not self.channels:
            self._close_when_answered(End(Who.BACKEND, Phase.ACTIVE), now)

    def leg_broke(self, leg: Leg, code: str, rule: str, now: float, excerpt: bytes = b"") -> None:
        """Give up a backend connection whose framing is lost."""
        self._complain("backend-broke-protocol", code, rule, excerpt, backend=leg.backend.name)
        leg.port.abort()
        leg.lost(CloseReason.RESET, now)

    def _broke(self, error: RemoteProtocolError, now: float) -> None:
        self._complain("client-broke-protocol", error.code, error.rule, error.excerpt)
        self.stop(End(Who.CLIENT, Phase.ACTIVE), now)

    def _complain(self, event: str, code: str, rule: str, excerpt: bytes, backend: str = "") -> None:
        context = self.context
        context.tally.count(code, rule)
        context.journal.note(
            event,
            level="warning",
            listener=context.listener.name,
            client=self.port.peer,
            backend=backend,
            code=code,
            rule=rule,
            excerpt=excerpt,
        )

    # What the watch tells.

    def idle(self) -> bool:
        """Tell whether it holds no channel."""
        return not self.channels

    def slow(self, now: float) -> None:
        """End a connection whose caller doesn't come to the end of a message (G-3)."""
        self._complain("client-broke-protocol", "mrcpv2.message-timeout", "M-18", b"")
        self.stop(End(Who.CLIENT, Phase.ACTIVE), now)

    def silent(self, now: float) -> None:
        """End a connection that nobody uses (M-24)."""
        self.stop(End(Who.TIMEOUT, Phase.ACTIVE), now)

    def out_of_time(self, now: float) -> None:
        """End a connection that was given a last moment."""
        self.stop(self.closing or End(Who.TIMEOUT, Phase.ACTIVE), now)

    def look(self, now: float) -> None:
        """Answer what a backend left open for too long, end what has been silent for too long."""
        late = now - self.context.timeouts.message
        for leg in [leg for leg in self.legs if leg.partial_since is not None and leg.partial_since <= late]:
            self.leg_broke(leg, "mrcpv2.message-timeout", "M-18", now)
        for channel in list(self.channels.values()):
            overdue = [request_id for request_id, due in channel.open.items() if due <= now]
            if overdue and channel.opening is None:
                self.context.tally.count("mrcpv2.request-timeout")
                self.answer_open(channel, now, overdue)
            if channel.touched + self.context.timeouts.session_idle <= now:
                self.answer_open(channel, now)
                self.end(channel, End(Who.TIMEOUT, Phase.ACTIVE), now)

    def dues(self) -> Iterator[float]:
        """Tell when one of these is due next."""
        message = self.context.timeouts.message
        yield from (leg.partial_since + message for leg in self.legs if leg.partial_since is not None)
        for channel in self.channels.values():
            yield channel.touched + self.context.timeouts.session_idle
            if channel.opening is None:
                yield min(channel.open.values(), default=math.inf)

    # Ends.

    def answer_open(
        self, channel: Channel, now: float, request_ids: list[int] | None = None, status: int = NO_ANSWER
    ) -> None:
        """Answer requests of a channel for a backend that won't any more (A.8)."""
        for request_id in list(channel.open) if request_ids is None else request_ids:
            data = mrcpv2.response(request_id, status, b"COMPLETE", channel.name)
            channel.record.messages_to_client += 1
            channel.record.bytes_to_client += len(data)
            channel.record.hear(Direction.TO_CLIENT, "mrcpv2", data, self.port, now)
            self.port.send(data)
            self._settle(channel, request_id)

    def _settle(self, channel: Channel, request_id: int) -> None:
        del channel.open[request_id]
        self.open -= 1
        if channel.settled is None:
            channel.settled = set()
        if len(channel.settled) < self.context.limits.requests_per_connection:
            channel.settled.add(request_id)

    def end(self, channel: Channel, end: End, now: float) -> None:
        """End a channel; its caller was answered before."""
        if channel.opening is not None:
            _opening.settle(self, channel, channel.opening)
        channel.step(Step.ENDED)
        self.open -= len(channel.open)
        channel.open.clear()
        channel.leg = None
        del self.channels[channel.name]
        self.context.register.end(channel.record, end, now)

    def _close_when_answered(self, end: End, now: float) -> None:
        if self.closing is None and not self.gone:
            self.closing = end
            self._close_if_answered(now)

    def _close_if_answered(self, now: float) -> None:
        if self.open == 0 and self.closing is not None:
            self.farewell(self.closing, now)

    def stop(self, end: End, now: float) -> None:
        """Answer every open request and end every channel and the connection, now."""
        for channel in list(self.channels.values()):
            self.answer_open(channel, now)
        self.farewell(end, now)

    dispensable = idle

    def make_way(self, by: float, now: float) -> None:
        """Close it when it holds nothing."""
        self.watch.make_way(by, now)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """End the channels that live on a backend, in order; the others live on."""
        for leg in [leg for leg in self.legs if leg.backend is backend]:
            lived = [channel for channel in self.channels.values() if channel.leg is leg]
            for channel in lived:
                self.answer_open(channel, now)
                self.end(channel, End(end.who, _phase(channel)), now)
            leg.gone = True
            leg.port.close()
            self.legs.remove(leg)
            if lived and not self.channels:
                self._close_when_answered(end, now)

    def farewell(self, end: End, now: float) -> None:
        """End every channel and close all connections."""
        if self.gone:
            return
        self.gone = True
        self.closing = end
        self.watch.stop()
        for channel in list(self.channels.values()):
            self.end(channel, End(end.who, _phase(channel)), now)
        for leg in self.legs:
            leg.gone = True
            leg.port.close()
        self.legs.clear()
        self.port.close()
        self.context.left(self)


def _phase(channel: Channel) -> Phase:
    match channel.state:
        case State.OPENING:
            return Phase.SETUP
        case State.CLOSING:
            return Phase.TEARDOWN
        case _:
            return Phase.ACTIVE
