"""One RTSP session of a simulated MRCPv1 server, as UniMRCP 1.8 keeps it: one request at a time, in order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from mrcpbalance.simulator import _mrcpv1
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._messages import Event
from mrcpbalance.simulator._messages import Request as MrcpRequest
from mrcpbalance.simulator._resources import Resource
from mrcpbalance.simulator._transcript import Entry
from mrcpwire import rtsp

from . import _media
from ._in_order import InOrder

if TYPE_CHECKING:
    from ._speech import SpeechServer

MRCP: Final = (b"Content-Type", b"application/mrcp")
SDP: Final = (b"Content-Type", b"application/sdp")


class Session(InOrder[rtsp.Request]):
    """What a SETUP begins and the last TEARDOWN ends; lives within its connection."""

    def __init__(self, name: str, server: "SpeechServer", connection: Connection, port: int) -> None:
        super().__init__()
        self.id = name
        self._server = server
        self._connection = connection
        self._port = port  # RTP
        self._resources: dict[str, Resource] = {}  # by the last segment of their URI
        self._cseq = b"0"  # of the last response

    @property
    def stands(self) -> bool:
        """Whether its set-up succeeded."""
        return bool(self._resources)

    async def handle(self, request: rtsp.Request) -> None:
        """Answer a request."""
        method = request.method.decode("ascii")
        if method in self._HANDLERS:
            await self._HANDLERS[method](self, request)
        else:
            # UniMRCP answers a method it doesn't know inside a session with 500, and then nothing, ever.
            await self._reply(request, 500)
            await trio.sleep_forever()

    async def too_late(self, request: rtsp.Request) -> None:
        """Answer a request that came behind the last TEARDOWN."""
        await self._reply(request, 406)

    async def _setup(self, request: rtsp.Request) -> None:
        segment = last_segment(request.uri)
        kind = self._server.resources.get(segment)
        status = self._server.refusal("SETUP") or (None if kind else 404) or self._no_room()
        if kind is None or status is not None:
            self.ending = not self._resources
            await self._reply(request, status or 404)
            return
        self._add(segment, kind, request.uri)
        transport = _media.transport(request.headers.get(b"Transport"), self._port)
        sdp = _media.answer(request.body, self._server.address.host, self._port)
        await self._reply(request, 200, [(b"Transport", transport), SDP], sdp)

    def _no_room(self) -> int | None:
        return 453 if not self.stands and self._server.is_full(self._server.sessions) else None

    def _add(self, segment: str, kind: str, uri: bytes) -> None:
        """Allocate a resource, or keep the one there is (a second SETUP only changes its transport)."""

        async def emit(event: Event) -> None:
            await self._announce_event(uri, _mrcpv1.renamed(event))

        if segment not in self._resources:
            resource = self._resources[segment] = Resource(kind, self._server.pace, emit)
            self.nursery.start_soon(resource.run)

    async def _announce(self, request: rtsp.Request) -> None:
        resource = self._resources.get(last_segment(request.uri))
        asked = _mrcpv1.read(request.body)
        if resource is None or not isinstance(asked, MrcpRequest):
            await self._reply(request, 404 if resource is None else 400)
            return
        if (status := self._server.refusal("ANNOUNCE", asked.method)) is not None:
            await self._reply(request, status)
            return
        answer = resource.answer(asked)
        await self._reply(request, 200, [MRCP], _mrcpv1.write(answer), mrcp=answer.state, point=asked.method)
        resource.begin()

    async def _teardown(self, request: rtsp.Request) -> None:
        if (status := self._server.refusal("TEARDOWN")) is not None:
            await self._reply(request, status)
            return
        found = self._resources.pop(last_segment(request.uri), None)
        self.ending = not self._resources
        await self._reply(request, 200 if found else 404)

    async def _announce_event(self, uri: bytes, event: Event) -> None:
        raw = rtsp.request(
            b"ANNOUNCE",
            uri,
            cseq=self._cseq,  # of the last response, not one of its own (F-18, section I)
            session=self.id.encode("ascii"),
            headers=[MRCP],
            body=_mrcpv1.write(event),
        )
        entry = Entry(sender="server", session=self.id, name="ANNOUNCE", mrcp=event.name, raw=raw)
        await self._server.send(self._connection, entry, "EVENT", event.name)

    async def _reply(
        self,
        request: rtsp.Request,
        status: int,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        *,
        mrcp: str = "",
        point: str = "",
    ) -> None:
        self._cseq = request.cseq or b"0"
        bare = request.method == b"TEARDOWN" and not self._server.session_in_teardown  # F-19
        raw = rtsp.reply(
            status,
            cseq=request.cseq,
            session=None if bare else self.id.encode("ascii"),
            headers=headers,
            body=body,
        )
        entry = Entry(sender="server", session=self.id, name=str(status), mrcp=mrcp, raw=raw)
        await self._server.send(self._connection, entry, request.method.decode("ascii"), point)

    _HANDLERS: ClassVar[Mapping[str, Callable[["Session", rtsp.Request], Awaitable[None]]]] = {
        "SETUP": _setup,
        "ANNOUNCE": _announce,
        "TEARDOWN": _teardown,
    }


def last_segment(uri: bytes) -> str:
    """Tell the resource a URI names, which is all UniMRCP looks at (R-28)."""
    return uri.rstrip(b"/").rpartition(b"/")[2].decode("ascii", "replace").lower()
