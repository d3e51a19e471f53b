"""One channel of a simulated MRCPv2 server: one request at a time, in order."""

from typing import Protocol

from mrcpbalance.simulator import _mrcpv2
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._messages import COMPLETE, Event, Request, Response, title
from mrcpbalance.simulator._resources import METHODS, Pace, Resource
from mrcpbalance.simulator._transcript import Entry

from ._in_order import InOrder

NOT_ALLOCATED = 405


class Host(Protocol):
    """The server a channel belongs to."""

    pace: Pace

    def refusal(self, *points: str) -> int | None:
        """Tell the status a fault wants the request at one of these points refused with."""

    async def send(self, connection: Connection, entry: Entry, *points: str) -> None:
        """Send a message, unless a fault at one of these points has it otherwise."""


class Channel(InOrder[Request]):
    """A resource, and how it is spoken to."""

    def __init__(
        self, name: str, host: Host, connection: Connection | None = None, session: str = ""
    ) -> None:
        super().__init__()
        self.id = name
        self.connection = connection  # the one that carries it; None before its first message
        self._host = host
        self._session = session or name  # what the transcript calls it
        self._resource = Resource(name.rpartition("@")[2].lower(), host.pace, self._tell)
        self._begun = False

    async def handle(self, request: Request) -> None:
        """Answer a request."""
        status = self._host.refusal(request.method)
        if status is not None:
            await self.answer(request, plain(request, status))
            return
        self.begin()
        await self.answer(request, self._resource.answer(request))
        self._resource.begin()

    async def too_late(self, request: Request) -> None:
        """Leave a request unanswered that came when the channel was gone, as UniMRCP does."""

    def begin(self) -> None:
        """Have the resource live."""
        if not self._begun:
            self._begun = True
            self.nursery.start_soon(self._resource.run)

    async def answer(self, request: Request, response: Response) -> None:
        """Send an answer."""
        await self._send(response, str(response.status), request.method)

    async def _tell(self, event: Event) -> None:
        await self._send(event, event.name, "EVENT", event.name)

    async def _send(self, message: Response | Event, name: str, *points: str) -> None:
        assert self.connection is not None, "a request came on it"
        raw = _mrcpv2.write(message, self.id)
        entry = Entry(sender="server", session=self._session, name=name, mrcp=title(message), raw=raw)
        await self._host.send(self.connection, entry, *points)


class NamedChannel(Channel):
    """A channel under the id its caller chose, from its first message to a literal TEARDOWN."""

    def __init__(self, name: str, host: Host, connection: Connection, *, needs_setup: bool) -> None:
        super().__init__(name, host, connection)
        self._needs_setup = needs_setup

    @property
    def stands(self) -> bool:
        """Whether it was opened."""
        return self._begun

    async def handle(self, request: Request) -> None:
        """Answer a request."""
        if self._missing(request):
            self.ending = not self._begun
            await self.answer(request, plain(request, NOT_ALLOCATED))
        elif request.method in ("SETUP", "TEARDOWN"):
            await self._literal(request)
        else:
            await super().handle(request)
            self.ending = not self._begun

    async def too_late(self, request: Request) -> None:
        """Answer a request that came behind TEARDOWN."""
        await self.answer(request, plain(request, NOT_ALLOCATED))

    async def _literal(self, request: Request) -> None:
        status = self._host.refusal(request.method)
        if status is None:
            self.begin()
            self.ending = request.method == "TEARDOWN"
        else:
            self.ending = not self._begun
        await self.answer(request, plain(request, status or 200))

    def _missing(self, request: Request) -> bool:
        """Tell of what isn't there: a resource of unknown type, or a channel nobody set up."""
        known = self.id.rpartition("@")[2].lower() in METHODS
        opened = self._begun or request.method == "SETUP"
        closing = request.method == "TEARDOWN" and not self._begun
        return not known or closing or (self._needs_setup and not opened)


def plain(request: Request, status: int) -> Response:
    """Make an answer that says nothing but its status."""
    return Response(request_id=request.request_id, status=status, state=COMPLETE)
