"""A simulated MRCPv2 caller: calls by SIP over UDP or TCP, channels on control connections that calls may share."""

import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, Literal

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator._faults import Faults, Silence
from mrcpbalance.simulator._lifetime import Lifetime
from mrcpbalance.simulator._messages import encode
from mrcpbalance.simulator._sip_agent import UserAgent
from mrcpbalance.simulator._sip_asked import Asked, NoAnswer
from mrcpbalance.simulator._transcript import Entry, Transcript
from mrcpwire import sip
from mrcpwire import sip_transactions as wire

from ._calling import KEPT, ConnectionLost, Refused
from ._control import ControlConnection
from ._offering import Connection, ControlLine, Offering, audio_lines
from ._sip_call import SDP, SUCCESS, SipCall

Transport = Literal["udp", "tcp"]
TAG_OCTETS: Final = 8


class SipCaller(Lifetime):
    """One user agent that calls a server or proxy; its calls may be used by any number of tasks at once.

    All calls over TCP use one connection. `anomalies` tells what no caller should see: messages for no call, for no
    channel, that are no SIP. `unanswered` tells the MRCP requests that were open when their control connection ended.
    No method limits its own time: put a cancel scope around the call. One around `invite` sends a CANCEL.
    """

    def __init__(
        self, address: Address, *, transport: Transport = "udp", name: str = "caller", host: str | None = None
    ) -> None:
        self.address = address
        self.transport = transport
        self.name = name
        self.host = host or ("::1" if ":" in address.host else "127.0.0.1")  # our own
        self.calls: dict[tuple[bytes, bytes, bytes], SipCall] = {}  # live ones, by their dialog
        self.transcript = Transcript()  # of SIP; a session is a Call-ID
        self.anomalies: list[str] = []
        self.unanswered: list[str] = []
        self.faults = (
            Faults()
        )  # `Silence` loses requests of the peer by their SIP method; others have no effect
        self.agent = UserAgent(self)
        self._way: wire.Flow | None = None
        self._turn = trio.Lock()
        self._audio = audio_lines()
        self._ended: deque[tuple[bytes, bytes, bytes]] = deque(maxlen=KEPT)
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled; opens no connection before the first call."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self.agent.run, Address(self.host, 0))
            task_status.started(self)

    async def invite(
        self,
        *resources: str,
        connection: Connection | None = None,
        share: ControlConnection | None = None,
        audio: bytes | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> SipCall:
        """Set a call up with channels to these resources; raises `Refused`, or `ConnectionLost` without an answer.

        It offers an existing connection where there is one to `share`, else a new one; the answer decides. `audio` is
        the part of the offer that describes it, to the octet.
        """
        asked_for: Connection = connection or ("existing" if share else "new")
        lines = [ControlLine(resource, asked_for) for resource in resources]
        offering = Offering(self.host, audio or next(self._audio), lines)
        way = await self._reach()
        call = SipCall(self, self._new_call_id(), way, offering)
        if share is not None:
            share.users.add(call)  # lest it is ended meanwhile
        try:
            await self._set_up(call, way, share, headers)
        finally:
            if share is not None and share not in call.controls:
                self.later(share.release, call)
        return call

    async def _set_up(
        self,
        call: SipCall,
        way: wire.Flow,
        share: ControlConnection | None,
        headers: Iterable[tuple[str, str]],
    ) -> None:
        asked = self.ask(self._invite(call, way, headers), way)
        asked.at_last = partial(call.answered, asked)
        try:
            response = await asked.final()
            if response.status not in SUCCESS:
                raise Refused(response.status)
            await call.join(response, share)
        except NoAnswer:
            raise ConnectionLost(f"INVITE of {call.id}") from None
        except OSError:
            self.later(call.bye)
            raise ConnectionLost(f"control connection of {call.id}") from None
        except trio.Cancelled:
            self.agent.cancel(asked)
            call.give_up()
            raise

    def _invite(self, call: SipCall, way: wire.Flow, headers: Iterable[tuple[str, str]]) -> sip.Request:
        call.offer = call.describe()
        fields = [
            (b"Contact", self.agent.contact(way)),
            (b"Supported", b"timer"),
            (b"Content-Type", SDP),
            *encode(headers),
        ]
        return self._request(b"INVITE", call.id, fields, call.offer)

    def _request(
        self, method: bytes, call_id: str, fields: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> sip.Request:
        """Write a request outside of dialogs."""
        own, peer = (str(address).encode("ascii") for address in (self.agent.address, self.address))
        uri = b"sip:speech@" + peer
        headers = [
            (b"Max-Forwards", b"70"),
            (b"From", b"<sip:ivr@%b>;tag=%b" % (own, secrets.token_hex(TAG_OCTETS).encode("ascii"))),
            (b"To", b"<%b>" % uri),
            (b"Call-ID", call_id.encode("latin-1")),
            (b"CSeq", b"1 " + method),
            *fields,
        ]
        return sip.Request(method=method, uri=uri, headers=sip.SipHeaders.of(headers), body=body)

    async def options(self) -> sip.Response:
        """Ask what there is, outside of any call; raises `ConnectionLost`."""
        request = self._request(b"OPTIONS", self._new_call_id())
        way = await self._reach()
        try:
            return await self.ask(request, way).final()
        except NoAnswer:
            raise ConnectionLost("OPTIONS") from None

    # What its user agent tells (the `SipUser` it is).

    def takes(self, request: sip.Request) -> bool:
        """Tell whether a request arrives; faults may lose it."""
        return not self.faults.take(Silence, request.method.decode("ascii"), "*")

    def heard(self, response: sip.Response) -> None:
        """Write a response down."""
        self.note(response, "server")

    def told(self, event: wire.Event) -> None:
        """Take what peers ask."""
        if isinstance(event, wire.Answered):  # to nothing that was asked
            self.anomalies.append(f"an answer to no request: {event.response.to_bytes()!r}")
        elif isinstance(event, wire.NewRequest):
            self._asked(event)

    def _asked(self, event: wire.NewRequest) -> None:
        request = event.request
        self.note(request, "server")
        key = (request.call_id, request.to.tag or b"", request.from_.tag or b"")
        call = self.calls.get(key)
        if call is not None:
            call.told(event)
        elif event.transaction is not None:
            crossed = request.method == b"BYE" and key in self._ended
            if not crossed:
                self.anomalies.append(
                    f"{request.method.decode()} for {request.call_id!r}, which is no call here"
                )
            self.agent.respond(event.transaction, sip.response_to(request, 200 if crossed else 481))

    def garbled(self, why: str) -> None:
        """Note what is no SIP."""
        self.anomalies.append(why)

    # What its calls use.

    def ask(self, request: sip.Request, way: wire.Flow) -> Asked:
        """Send a request."""
        self.note(request, "caller")
        return self.agent.ask(request, way)

    def note(self, message: sip.Request | sip.Response, sender: Literal["caller", "server"]) -> None:
        """Write a message down."""
        self.transcript.add(Entry.of_sip(message, sender))

    def know(self, call: SipCall) -> None:
        """Let a call's requests be found."""
        self.calls[call.dialog.key()] = call

    def forget(self, call: SipCall) -> None:
        """Forget a call, but for a BYE that may cross ours."""
        key = call.dialog.key()
        if self.calls.pop(key, None) is not None:
            self._ended.append(key)

    async def connect(self, address: Address) -> ControlConnection:
        """Open a control connection; raises OSError."""
        control = ControlConnection(address, name=self.name, source=self.host)
        control.anomalies = self.anomalies
        control.unanswered = self.unanswered
        await self._started().start(self._hold, control)
        return control

    def later(self, what: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Have something done by a task of its own."""
        self._started().start_soon(what, *arguments)

    async def _hold(  # noqa: ASYNC128 - the connection's own task says when it has started
        self, control: ControlConnection, *, task_status: trio.TaskStatus[object]
    ) -> None:
        await control.run(task_status=task_status)
        for call in tuple(control.users):
            call.lost()

    async def _reach(self) -> wire.Flow:
        """Give the way to whom it calls; raises OSError."""
        if self.transport == "udp":
            return self.agent.to(self.address)
        async with self._turn:
            if self._way is None or self.agent.is_gone(self._way):
                self._way = await self.agent.connect(self.address)
            return self._way

    def _new_call_id(self) -> str:
        return f"{secrets.token_hex(TAG_OCTETS)}@{self.host}"

    def _started(self) -> trio.Nursery:
        assert self._nursery is not None, f"{self.name} does not run"
        return self._nursery
