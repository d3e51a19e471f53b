"""Playing the callers of MRCPv2."""

from functools import partial

from mrcpbalance.traces import Connection, Message, Session
from mrcpbalance.traces.replay import Group, channels, control_of, session_description
from mrcpwire import sip

from ._call import Call, first_request
from ._desk import Desk, Ways
from ._inbox import Heard
from ._link import Dialler, Lost
from ._play import Terms
from ._rtsp import hosts_of
from ._sip import SipPlay


class SipCallerPlay(SipPlay):
    """The calls of one group, as their callers make them."""

    def __init__(
        self, group: Group, terms: Terms, copy: int, *, ids: str, desk: Desk, dialler: Dialler, ways: Ways
    ) -> None:
        super().__init__(group, "caller", terms, copy, ids=ids, desk=desk, dialler=dialler)
        self._ways = ways
        first = group.sessions[0]
        self.hosts = hosts_of(first, "caller", desk.agent.address.host, ways.target.host)

    async def begin(self, session: Session, message: Message, recorded: sip.Request) -> None:
        """Send an INVITE, the one after a redirection belongs to the same call; or ask something outside of calls."""
        call = self.calls.get(session)
        if call is None:
            tag = (recorded.from_.tag or b"t") + self.ids
            call = self.calls[session] = Call(session, recorded.call_id + b"-" + self.ids, tag)
            self.desk.know(self, call)
        call.flow = await self._ways.to(self.copy, message)
        body = session_description(recorded.body, self.hosts)
        contact = self.desk.agent.contact(call.flow)
        to = str(self._ways.target).encode()
        request = first_request(recorded, call=call, to=to, contact=contact, body=body)
        asked = self.desk.agent.ask(request, call.flow)
        if recorded.method == b"INVITE":
            call.invite, call.acknowledged = asked, False
        asked.at_last = partial(self.answered, call, request)

    def taken(self, session: Session, message: Message, heard: Heard) -> None:
        """Learn from an answer where its channels are."""
        then, now, call = message.parsed, heard.parsed, self.calls.get(session)
        if call is None or not isinstance(then, sip.Response) or not isinstance(now, sip.Response):
            return
        call.names.update(channels(then.body, now.body))
        call.control = control_of(now.body) or call.control
        for name in call.names.values():
            self.controls.own(name, session)

    async def opened(self, sessions: tuple[Session, ...], connection: Connection) -> None:
        """Open what stands for a captured connection where its sessions know by now where it goes."""
        for session in sessions:
            call = self.calls.get(session)
            if call is not None and call.control is not None:
                await self.controls.open(session, connection, call.control)

    async def control_says(self, call: Call, message: Message, channel: bytes, data: bytes) -> None:
        """Say a request on the connection that stands for the captured one."""
        del channel
        if call.control is None or message.connection is None:
            raise Lost("the answer names no control connection")
        link = await self.controls.open(call.session, message.connection, call.control)
        await link.say(data)
