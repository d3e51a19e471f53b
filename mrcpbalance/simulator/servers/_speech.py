"""A simulated MRCPv1 speech server that behaves as UniMRCP 1.8 does on the wire, and misbehaves on request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import _mrcpv1
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._faults import Fault
from mrcpbalance.simulator._messages import title
from mrcpbalance.simulator._resources import Pace
from mrcpbalance.simulator._transcript import Entry
from mrcpwire import RemoteProtocolError, rtsp

from . import _media
from ._ids import hex_ids
from ._listening import LOOPBACK, Server
from ._session import SDP, Session

RESOURCES: Final[Mapping[str, str]] = {
    "speechrecognizer": "speechrecog",
    "recognizer": "speechrecog",
    "speechsynthesizer": "speechsynth",
    "synthesizer": "speechsynth",
}


class SpeechServer(Server):
    """Recognisers and synthesisers behind RTSP; sessions belong to the connection that set them up (R-22).

    `resources` maps the last segment of a URI to MRCPv2's name of what it stands for. While `offline`, set-ups and
    DESCRIBE get 503 and live sessions go on. Fault points are those of `Faults`, and "EVENT" for every event.
    """

    def __init__(
        self,
        name: str = "speech",
        *,
        bind: Address = LOOPBACK,
        faults: Iterable[Fault] = (),
        new_id: Callable[[], str] | None = None,
        pace: Pace | None = None,
        resources: Mapping[str, str] = RESOURCES,
        session_in_teardown: bool = True,
    ) -> None:
        super().__init__(name, bind=bind, faults=faults)
        self.pace = pace or Pace()
        self.resources = resources
        self.session_in_teardown = session_in_teardown
        self.offline = False
        self.sessions: list[Session] = []  # live ones, oldest first
        self.sessions_total = 0
        self.new_id = new_id or hex_ids()
        self.ports: Iterator[int] = _media.ports()

    async def talk(self, connection: Connection) -> None:
        """Handle one connection; its end is the end of its sessions."""
        async with trio.open_nursery() as nursery:
            await _Dialogue(self, connection, nursery).run()
            nursery.cancel_scope.cancel()


class _Dialogue:
    """What is said on one connection."""

    def __init__(self, server: SpeechServer, connection: Connection, nursery: trio.Nursery) -> None:
        self._server = server
        self._connection = connection
        self._nursery = nursery
        self._sessions: dict[str, Session] = {}

    async def run(self) -> None:
        receiver = rtsp.Receiver(rtsp.Limits())
        try:
            while data := await self._connection.read():
                receiver.receive_data(data)
                while (message := receiver.next_event()) is not None:
                    await self._received(message)
        except RemoteProtocolError as error:
            self._server.errors.append(str(error))

    async def _received(self, message: rtsp.Request | rtsp.Response | rtsp.Interleaved) -> None:
        if isinstance(message, rtsp.Interleaved):
            return
        name = message.session.decode("latin-1") if message.session is not None else None
        if isinstance(message, rtsp.Response):  # to an event
            self._note(message, name)
        elif name is None and message.method == b"SETUP" and not self._server.offline:
            session = self._begin()
            self._note(message, session.id)
            await session.put(message)
        else:
            self._note(message, name)
            await self._pass_on(message, name)

    async def _pass_on(self, request: rtsp.Request, name: str | None) -> None:
        if name is None:
            await self._without_session(request)
        elif name in self._sessions:
            await self._sessions[name].put(request)
        else:
            await self._reply(request, 404)  # not RTSP's 454: what UniMRCP says

    def _begin(self) -> Session:
        session = Session(self._server.new_id(), self._server, self._connection, next(self._server.ports))
        self._sessions[session.id] = session
        self._nursery.start_soon(self._live, session)
        return session

    async def _live(self, session: Session) -> None:
        self._server.sessions.append(session)
        self._server.sessions_total += 1
        try:
            await session.run()
        finally:
            self._server.sessions.remove(session)
            del self._sessions[session.id]

    async def _without_session(self, request: rtsp.Request) -> None:
        match request.method:
            case b"OPTIONS":
                await self._reply(request, 200)  # off-line as well (F-36)
            case b"SETUP" | b"DESCRIBE" if self._server.offline:
                await self._reply(request, 503)
            case b"DESCRIBE":
                await self._reply(request, 200, _media.describe(self._server.address.host))
            case _:
                await self._reply(request, 400)

    async def _reply(self, request: rtsp.Request, status: int, sdp: bytes = b"") -> None:
        method = request.method.decode("ascii")
        if (refused := self._server.refusal(method)) is not None:
            status, sdp = refused, b""
        headers = [SDP] if sdp else []
        raw = rtsp.reply(status, cseq=request.cseq, session=request.session, headers=headers, body=sdp)
        session = request.session.decode("latin-1") if request.session else None
        entry = Entry(sender="server", session=session, name=str(status), raw=raw)
        await self._server.send(self._connection, entry, method)

    def _note(self, message: rtsp.Request | rtsp.Response, session: str | None) -> None:
        name = message.method.decode("ascii") if isinstance(message, rtsp.Request) else str(message.status)
        self._server.transcript.add(
            Entry(
                sender="caller",
                connection=self._connection.number,
                session=session,
                name=name,
                mrcp=title(_mrcpv1.read(message.body)),
                raw=message.raw,
            )
        )
