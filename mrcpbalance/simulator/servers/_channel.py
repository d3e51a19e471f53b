"""One channel of a simulated MRCPv2 server: one request at a time, in order."""

from typing import TYPE_CHECKING

from mrcpbalance.simulator import _mrcpv2
from mrcpbalance.simulator._messages import COMPLETE, Event, Request, Response, title
from mrcpbalance.simulator._resources import METHODS, Resource
from mrcpbalance.simulator._transcript import Entry

from ._connection import Connection
from ._in_order import InOrder

if TYPE_CHECKING:
    from ._framed import FramedServer

NOT_ALLOCATED = 405


class Channel(InOrder[Request]):
    """A resource under the channel id its caller chose, from its first message to TEARDOWN."""

    def __init__(self, name: str, server: "FramedServer", connection: Connection) -> None:
        super().__init__()
        self.id = name
        self._server = server
        self._connection = connection
        self._resource = Resource(name.rpartition("@")[2].lower(), server.pace, self._tell)
        self._begun = False

    async def handle(self, request: Request) -> None:
        """Answer a request."""
        status = self._server.refusal(request.method) or self._missing(request)
        if status is not None:
            self.ending = not self._begun
            await self._answer(request, _plain(request, status))
            return
        if not self._begun:
            self._begun = True
            self.nursery.start_soon(self._resource.run)
        if request.method in ("SETUP", "TEARDOWN"):
            self.ending = request.method == "TEARDOWN"
            await self._answer(request, _plain(request, 200))
        else:
            await self._answer(request, self._resource.answer(request))
            self._resource.begin()

    async def too_late(self, request: Request) -> None:
        """Answer a request that came behind TEARDOWN."""
        await self._answer(request, _plain(request, NOT_ALLOCATED))

    def _missing(self, request: Request) -> int | None:
        """Refuse what isn't there: a resource of unknown type, or a channel nobody set up."""
        known = self.id.rpartition("@")[2].lower() in METHODS
        opened = self._begun or request.method == "SETUP"
        closing = request.method == "TEARDOWN" and not self._begun
        return None if known and not closing and (opened or not self._server.needs_setup) else NOT_ALLOCATED

    async def _answer(self, request: Request, response: Response) -> None:
        await self._send(response, str(response.status), request.method)

    async def _tell(self, event: Event) -> None:
        await self._send(event, event.name, "EVENT", event.name)

    async def _send(self, message: Response | Event, name: str, *points: str) -> None:
        raw = _mrcpv2.write(message, self.id)
        entry = Entry(sender="server", session=self.id, name=name, mrcp=title(message), raw=raw)
        await self._server.send(self._connection, entry, *points)


def _plain(request: Request, status: int) -> Response:
    return Response(request_id=request.request_id, status=status, state=COMPLETE)
