"""Playing the server of MRCPv2."""

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import Group, channels, session_description
from mrcpwire import sip
from mrcpwire.sip_transactions import NewRequest

from ._call import Call
from ._desk import Desk
from ._link import Dialler
from ._play import Terms
from ._rtsp import hosts_of
from ._sip import SipPlay


class SipServerPlay(SipPlay):
    """The calls of one group, as their server takes them; control connections come to a port of their own."""

    def __init__(
        self,
        group: Group,
        terms: Terms,
        copy: int,
        *,
        ids: str,
        desk: Desk,
        dialler: Dialler,
        control: tuple[str, int],
    ) -> None:
        super().__init__(group, "server", terms, copy, ids=ids, desk=desk, dialler=dialler)
        self._control = control
        self._connections = 0  # that should have come

    async def came(self) -> None:
        """Wait for the next control connection."""
        self._connections += 1
        await self.controls.until(lambda: len(self.controls.links) >= self._connections)

    def waiting(self) -> list[Session]:
        """Give the sessions that nobody has called for."""
        return [session for session in self.group.sessions if session not in self.calls]

    def adopt(self, session: Session, event: NewRequest) -> None:
        """Take a call that came."""
        tag = next((tag for message in session.messages if (tag := _tag(message))), b"s")
        call = self.calls[session] = Call(session, event.request.call_id, tag + self.ids)
        call.flow = event.flow
        self.hosts = hosts_of(session, "server", self.desk.agent.address.host, event.flow.remote[0])
        self.desk.know(self, call)
        self.told(call, event)

    def describe(self, call: Call, body: bytes) -> bytes:
        """Write an answer that names this play's own channels and port."""
        if not body.startswith(b"v="):
            return body
        for name, _ in channels(body, body):
            identity, _, resource = name.rpartition(b"@")
            call.names[name] = identity + self.ids + b"@" + resource
            self.controls.own(call.names[name], call.session)
        return session_description(body, self.hosts, control=self._control, names=call.names)

    async def control_says(self, call: Call, message: Message, channel: bytes, data: bytes) -> None:
        """Say an answer or event where the channel was spoken to."""
        del call, message
        await self.controls.answer(channel, data)


def _tag(message: Message) -> bytes | None:
    """Give the server's tag where a message of it has one."""
    parsed = message.parsed
    answers = isinstance(parsed, sip.Response) and not message.to_server
    return parsed.to.tag if isinstance(parsed, sip.Response) and answers else None
