"""One call of a simulated MRCPv2 server: a SIP dialog, answered one request at a time, and its channels."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from mrcpbalance.simulator._sip_asked import NoAnswer
from mrcpwire import sip
from mrcpwire.sdp import Sdp
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import NewRequest, ServerTransaction

from ._answering import Answering, resource_of
from ._channel import Channel
from ._in_order import InOrder
from ._session_timer import TOO_SMALL

if TYPE_CHECKING:
    from ._sip import SipServer

SDP: Final = b"application/sdp"
ALLOW: Final = (b"Allow", b"INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, UPDATE")
TAG_OCTETS: Final = 8
Fields = Sequence[tuple[bytes, bytes]]


class SipSession(InOrder[NewRequest]):
    """What an INVITE begins and a BYE ends."""

    def __init__(self, server: "SipServer", invite: NewRequest) -> None:
        super().__init__()
        self.id = invite.request.call_id.decode("latin-1")  # the Call-ID
        self.tag = secrets.token_hex(TAG_OCTETS).encode("ascii")
        self.flow = invite.flow
        self.offer = b""  # the last one that was accepted, and its answer
        self.answer = b""
        self.channels: dict[int, Channel] = {}  # by the place of their line
        self.acknowledged = trio.Event()  # the first 200
        self.over = False  # it has ended, or is about to
        self.ended = trio.Event()
        self.dialog = Dialog.as_uas(invite.request, self.tag, server.agent.contact(invite.flow))
        self._server = server
        self._request = invite.request  # the last INVITE
        self._invite = invite.transaction
        self._withdrawn: ServerTransaction | None = None
        self._stands = False  # the first INVITE was answered 200
        self._control_port = server.control_port
        self._scope = trio.CancelScope()
        self._request_scope = trio.CancelScope()  # of the request at hand
        self._answering = Answering(
            server.address.host, server.naming(self.id), server.ports, server.resources.__contains__
        )

    @property
    def stands(self) -> bool:
        """Whether its first INVITE was accepted."""
        return self._stands

    def is_about(self, transaction: ServerTransaction) -> bool:
        """Tell whether this is the INVITE at hand."""
        return self._invite is transaction

    async def run(self) -> None:
        """Answer request after request."""
        with self._scope:
            await super().run()

    async def handle(self, new: NewRequest) -> None:
        """Answer a request."""
        refused = self.dialog.accepts(new.request)
        with trio.CancelScope() as self._request_scope:
            if refused is not None:
                await self._reply(new, refused)
            else:
                await self._HANDLERS.get(new.request.method, SipSession._unknown)(self, new)

    async def too_late(self, new: NewRequest) -> None:
        """Answer a request that came behind the BYE."""
        await self._reply(new, 481)

    def acked(self) -> None:
        """Take an ACK."""
        if self._invite is not None:
            self._server.agent.acked(self._invite)
        self.acknowledged.set()

    def cancelled(self, transaction: ServerTransaction) -> None:
        """Take a CANCEL before there was an answer (RFC 3261 section 9.2); that of the first INVITE ends all."""
        self._withdrawn = transaction
        self._server.say(transaction, self._response(self._request, 487))
        self._request_scope.cancel()
        if not self._stands:
            self.over = True
            self._scope.cancel()

    # What the server does by itself.

    async def bye(self) -> int | None:
        """End the call; gives the status the caller answers with, None when it doesn't."""
        if self.over:
            return None
        self.over = True
        try:
            return (await self._server.ask(self, b"BYE")).status
        except NoAnswer:
            return None
        finally:
            self._scope.cancel()

    async def refresh(self, method: str = "INVITE") -> sip.Response:
        """Refresh the session with what it is (RFC 4028), or with UPDATE; raises `NoAnswer`."""
        return await self._server.ask(self, method.encode("ascii"), self.answer)

    # What the caller asks.

    async def _on_invite(self, new: NewRequest) -> None:
        self._invite, self._request = new.transaction, new.request
        point = "re-INVITE" if self._stands else "INVITE"
        for status in self._server.provisional:
            self._say(new, self._response(new.request, status))
        refusal = self._server.refusal(point) or self._server.objection(new.request)
        if refusal is None and not self._stands:
            refusal = await self._objection_to_offer(new.request.body)
        self.ending = refusal is not None and not self._stands
        if not await self._due(new, point):
            return
        if refusal is None:
            self._stands = True
            self._describe(new)
        else:
            headers = [self._server.timer.least()] if refusal == TOO_SMALL else []
            self._say(new, self._response(new.request, refusal, headers))

    async def _objection_to_offer(self, offer: bytes) -> int | None:
        if not offer:
            return 400  # what UniMRCP says to an INVITE that expects the offer from it
        asked = [resource_of(media) for media in Sdp.parse(offer).media if media.is_control]
        if not any(resource in self._server.resources for resource in asked):
            return 404
        if self._server.control == "own":
            self._control_port = (await self._server.open_control(self.nursery)).port
        return None

    async def _on_update(self, new: NewRequest) -> None:
        refusal = self._server.refusal("UPDATE")
        if not await self._due(new, "UPDATE"):
            return
        if refusal is None:
            self._describe(new)
        else:
            self._say(new, self._response(new.request, refusal))

    def _describe(self, new: NewRequest) -> None:
        """Accept an offer; what has none is a refresh, and gets what stands (an INVITE's as our own offer)."""
        body = new.request.body
        if body:
            self.answer = self._answering.answer(Sdp.parse(body), self._control_port, self._server.choose)
            self.offer = body
            self._allocate()
        self.dialog.refresh_target(new.request)
        headers = [
            (b"Contact", self.dialog.local_contact),
            ALLOW,
            (b"Supported", b"timer"),
            *self._server.timer.headers(new.request),
        ]
        described = body or new.request.method == b"INVITE"
        self._say(new, self._response(new.request, 200, headers, self.answer if described else b""))

    def _allocate(self) -> None:
        """Have a channel live for each line that has one; they are pending until somebody speaks to them."""
        named = self._answering.channels
        for index in [index for index, channel in self.channels.items() if named.get(index) != channel.id]:
            self._server.remove(self.channels.pop(index))
        for index, name in named.items():
            if index not in self.channels:
                channel = self.channels[index] = Channel(name, self._server, session=self.id)
                self._server.install(channel, self.id)
                self.nursery.start_soon(channel.run)

    async def _on_bye(self, new: NewRequest) -> None:
        self.ending = self.over = True
        await self._reply(new, 200)

    async def _agree(self, new: NewRequest) -> None:
        await self._reply(new, self._server.refusal(new.request.method.decode("ascii")) or 200)

    async def _unknown(self, new: NewRequest) -> None:
        await self._reply(new, 501, [ALLOW])

    async def _reply(self, new: NewRequest, status: int, headers: Fields = ()) -> None:
        if await self._due(new, new.request.method.decode("ascii")):
            self._say(new, self._response(new.request, status, headers))

    async def _due(self, new: NewRequest, point: str) -> bool:
        """Wait as faults want it; tell whether the final response is to be sent after all."""
        goes = await self._server.fate(self, point)
        return goes and new.transaction is not self._withdrawn

    def _say(self, new: NewRequest, response: sip.Response) -> None:
        assert new.transaction is not None, "no ACK"
        self._server.say(new.transaction, response)

    def _response(
        self, request: sip.Request, status: int, headers: Fields = (), body: bytes = b""
    ) -> sip.Response:
        kind = SDP if body else None
        return sip.response_to(
            request, status, to_tag=self.tag, headers=headers, body=body, content_type=kind
        )

    _HANDLERS: ClassVar[Mapping[bytes, Callable[["SipSession", NewRequest], Awaitable[None]]]] = {
        b"INVITE": _on_invite,
        b"UPDATE": _on_update,
        b"BYE": _on_bye,
        b"INFO": _agree,
        b"MESSAGE": _agree,
        b"OPTIONS": _agree,
    }
