"""A simulated MRCPv2 speech server: SIP sets its sessions up, control connections carry their channels."""

import socket
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Final, Literal

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator._faults import Delay, Drop, Fault, Garbage, Silence
from mrcpbalance.simulator._resources import METHODS, Pace
from mrcpbalance.simulator._sip_agent import UserAgent
from mrcpbalance.simulator._sip_asked import NoAnswer
from mrcpbalance.simulator._transcript import Entry
from mrcpwire import sip
from mrcpwire import sip_transactions as wire

from . import _media
from ._control import ControlServer, Sharing
from ._ids import Naming, one_for_each_call
from ._listening import LOOPBACK
from ._session_timer import SessionTimer
from ._sip_session import ALLOW, SDP, SipSession

Control = Literal["shared", "own", "dead"]
REMEMBERED: Final = 1_000  # dialogs that ended, for a BYE that crosses ours
TRYING: Final = 100
BUSY: Final = 486
OFFLINE: Final = 503


class SipServer(ControlServer):
    """Recognisers, synthesisers and the like behind SIP by UDP and TCP; `address` is that of SIP.

    `control` is where its channels are spoken to: one port for all ("shared"), one for each session ("own"), or one
    where nobody listens ("dead"); the one port is `control_at`, any free one by default. An offer of an existing connection is granted when there is one from the address in
    the offer ("unimrcp"), "never", or "always". When a control connection ends, its sessions get a BYE after `grace`
    seconds. While `offline`, INVITE and OPTIONS get 503 and live sessions go on. `provisional` is what an INVITE is
    answered at once.

    Fault points are those of `Faults`, where methods may be SIP's as well, and "re-INVITE". `Silence` at one of these
    loses the request on its way, so that one which is sent again is a new chance; other faults concern the final
    response.
    """

    def __init__(
        self,
        name: str = "sip",
        *,
        bind: Address = LOOPBACK,
        faults: Iterable[Fault] = (),
        pace: Pace | None = None,
        naming: Naming | None = None,
        resources: Collection[str] = tuple(METHODS),
        control: Control = "shared",
        control_at: int = 0,
        sharing: Sharing = "unimrcp",
        provisional: Collection[int] = (TRYING,),
        timer: SessionTimer | None = None,
        grace: float = 1.0,
    ) -> None:
        super().__init__(name, bind=bind, faults=faults, pace=pace, sharing=sharing)
        self.naming = naming or one_for_each_call()
        self.resources = resources
        self.control = control
        self.control_at = control_at
        self.provisional = [status for status in provisional if status > TRYING]
        self.timer = timer or SessionTimer()
        self.grace = grace
        self.offline = False
        self.sessions: list[SipSession] = []  # live ones, oldest first
        self.sessions_total = 0
        self.ports: Iterator[int] = _media.ports()
        self.agent = UserAgent(self, trying=TRYING in provisional)
        self.control_port = 0  # the shared one
        self._dialogs: dict[tuple[bytes, bytes, bytes], SipSession] = {}
        self._ended: deque[tuple[bytes, bytes, bytes]] = deque(maxlen=REMEMBERED)
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled or killed; reports its `Address`."""
        with self._alive, _bound(self.bind.host) as dead:
            async with trio.open_nursery() as self._nursery:
                if self.control == "shared":
                    self.control_port = (await self.open_control(self._nursery, self.control_at)).port
                else:
                    self.control_port = dead.getsockname()[1]
                self._address = await self._nursery.start(self.agent.run, self.bind)
                self.ports = _media.ports(besides=self.address.port)  # else audio would reach SIP
                task_status.started(self._address)

    def kill(self) -> None:
        """Die as a crashed process does: every connection is reset, datagrams find nobody."""
        self.agent.kill()
        super().kill()

    async def open_control(self, nursery: trio.Nursery, port: int = 0) -> Address:
        """Take control connections, by default on a free port, as long as the nursery lives."""
        return await self.listen(Address(self.bind.host, port), nursery)

    # What its user agent tells (the `SipUser` it is).

    def takes(self, request: sip.Request) -> bool:
        """Tell whether a request arrives; faults may lose it."""
        return not self.faults.take(Silence, _point(request), "*")

    def heard(self, response: sip.Response) -> None:
        """Write a response down."""
        self._note(response, "caller")

    def told(self, event: wire.Event) -> None:
        """Take what callers ask."""
        match event:
            case wire.NewRequest():
                self._note(event.request, "caller")
                self._asked(event)
            case wire.Cancelled():
                self._note(event.request, "caller")
                for session in self._about(event.transaction):
                    session.cancelled(event.transaction)
            case wire.NeverAcked():
                for session in self._about(event.transaction):
                    self._later(session.bye)
            case wire.Answered():  # to nothing that was asked
                self.errors.append(f"an answer to no request: {event}")

    def garbled(self, why: str) -> None:
        """Note what is no SIP."""
        self.errors.append(why)

    def _about(self, transaction: wire.ServerTransaction) -> list[SipSession]:
        return [session for session in self.sessions if session.is_about(transaction)]

    def _asked(self, new: wire.NewRequest) -> None:
        request, transaction = new.request, new.transaction
        key = (request.call_id, request.to.tag or b"", request.from_.tag or b"")
        session = self._dialogs.get(key)
        if transaction is None:
            if session is not None:
                session.acked()
        elif session is not None and not session.over:
            if not session.put_nowait(new):
                self._refuse(new, 500)
        elif request.to.tag is not None:
            crossed = request.method == b"BYE" and (session is not None or key in self._ended)
            self._refuse(new, 200 if crossed else 481)
        elif request.method == b"INVITE":
            self._begin(new)
        else:
            self._outside(new)

    def _begin(self, new: wire.NewRequest) -> None:
        session = SipSession(self, new)
        session.put_nowait(new)
        self._dialogs[session.dialog.key()] = session
        self.sessions.append(session)
        self.sessions_total += 1
        assert self._nursery is not None, "runs"
        self._nursery.start_soon(self._live, session)

    async def _live(self, session: SipSession) -> None:
        try:
            await session.run()
        finally:
            self.sessions.remove(session)
            session.ended.set()
            key = session.dialog.key()
            del self._dialogs[key]
            self._ended.append(key)
            for channel in session.channels.values():
                self.remove(channel)

    def _outside(self, new: wire.NewRequest) -> None:
        """Answer what is about no session (A.11)."""
        status = 405
        body = b""
        if new.request.method == b"OPTIONS":
            status = self.refusal("OPTIONS") or (OFFLINE if self.offline else 200)
            body = _media.capabilities(self.address.host, self.resources) if status == 200 else b""  # noqa: PLR2004
        self._refuse(new, status, body)

    def _refuse(self, new: wire.NewRequest, status: int, body: bytes = b"") -> None:
        kind = SDP if body else None
        response = sip.response_to(
            new.request, status, to_tag=b"none", headers=[ALLOW], body=body, content_type=kind
        )
        assert new.transaction is not None
        self.say(new.transaction, response)

    # What its sessions use.

    def objection(self, request: sip.Request) -> int | None:
        """Refuse an INVITE that can't be accepted now."""
        if request.to.tag is None and self.is_full(self.sessions):
            return BUSY
        return OFFLINE if self.offline else self.timer.objection(request)

    def say(self, transaction: wire.ServerTransaction, response: sip.Response) -> None:
        """Send a response, and write it down."""
        self._note(response, "server")
        self.agent.respond(transaction, response)

    async def fate(self, session: SipSession, point: str) -> bool:
        """Let faults have their way with a final response; tell whether it is still to be sent."""
        goes = True
        for fault in self.faults.take((Delay, Drop, Garbage), point, "*"):
            match fault:
                case Delay(seconds=seconds):
                    await trio.sleep(seconds)
                case Garbage(octets=octets):
                    self.agent.send_raw(session.flow, octets)
                    goes = False
                case Drop():
                    self.agent.hang_up(session.flow)
                    goes = False
        return goes

    async def ask(self, session: SipSession, method: bytes, body: bytes = b"") -> sip.Response:
        """Ask a caller something inside a session; raises `NoAnswer`."""
        headers = [(b"Content-Type", SDP)] if body else []
        request = session.dialog.request(method, headers, body)
        self._note(request, "server")
        try:
            flow = await self.agent.onwards(session.flow, session.dialog)
        except OSError:
            raise NoAnswer(method.decode("ascii")) from None
        asked = self.agent.ask(request, flow)
        response = await asked.final()
        if method == b"INVITE" and response.status < 300:  # noqa: PLR2004 - the class of success
            self.agent.ack(asked, session.dialog.request(b"ACK"))
        return response

    def control_lost(self, sessions: set[str]) -> None:
        """End sessions whose control connection has ended, unless their BYE comes in time."""
        for session in self.sessions:
            if session.id in sessions:
                self._later(session.bye, self.grace)

    def _later(self, what: Callable[[], Awaitable[object]], seconds: float = 0) -> None:
        async def wait() -> None:
            await trio.sleep(seconds)
            await what()

        assert self._nursery is not None, "runs"
        self._nursery.start_soon(wait)

    def _note(self, message: sip.Request | sip.Response, sender: Literal["caller", "server"]) -> None:
        self.transcript.add(Entry.of_sip(message, sender))


def _point(request: sip.Request) -> str:
    again = request.method == b"INVITE" and request.to.tag is not None
    return "re-INVITE" if again else request.method.decode("ascii")


def _bound(host: str) -> socket.socket:
    """Make a port where nobody listens."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.bind((host, 0))
    return sock
