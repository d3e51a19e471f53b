"""From an accepted connection to the core that owns it: by the listener's protocol, or by its first octets."""

from typing import ClassVar

import attrs

from mrcpbalance import mrcpv1, mrcpv2, passthrough
from mrcpbalance.pool import Backend
from mrcpbalance.sessions import End, StickTable
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Alarm, CloseReason
from mrcpwire import Wire, recognise

from .callers import Callers
from .sip import Telephone
from .switchboard import Link


class _Unclaimed:
    """Owns a link while it changes owners; not the switchboard's stand-in, which would mean that it was given up."""

    def connected(self, now: float) -> None: ...
    def received(self, data: bytes, now: float) -> None: ...
    def finished(self, now: float) -> None: ...
    def lost(self, reason: CloseReason, now: float) -> None: ...
    def crashed(self, now: float) -> None: ...


UNCLAIMED = _Unclaimed()


@attrs.define(eq=False)
class Gate:
    """What the connections of one listener are made into."""

    context: Context
    callers: Callers
    table: StickTable | None
    telephone: Telephone | None  # what SIP comes to

    def enter(self, link: Link, now: float) -> None:
        """Give a connection that was just accepted its owner."""
        match self.context.listener.protocol:
            case "rtsp":
                self.rtsp(link, now)
            case "mrcp":
                self.framed(link, now)
            case "sip" if self.telephone is not None:
                self.telephone.sip(link, now)
            case "auto":
                newcomer = Newcomer.of(self, link, now)
                self.callers.joined(newcomer, link)
                link.owner = newcomer
            case _:
                self.passthrough(link, now, b"")

    def rtsp(self, link: Link, now: float) -> mrcpv1.Caller:
        """Make it a caller that speaks MRCPv1."""
        caller = mrcpv1.Caller.of(self.context, link, now)
        self.callers.joined(caller, link)
        link.owner = caller
        return caller

    def framed(self, link: Link, now: float) -> mrcpv2.FramedCaller:
        """Make it a caller that sends MRCPv2 messages."""
        caller = mrcpv2.FramedCaller.of(self.context, link, now)
        self.callers.joined(caller, link)
        link.owner = caller
        return caller

    def passthrough(self, link: Link, now: float, early: bytes) -> None:
        """Let it pass to one backend."""
        caller = passthrough.Caller.start(self.context, link, now, table=self.table, early=early)
        if caller is not None:
            self.callers.joined(caller, link)
            link.owner = caller
            caller.dial(now)


@attrs.define(eq=False)
class Newcomer:
    """The owner of a connection on an `auto` listener until it is known what it speaks."""

    protocol: ClassVar[str] = "unknown"

    gate: Gate
    link: Link
    alarm: Alarm = attrs.field(init=False)
    heard: bytes = b""

    @classmethod
    def of(cls, gate: Gate, link: Link, now: float) -> "Newcomer":
        """Wait for octets that tell, for `timeouts.recognise` at most; a server that speaks first needs no longer."""
        newcomer = cls(gate, link)
        newcomer.alarm = gate.context.shell.alarm(newcomer._pass)
        newcomer.alarm.set(now + gate.context.timeouts.recognise)
        return newcomer

    def connected(self, now: float) -> None:
        """Nothing to do: a caller's connection stands from the start."""

    def received(self, data: bytes, now: float) -> None:
        """Look at what came so far."""
        self.heard += data
        match recognise(self.heard):
            case Wire.NEED_MORE:
                return
            case Wire.RTSP:
                self._leave()
                self.gate.rtsp(self.link, now).received(self.heard, now)
            case Wire.SIP if self.gate.telephone is not None:
                self._leave()
                self.gate.telephone.sip(self.link, now).received(self.heard, now)
            case Wire.MRCPV2:
                self._leave()
                self.gate.framed(self.link, now).received(self.heard, now)
            case _:
                self._pass(now)

    def finished(self, now: float) -> None:
        """Let pass what came, and its end."""
        self._pass(now)
        self.link.owner.finished(now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Forget it: no session came of it."""
        self._leave()

    def crashed(self, now: float) -> None:
        """Close it."""
        self._leave()
        self.link.abort()

    def stop(self, end: End, now: float) -> None:
        """Close it: no session came of it yet."""
        self._leave()
        self.link.close()

    def make_way(self, by: float, now: float) -> None:
        """Stay: it has only just come."""

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """Nothing to do: it has no backend yet."""

    def _pass(self, now: float) -> None:
        self._leave()
        self.gate.passthrough(self.link, now, self.heard)

    def _leave(self) -> None:
        self.alarm.clear()
        self.link.owner = UNCLAIMED
        self.gate.callers.left(self)
