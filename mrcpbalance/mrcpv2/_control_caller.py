"""A caller's control connection: it may carry channels of any number of calls, on any backends (M-20, M-24)."""

import math
from collections.abc import Iterator
from typing import ClassVar, Final

import attrs

from mrcpbalance.pool import Backend
from mrcpbalance.sessions import End
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import CloseReason, Port
from mrcpbalance.sessions.watch import Watch
from mrcpwire import RemoteProtocolError, mrcpv2

from . import _metering
from ._control import Call, ControlChannel, ControlTable
from ._framed import limits_of

MISSES: Final = 20  # messages for unknown channels before the connection is cut (G-5)
NOT_ALLOCATED: Final = 405  # A.8: no such channel here
_REQUEST: Final = mrcpv2.Kind.REQUEST


@attrs.define(eq=False)
class ControlCaller:
    """The owner of a caller's control connection."""

    protocol: ClassVar[str] = "mrcpv2"

    context: Context
    table: ControlTable
    port: Port
    receiver: mrcpv2.Receiver
    watch: Watch = attrs.field(init=False)
    channels: dict[bytes, ControlChannel] = attrs.field(factory=dict)  # bound to this connection, by alias
    open: int = 0  # requests without a response, all channels together
    choked: bool = False  # there are too many, and it is not read
    misses: int = 0
    unused_since: float | None = None  # since when no channel is bound
    gone: bool = False

    @classmethod
    def of(cls, context: Context, table: ControlTable, port: Port, now: float) -> "ControlCaller":
        """Take over a connection that was just accepted."""
        policy = mrcpv2.Policy(context.listener.framing)
        caller = cls(context, table, port, mrcpv2.Receiver(policy, limits_of(context)))
        caller.watch = Watch.of(caller, context.shell, context.timeouts, now)
        caller.unused_since = now
        table.came(port.peer)
        return caller

    # What the shell tells.

    def connected(self, now: float) -> None:
        """Nothing to do: a caller's connection stands from the start."""

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the caller."""
        self.watch.heard = now
        self.receiver.receive_data(data)
        self._pump(now)

    def _pump(self, now: float) -> None:
        """Handle what was received, as far as the number of open requests allows."""
        receiver, most = self.receiver, self.context.limits.requests_per_connection
        try:
            while (
                not self.gone
                and (room := most - self.open) > 0
                and (messages := receiver.next_parts(room))  # each opens one request at most
            ):
                self._pass(messages, now)
        except RemoteProtocolError as error:
            self._broke(error.code, error.rule, error.excerpt, now)
            return
        if self.open >= most and not self.choked:
            self.choked = True
            self.port.pause()
        self.watch.partial(pending=receiver.pending and not self.choked, now=now)

    def relieved(self, now: float) -> None:
        """Read again, if enough is answered."""
        if self.choked and not self.gone and self.open * 2 <= self.context.limits.requests_per_connection:
            self.choked = False
            self.port.resume()
            self._pump(now)

    def _pass(self, messages: list[mrcpv2.Parts], now: float) -> None:
        """Send what the caller said, each message to the backend of its channel."""
        channels, due, asked = self.channels, now + self.context.timeouts.request, False
        for parts in messages:
            if self.gone:
                return
            raw, (_, kind, name, request_id, _, _), section, anomaly = parts
            if anomaly is not None:
                self.context.tally.count(anomaly)
            channel = channels.get(section[0]) or self._bind(section[0])
            if channel is None:
                self._unknown(mrcpv2.Message(parts), now)
                continue
            if kind is _REQUEST:
                asked = True
                if channel.asked(request_id, due):
                    self.open += 1
                if self.context.meters is not None:
                    _metering.sent(channel.begun, request_id, name, now)
            data = mrcpv2.renamed(raw, section, channel.real)
            record, port = channel.call.record, channel.leg.port
            record.messages_to_backend += 1
            record.bytes_to_backend += len(data)
            if record.tap is not None:
                record.tap.to_backend("mrcpv2", raw, self.port, data, port, now)
            port.send(data)
        if asked:
            self.watch.by(due)

    def _bind(self, alias: bytes) -> ControlChannel | None:
        """Find a channel by its alias and let it use this connection from now on (M-24)."""
        channel = self.table.channels.get(alias)
        if channel is None:
            return None
        if channel.bound_to not in ("", self.port.peer):
            self.context.tally.count("mrcpv2.channel-of-another-caller")  # G-5
            return None
        if channel.front is not None:
            channel.front.dropped(channel, self.watch.heard or 0.0)
        self.table.bind(channel, self.port.peer)
        channel.front = self
        self.channels[alias] = channel
        self.open += len(channel.open or ())
        self.unused_since = None
        channel.call.caller_connection_found()
        return channel

    def _unknown(self, message: mrcpv2.Message, now: float) -> None:
        """Answer 405 to a request; whoever keeps guessing is cut (A.8, G-5)."""
        late = self.table.was_known(message.channel, now)
        self.context.tally.count("mrcpv2.late-message" if late else "mrcpv2.unknown-channel")
        if message.kind is _REQUEST:
            self.port.send(mrcpv2.response(message.request_id, NOT_ALLOCATED, b"COMPLETE", message.channel))
        if not late:
            self.misses += 1
            if self.misses >= MISSES:
                self._broke("mrcpv2.guessed-channels", "G-5", message.channel, now)

    def finished(self, now: float) -> None:
        """Treat the end of a caller's octets as its loss; the calls wait a moment for their BYE (M-31, M-32)."""
        self.close(now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Have the calls wait for their BYE, or for a new connection (M-31)."""
        self._end(now)

    def crashed(self, now: float) -> None:
        """End the connection; its calls are told."""
        self.close(now)

    # What the watch tells.

    def idle(self) -> bool:
        """Tell that idle time is not measured by octets here: a bound channel may be silent."""
        return False

    def slow(self, now: float) -> None:
        """End a connection whose caller doesn't come to the end of a message (M-18)."""
        self._broke("mrcpv2.message-timeout", "M-18", b"", now)

    def silent(self, now: float) -> None:
        """Leave a connection that never said a word to `look` (M-24)."""
        self.watch.heard = now

    def out_of_time(self, now: float) -> None:
        """End a connection that was given a last moment."""
        self.close(now)

    def look(self, now: float) -> None:
        """Answer what a backend left open for too long; end a connection that no channel uses (M-24, M-33).

        While its caller has channels it never spoke to, it may be there for them: callers connect at once, and may have
        nothing to say for long.
        """
        for channel in list(self.channels.values()):
            overdue = [request_id for request_id, due in (channel.open or {}).items() if due <= now]
            if overdue:
                self.context.tally.count("mrcpv2.request-timeout")
                channel.answer_open(now, overdue)
        self.relieved(now)
        if self.unused_since is not None and self.unused_since + self.context.timeouts.first_message <= now:
            if self.table.awaited(self.port.peer):
                self.unused_since = now
            else:
                self.close(now)

    def dues(self) -> Iterator[float]:
        """Tell when one of these is due next."""
        if self.unused_since is not None:
            yield self.unused_since + self.context.timeouts.first_message
        for channel in self.channels.values():
            yield min((channel.open or {}).values(), default=math.inf)

    # Ends.

    def dropped(self, channel: ControlChannel, now: float) -> None:
        """Carry a channel no longer: it has ended, or uses another connection."""
        channel.front = None
        del self.channels[channel.alias]
        self.open -= len(channel.open or ())
        if not self.channels:
            self.unused_since = now
            self.watch.by(now + self.context.timeouts.first_message)
        self.relieved(now)

    def _broke(self, code: str, rule: str, excerpt: bytes, now: float) -> None:
        self.context.tally.count(code, rule)
        self.context.journal.note(
            "client-broke-protocol",
            level="warning",
            listener=self.context.listener.name,
            client=self.port.peer,
            code=code,
            rule=rule,
            excerpt=excerpt,
        )
        for channel in self.channels.values():
            channel.answer_open(now)
        self.close(now)

    def stop(self, end: End, now: float) -> None:
        """Close it: the process ends, and its calls were ended before."""
        for channel in self.channels.values():
            channel.answer_open(now)
        self.close(now)

    def dispensable(self) -> bool:
        """Tell that calls need it."""
        return False

    def make_way(self, by: float, now: float) -> None:
        """Stay, as long as calls need it."""
        self.watch.make_way(by, now)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """Nothing to do: calls are ended by their agent, and their channels with them."""

    def close(self, now: float) -> None:
        """Close the connection and tell the calls of its channels."""
        self.port.close()
        self._end(now)

    def _end(self, now: float) -> None:
        if self.gone:
            return
        self.gone = True
        self.watch.stop()
        self.table.went(self.port.peer)
        channels, self.channels = list(self.channels.values()), {}
        calls: dict[Call, None] = {}
        for channel in channels:
            channel.front = None
            calls[channel.call] = None
        for call in calls:
            call.caller_connection_lost(now)
        self.context.left(self)
