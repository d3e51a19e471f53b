"""Playing MRCPv2: calls and their control connections, in either role."""

from functools import partial

import trio

from mrcpbalance.simulator import NoAnswer
from mrcpbalance.traces import Connection, Message, Session
from mrcpbalance.traces.replay import (
    Close,
    Fact,
    Group,
    Hosts,
    Open,
    Role,
    Step,
    fact,
    session_description,
)
from mrcpwire import mrcpv2, sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import Cancelled, NewRequest, ServerTransaction

from ._call import Call, others
from ._control import Controls
from ._desk import Desk
from ._inbox import Heard
from ._link import Dialler, Link, Lost
from ._play import Play, Terms

_SUCCESS = range(200, 300)
_GOODBYE = 1.0  # seconds for the answer to a BYE that is not part of the capture
_BEGINNING = (b"INVITE", b"OPTIONS")
_REFRESHING = (b"INVITE", b"UPDATE")


class SipPlay(Play):
    """What both roles share; `ids` is what makes the ids of this play its own."""

    def __init__(
        self, group: Group, role: Role, terms: Terms, copy: int, *, ids: str, desk: Desk, dialler: Dialler
    ) -> None:
        super().__init__(group, role, terms, copy)
        self.ids = ids.encode()
        self.desk = desk
        self.calls: dict[Session, Call] = {}
        self.controls = Controls(self._controlled, self.stir, dialler)
        self.hosts = Hosts({})

    # What comes.

    def told(self, call: Call, event: NewRequest | Cancelled) -> None:
        """Take a request of the other side."""
        request = event.request
        found = fact(request)
        expected = self.expects(call.session, found.key)
        if expected or not self.is_over:
            self.put(call.session, Heard(found, request, event.transaction))
        if isinstance(event, Cancelled):
            return
        call.over |= request.method == b"BYE"
        if event.transaction is None:
            if call.invited is not None:
                self.desk.agent.acked(call.invited)
            return
        if call.dialog is not None:
            call.dialog.accepts(request)
        if not expected:
            status = 488 if request.method in _REFRESHING else 200
            self.desk.agent.respond(event.transaction, sip.response_to(request, status, to_tag=call.tag))

    def _controlled(self, session: Session, message: mrcpv2.Message, link: Link) -> None:
        call = self.calls.get(session)
        asked = call.request(message.request_id) if call is not None else None
        self.put(session, Heard(fact(message, asked), message, link))

    def is_hopeless(self, session: Session, wanted: Fact) -> bool:
        """Nothing comes on connections that are closed."""
        call = self.calls.get(session)
        if wanted.lane == "mrcp":
            if self.role == "server" and not (call is not None and call.over):
                return False  # the caller may open another one
            links = self.controls.of((session,), None)
            return bool(links) and not any(link.alive for link in links)
        lost = call is not None and call.flow is not None and self.desk.agent.is_gone(call.flow)
        return lost and wanted.key[0] == "answer"

    def obstacle(self, session: Session) -> str:
        """Say why nothing can come any more."""
        return next((link.obstacle for link in self.controls.of((session,), None) if link.obstacle), "")

    def is_closed(self, step: Step) -> bool:
        """Tell whether the other side has closed what stands for a captured connection."""
        connection = step.what.connection if isinstance(step.what, Close) else None
        links = self.controls.of(step.sessions, connection)
        return bool(links) and not all(link.alive for link in links)

    # What is said.

    async def act(self, step: Step) -> None:
        """Do a step of ours."""
        match step.what:
            case Open(connection=connection):
                await self.opened(step.sessions, connection)
            case Close(connection=connection):
                for link in self.controls.of(step.sessions, connection):
                    await link.finish()
            case Message() as message:
                await self._say(step.sessions[0], message)

    async def opened(self, sessions: tuple[Session, ...], connection: Connection) -> None:
        """Open a control connection; raises `Lost`."""

    async def control_says(self, call: Call, message: Message, channel: bytes, data: bytes) -> None:
        """Send a control message; raises `Lost`."""
        raise NotImplementedError

    async def begin(self, session: Session, message: Message, recorded: sip.Request) -> None:
        """Send the INVITE that begins a call, or an OPTIONS outside of any."""
        del session, message, recorded
        raise Lost("a server begins no calls")

    async def _say(self, session: Session, message: Message) -> None:
        parsed, call = message.parsed, self.calls.get(session)
        if isinstance(parsed, sip.Request) and parsed.method in _BEGINNING and parsed.to.tag is None:
            await self.begin(session, message, parsed)
        elif call is None:
            raise Lost("the call never began")
        elif isinstance(parsed, mrcpv2.Message):
            channel = call.names.get(parsed.channel, parsed.channel)
            await self.control_says(call, message, channel, mrcpv2.with_channel(parsed, channel))
        elif isinstance(parsed, sip.Request):
            await self._ask(call, parsed)
        elif isinstance(parsed, sip.Response):
            self._answer(call, message, parsed)

    async def _ask(self, call: Call, recorded: sip.Request) -> None:
        """Say a request inside a call."""
        agent, method = self.desk.agent, recorded.method
        if method == b"CANCEL":
            if call.invite is not None:
                agent.cancel(call.invite)
            return
        if call.dialog is None or call.flow is None:
            raise Lost("the call was never answered")
        if method == b"ACK":
            self.acknowledge(call)
            return
        body = (
            session_description(recorded.body, self.hosts)
            if recorded.body.startswith(b"v=")
            else recorded.body
        )
        call.over |= method == b"BYE"
        request = call.dialog.request(method, others(recorded), body)
        await self.send(call, request)

    async def send(self, call: Call, request: sip.Request) -> None:
        """Send a request inside a call, where its peer is now."""
        assert call.dialog is not None
        assert call.flow is not None
        try:
            call.flow = await self.desk.agent.onwards(call.flow, call.dialog)
        except OSError:
            raise Lost("the SIP connection is closed, and no other can be opened") from None
        asked = self.desk.agent.ask(request, call.flow)
        asked.at_last = partial(self.answered, call, request)
        if request.method == b"INVITE":
            call.invite, call.acknowledged = asked, False

    def acknowledge(self, call: Call) -> None:
        """Send the ACK to the 2xx of the last INVITE, where there was one."""
        if call.invite is not None and call.dialog is not None and not call.acknowledged:
            call.acknowledged = True
            self.desk.agent.ack(call.invite, call.dialog.request(b"ACK"))

    def answered(self, call: Call, request: sip.Request, response: sip.Response) -> None:
        """Take the final answer to a request of ours."""
        if response.status in _SUCCESS and request.method in _REFRESHING:
            if call.dialog is None and call.flow is not None:
                contact = self.desk.agent.contact(call.flow)
                call.dialog = Dialog.as_uac(request, response, contact)
            elif call.dialog is not None:
                call.dialog.refresh_target(response)
        self.put(call.session, Heard(fact(response, request), response, None))

    def _answer(self, call: Call, message: Message, recorded: sip.Response) -> None:
        """Answer a request as it was answered in the capture."""
        heard = self.given.get(message.answers) if message.answers is not None else None
        if heard is None or not isinstance(heard.parsed, sip.Request):
            return
        request, transaction = heard.parsed, heard.back
        assert isinstance(transaction, ServerTransaction)
        flow = call.flow
        assert flow is not None
        contact = [(b"Contact", self.desk.agent.contact(flow))] if recorded.contact is not None else []
        response = sip.response_to(
            request,
            recorded.status,
            recorded.reason,
            to_tag=call.tag,
            headers=[*contact, *others(recorded)],
            body=self.describe(call, recorded.body),
        )
        if request.method == b"INVITE" and recorded.status in _SUCCESS:
            call.invited = transaction
            if call.dialog is None:
                call.dialog = Dialog.as_uas(request, call.tag, self.desk.agent.contact(flow))
        self.desk.agent.respond(transaction, response)

    def describe(self, call: Call, body: bytes) -> bytes:
        """Write a description that answers in a call."""
        del call
        return session_description(body, self.hosts) if body.startswith(b"v=") else body

    async def leave(self) -> None:
        """End the calls that the capture left open."""
        for call in self.calls.values():
            if call.dialog is None:
                if call.invite is not None:
                    self.desk.agent.cancel(call.invite)
            elif not call.over and self.role == "caller":
                call.over = True
                self.acknowledge(call)
                with trio.move_on_after(_GOODBYE):
                    await self._bye(call)
        for link in self.controls.links if self.role == "caller" else []:
            await link.finish()

    async def _bye(self, call: Call) -> None:
        assert call.dialog is not None
        assert call.flow is not None
        try:
            flow = await self.desk.agent.onwards(call.flow, call.dialog)
            await self.desk.agent.ask(call.dialog.request(b"BYE"), flow).final()
        except (OSError, NoAnswer):
            pass
