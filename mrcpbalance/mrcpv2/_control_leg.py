"""The connection that carries a call's control channels to its backend (M-21): one for each call."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.pool import Backend
from mrcpbalance.sessions import Direction, Meter
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Alarm, CloseReason, Port
from mrcpwire import RemoteProtocolError, mrcpv2

from . import _metering

if TYPE_CHECKING:
    from ._control import Call, ControlChannel

_RESPONSE: Final = mrcpv2.Kind.RESPONSE  # an enum's look-up is slow


@attrs.define(eq=False)
class ControlLeg:
    """The owner of a connection to a backend's MRCPv2 port.

    `stands` is told once, when the connection stands; `failed` when it is lost before it carries a channel.
    """

    context: Context
    backend: Backend
    call: "Call"
    receiver: mrcpv2.Receiver
    remote: Address
    stands: Callable[[float], None]
    failed: Callable[[CloseReason, float], None]
    port: Port = attrs.field(init=False)
    meter: Meter | None = attrs.field(init=False)
    channels: "dict[bytes, ControlChannel]" = attrs.field(factory=dict)  # by the backend's ids
    unread: bool = False  # a request was never answered: who knows whether the backend has read it
    gone: bool = False
    stuck: Alarm | None = None  # while a message is incomplete

    def __attrs_post_init__(self) -> None:
        self.meter = self.context.meter(self.backend, "mrcpv2")

    def connected(self, now: float) -> None:
        """Go on with the set-up."""
        self.stands(now)

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the backend."""
        receiver = self.receiver
        receiver.receive_data(data)
        try:
            while not self.gone and (messages := receiver.next_parts()):
                self._pass(messages, now)
        except RemoteProtocolError as error:
            self._broke(error.code, error.rule, error.excerpt, now)
            return
        self._mind(now)

    def _pass(self, messages: list[mrcpv2.Parts], now: float) -> None:  # noqa: C901 - in one piece, as calls cost
        """Send what the backend said to the caller, on whichever connection it has each channel."""
        channels, meter, tally = self.channels, self.meter, self.context.tally
        for parts in messages:
            raw, (_, kind, _, request_id, _, state), section, anomaly = parts
            if anomaly is not None:
                tally.count(anomaly)
            channel = channels.get(section[0])
            if channel is None:
                tally.count("mrcpv2.unknown-channel-from-backend")  # never answered: A.8
                continue
            record, front, answers = channel.call.record, channel.front, False
            if record.tap is not None:
                record.tap.hear(Direction.FROM_BACKEND, "mrcpv2", raw, self.port, now)
            if kind is _RESPONSE:
                if channel.open is not None and channel.open.pop(request_id, None) is not None:
                    answers = True
                elif channel.settled is not None and request_id in channel.settled:
                    tally.count("mrcpv2.late-response")
                    continue
            if meter is not None and state == _metering.COMPLETE:
                _metering.completed(channel.begun, meter, mrcpv2.Message(parts), now)
            if front is None:
                tally.count("mrcpv2.no-caller-connection")
                continue
            data = mrcpv2.renamed(raw, section, channel.alias)
            record.messages_to_client += 1
            record.bytes_to_client += len(data)
            if record.tap is not None:
                record.tap.hear(Direction.TO_CLIENT, "mrcpv2", data, front.port, now)
            front.port.send(data)
            if answers:
                front.open -= 1
                if front.choked:
                    front.relieved(now)

    def _mind(self, now: float) -> None:
        """Set or clear the deadline of an incomplete message (M-18)."""
        if not self.receiver.pending:
            if self.stuck is not None:
                self.stuck.clear()
                self.stuck = None
        elif self.stuck is None:
            self.stuck = self.context.shell.alarm(
                lambda now: self._broke("mrcpv2.message-timeout", "M-18", b"", now)
            )
            self.stuck.set(now + self.context.timeouts.message)

    def _broke(self, code: str, rule: str, excerpt: bytes, now: float) -> None:
        self.context.tally.count(code, rule)
        self.context.journal.note(
            "backend-broke-protocol",
            level="warning",
            listener=self.context.listener.name,
            backend=self.backend.name,
            session=self.call.record.id,
            code=code,
            rule=rule,
            excerpt=excerpt,
        )
        self.port.abort()
        self.lost(CloseReason.RESET, now)

    def finished(self, now: float) -> None:
        """Treat the end of the backend's octets as its loss (M-32)."""
        self.port.close()
        self.lost(CloseReason.ENDED, now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Answer what is open, then have the call ended (M-30)."""
        if self.gone:
            return
        self._forget()
        if not self.channels:  # the set-up goes on without it
            self.failed(reason, now)
            return
        for channel in self.channels.values():
            channel.answer_open(now)
        self.context.journal.note(
            "backend-connection-lost",
            level="warning",
            pool=self.backend.pool,
            backend=self.backend.name,
            client=self.call.record.client,
            session=self.call.record.id,
            reason=reason.value,
            sessions=1,
        )
        self.call.backend_connection_lost(now)

    def close(self) -> None:
        """Close it: its call needs it no longer."""
        if not self.gone:
            self._forget()
            self.port.close(all_read=not self.unread)

    def _forget(self) -> None:
        self.gone = True
        if self.stuck is not None:
            self.stuck.clear()
            self.stuck = None

    def crashed(self, now: float) -> None:
        """End the call: its state can no longer be trusted."""
        self.lost(CloseReason.FAULT, now)
        self.port.abort()
