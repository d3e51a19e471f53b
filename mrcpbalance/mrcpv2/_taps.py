"""The SIP messages of calls that are observed: which call each belongs to, and whose message it is.

A transaction repeats and acknowledges by itself, so this listens where messages enter and leave the agent, and tells calls
apart by their Call-ID, which both legs of a call share (S-02).
"""

from typing import TYPE_CHECKING, Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.sessions import Direction, Hop, Session
from mrcpbalance.sessions.ports import Port
from mrcpwire import sip
from mrcpwire.sip_transactions import Flow

from ._network import SipConnection
from ._side import Role

if TYPE_CHECKING:
    from ._agent import Agent

LATE_FOR: Final = 32.0  # seconds after its end for which what is said about a call is still heard: 64 * T1
LATE_MOST: Final = 10_000
_OURS: Final = sip.Limits(message=1 << 20, header_lines=1024, vias=1024, start_line=1 << 16)
_TOLD: Final = {
    (Role.CALLER, False): Direction.FROM_CLIENT,
    (Role.CALLER, True): Direction.TO_CLIENT,
    (Role.BACKEND, False): Direction.FROM_BACKEND,
    (Role.BACKEND, True): Direction.TO_BACKEND,
}


@attrs.define(eq=False)
class Taps:
    """What of the SIP of one agent is heard by observers."""

    agent: "Agent"
    late: dict[bytes, tuple[float, Session]] = attrs.field(factory=dict)  # calls that ended, and until when
    newest: bytes | sip.Request | sip.Response = b""  # what came in last, before the transactions see it

    def begun(self, record: Session, invite: sip.Request, flow: Flow, now: float) -> None:
        """Hear the INVITE that a call begins with."""
        if record.tap is not None:
            self._hear(record, invite, self._raw(), flow, now, sent=False)

    def ending(self, record: Session, call_id: bytes, now: float) -> None:
        """Keep hearing a call that is about to end: what was said last is answered later."""
        if record.tap is None:
            return
        self.late.pop(call_id, None)
        self.late[call_id] = (now + LATE_FOR, record)
        self._forget(now)

    def received(self, message: sip.Request | sip.Response, flow: Flow, now: float) -> None:
        """Hear a message that came in."""
        record = self._record(message.call_id, now)
        if record is not None:
            self._hear(record, message, self._raw(), flow, now, sent=False)

    def sent(self, data: bytes, flow: Flow, now: float) -> None:
        """Hear a message that goes out."""
        message = sip.parse_datagram(data, _OURS)
        record = self._record(message.call_id, now)
        if record is not None:
            self._hear(record, message, data, flow, now, sent=True)

    def _raw(self) -> bytes:
        return self.newest if isinstance(self.newest, bytes) else self.newest.to_bytes()

    def _record(self, call_id: bytes, now: float) -> Session | None:
        for record in self.agent.context.register.find(call_id.decode("latin-1")):
            if record.protocol == "mrcpv2" and record.tap is not None:
                return record
        self._forget(now)
        return self.late[call_id][1] if call_id in self.late else None

    def _forget(self, now: float) -> None:
        while self.late:
            oldest = next(iter(self.late))
            if self.late[oldest][0] > now and len(self.late) <= LATE_MOST:
                return
            del self.late[oldest]

    def _hear(
        self,
        record: Session,
        message: sip.Request | sip.Response,
        data: bytes,
        flow: Flow,
        now: float,
        *,
        sent: bool,
    ) -> None:
        told = _TOLD[self._role(message, flow), sent]
        record.hear(told, "sip", data, _way(flow), now)

    def _role(self, message: sip.Request | sip.Response, flow: Flow) -> Role:
        """Tell whose leg it is: the dialog says, or else the side on which the proxy meets that peer."""
        call, to, from_ = message.call_id, message.to.tag or b"", message.from_.tag or b""
        dialogs = self.agent.dialogs
        side = dialogs.get((call, to, from_)) or dialogs.get((call, from_, to))
        if side is not None:
            return side.role
        return Role.CALLER if self.agent.network.is_callers(flow) else Role.BACKEND


def _way(flow: Flow) -> Port | Hop:
    if isinstance(flow.key, SipConnection):
        return flow.key.port
    return Hop(Address(*flow.local), Address(*flow.remote))
