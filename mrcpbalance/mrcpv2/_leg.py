"""One backend connection of one caller connection that carries MRCPv2 framing."""

from typing import TYPE_CHECKING

import attrs

from mrcpbalance.pool import Backend
from mrcpbalance.sessions import Meter
from mrcpbalance.sessions.ports import CloseReason, Port
from mrcpwire import RemoteProtocolError, mrcpv2

from . import _passing

if TYPE_CHECKING:
    from ._framed import FramedCaller


@attrs.define(eq=False)
class Leg:
    """The owner of a connection to a backend."""

    caller: "FramedCaller"
    backend: Backend
    receiver: mrcpv2.Receiver
    port: Port = attrs.field(init=False)
    meter: Meter | None = attrs.field(init=False)
    partial_since: float | None = None
    gone: bool = False
    # Literal SETUPs that were given up here, by channel, with their request-id: an answer that comes all the same is undone.
    abandoned: dict[bytes, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.meter = self.caller.context.meter(self.backend, "mrcp")

    def connected(self, now: float) -> None:
        """Nothing to do: what was sent before now leaves by itself."""

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the backend."""
        receiver, caller = self.receiver, self.caller
        receiver.receive_data(data)
        try:
            while not self.gone and (messages := receiver.next_parts()):
                _passing.to_caller(caller, self, messages, now)
        except RemoteProtocolError as error:
            caller.leg_broke(self, error.code, error.rule, now, error.excerpt)
            return
        if not receiver.pending:
            self.partial_since = None
        elif self.partial_since is None:
            self.partial_since = now
            caller.watch.by(now + caller.context.timeouts.message)

    def abandon(self, channel: bytes, request_id: int, most: int) -> None:
        """Expect no answer to a literal SETUP any more; at most `most` of them are remembered."""
        self.abandoned[channel] = request_id
        if len(self.abandoned) > most:
            del self.abandoned[next(iter(self.abandoned))]

    def undo(self, message: mrcpv2.Message) -> None:
        """Close the channel that a late answer to such a SETUP opens."""
        if (
            message.kind is not mrcpv2.Kind.RESPONSE
            or self.abandoned.get(message.channel) != message.request_id
        ):
            return
        del self.abandoned[message.channel]
        if message.status < 300:  # noqa: PLR2004 - the class of success
            self.caller.context.tally.count("mrcpv2.late-session-torn-down")
            self.port.send(mrcpv2.request(_passing.TEARDOWN, message.request_id + 1, message.channel))

    def finished(self, now: float) -> None:
        """Treat the end of a backend's octets as its loss (M-32)."""
        self.port.close()
        self.lost(CloseReason.ENDED, now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """End the channels that live here, or try those that never began elsewhere (M-30)."""
        if not self.gone:
            self.gone = True
            self.caller.leg_lost(self, reason, now)

    def crashed(self, now: float) -> None:
        """End the whole caller connection: its state can no longer be trusted."""
        self.caller.crashed(now)
