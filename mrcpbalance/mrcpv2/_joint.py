"""The control channels of one call: opened after the backend's answer and before ours (M-21), known before it (M-23)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import mrcpv2

from . import _media
from ._control import ControlChannel
from ._control_leg import ControlLeg
from ._framed import limits_of

if TYPE_CHECKING:
    from ._call import Call
    from ._control_caller import ControlCaller


@attrs.define(eq=False)
class Joint:
    """What joins a call's caller and backend on the control plane."""

    call: "Call"
    own: str  # our address as the backend sees it
    offered: dict[int, bytes] = attrs.field(factory=dict)  # what the caller's lines said of connections
    channels: dict[int, ControlChannel] = attrs.field(factory=dict)  # by the place of their m-line
    legs: list[ControlLeg] = attrs.field(factory=list)
    aliases: dict[bytes, bytes] = attrs.field(factory=dict)  # of the id parts of this dialog (E-03)
    answered: dict[int, bytes] = attrs.field(factory=dict)  # what we told the caller of connections
    pending: int = 0
    _lines: list[_media.Line] = attrs.field(factory=list)
    _done: Callable[[float], None] | None = None
    _failed: Callable[[str, float], None] | None = None

    # Descriptions.

    def to_backend(self, body: bytes) -> bytes:
        """Rewrite a caller's description; a line that is connected stays so, others share or get a connection (M-21)."""
        if not body:
            return body
        self.offered = _media.connections(body)
        wanted = dict.fromkeys(self.offered, _media.EXISTING if self.legs else _media.NEW)
        return _media.to_backend(body, self.own, wanted)

    def to_caller(self, body: bytes) -> bytes:
        """Rewrite a backend's description: our port, our address, our aliases (M-22, E-03)."""
        if not body:
            return body
        agent = self.call.agent
        shared = agent.table.connected(self.call.client_host)
        for index in _media.control_lines(body):
            existing = self.offered.get(index) == _media.EXISTING and shared
            self.answered[index] = _media.EXISTING if existing else _media.NEW
        aliases = {index: self._alias(channel) for index, channel in _media.channels(body).items()}
        return _media.to_caller(body, agent.control_address, aliases, self.answered)

    # Joining.

    def join(
        self,
        answer: bytes,
        offer: bytes,
        now: float,
        done: Callable[[float], None],
        failed: Callable[[str, float], None],
    ) -> None:
        """Open what an answer wants opened, install its channels, then go on with `done`; or `failed`, saying why."""
        try:
            lines = _media.read_answer(answer, offer)
        except _media.BrokenAnswerError as error:
            failed(str(error), now)
            return
        kept = {line.index for line in lines}
        for index in [index for index in self.channels if index not in kept]:
            self._remove(index, now)
        self._lines = [line for line in lines if line.index not in self.channels]
        self._done, self._failed = done, failed
        earlier = list(self.legs)
        for line in self._lines:
            if self._leg_for(line, earlier) is None:
                self._dial(line.address)
        if not self.pending:
            self._install(now)

    def _leg_for(self, line: _media.Line, earlier: list[ControlLeg]) -> ControlLeg | None:
        """Find the connection a line uses: one opened for this answer, or an earlier one if the answer shares it."""
        for leg in reversed(self.legs):
            shares = leg not in earlier or line.connection == _media.EXISTING
            if leg.remote == line.address and shares and not leg.gone:
                return leg
        return None

    def _dial(self, address: Address) -> None:
        call = self.call
        backend = call.backend_of_record()
        receiver = mrcpv2.Receiver(mrcpv2.Policy(backend.config.framing), limits_of(call.agent.context))
        leg = ControlLeg(call.agent.context, backend, call, receiver, address, self._stands, self._lost)
        self.legs.append(leg)
        self.pending += 1
        context = call.agent.context
        leg.port = context.shell.dial(address, leg, within=context.timeouts.connect)

    def _stands(self, now: float) -> None:
        self.pending -= 1
        if not self.pending:
            self._install(now)

    def _lost(self, reason: CloseReason, now: float) -> None:
        failed, self._failed = self._failed, None
        self.pending = 0
        if failed is not None:
            failed(f"control connection: {reason.value}", now)

    def _install(self, now: float) -> None:
        for line in self._lines:
            channel = next((known for known in self.channels.values() if known.real == line.channel), None)
            self.channels[line.index] = channel or self._new_channel(line)  # the same: F-13
        self._lines = []
        done, self._done, self._failed = self._done, None, None
        assert done is not None, "what joins says how it goes on"
        done(now)

    def _new_channel(self, line: _media.Line) -> ControlChannel:
        leg = next(leg for leg in reversed(self.legs) if leg.remote == line.address and not leg.gone)
        channel = ControlChannel(self._alias(line.channel), line.channel, self.call, leg)
        self.call.agent.table.install(channel)
        self.call.agent.context.register.key(self.call.record, channel.alias.decode("latin-1"))
        return channel

    def _alias(self, channel: bytes) -> bytes:
        """Give a channel's alias: one for each distinct id part of a dialog (E-03)."""
        identifier, _, resource = channel.rpartition(b"@")
        if identifier not in self.aliases:
            self.aliases[identifier] = self.call.agent.new_alias().encode()
        return b"%b@%b" % (self.aliases[identifier], resource)

    # Leaving.

    def _remove(self, index: int, now: float) -> None:
        channel = self.channels.pop(index)
        if channel in self.channels.values():  # F-13
            return
        channel.answer_open(now)
        self.call.agent.table.remove(channel, now)
        if not channel.leg.channels:
            self.legs.remove(channel.leg)
            channel.leg.close()

    def part(self, now: float) -> "list[ControlCaller]":
        """Remove every channel, then close the backend's connections (M-33); give the caller's that were used."""
        fronts: dict[ControlCaller, None] = {}
        for channel in self.channels.values():
            channel.answer_open(now)
            if channel.front is not None:
                fronts[channel.front] = None
            self.call.agent.table.remove(channel, now)
        self.channels.clear()
        self._done = self._failed = None
        self.pending = 0
        for leg in self.legs:
            leg.close()
        self.legs.clear()
        return list(fronts)
