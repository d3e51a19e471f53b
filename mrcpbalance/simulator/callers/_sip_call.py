"""A call of a simulated MRCPv2 caller: its dialog, its channels, and how it ended."""

import itertools
from functools import partial
from typing import TYPE_CHECKING, Literal

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import _description
from mrcpbalance.simulator._sip_asked import Asked, NoAnswer
from mrcpwire import sip
from mrcpwire.sdp import Media, Sdp
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import Flow, NewRequest, ServerTransaction

from ._calling import ConnectionLost, Refused
from ._control import ControlConnection
from ._framed import FramedChannel
from ._offering import Connection, ControlLine, Offering

if TYPE_CHECKING:
    from ._sip import SipCaller

SDP = b"application/sdp"
SUCCESS = range(200, 300)


class SipCall:
    """A call as its caller sees it; made by `SipCaller.invite`.

    `end` tells who ended it: "caller", "peer", or "lost" with its control connection, upon which it is ended with a
    BYE as UniMRCP does. `channels` are found by the names of their resources.
    """

    def __init__(self, caller: "SipCaller", call_id: str, flow: Flow, offering: Offering) -> None:
        self.id = call_id
        self.offer = b""  # the last one that was sent, and its answer
        self.answer = b""
        self.channels: dict[str, FramedChannel] = {}
        self.control: ControlConnection | None = None  # the one that was used first
        self.refreshed = 0  # times the peer asked for something new, or for the same again
        self.end: Literal["", "caller", "peer", "lost"] = ""
        self.ended = trio.Event()
        self.reply: sip.Response | None = None  # the last final response to an INVITE
        self._caller = caller
        self._flow = flow
        self._offering = offering
        self._dialog: Dialog | None = None
        self._given_up = False
        self._reinvited: ServerTransaction | None = None  # by the peer
        self._request_ids = itertools.count(1)
        self._joined: dict[int, tuple[str, ControlConnection]] = {}  # channel ids by the place of their line

    @property
    def dialog(self) -> Dialog:
        """The dialog; there is one since the call was accepted."""
        assert self._dialog is not None, "was accepted"
        return self._dialog

    @property
    def audio(self) -> bytes:
        """The octets of the audio parts of the answer."""
        return _description.audio_of(self.answer)

    @property
    def controls(self) -> set[ControlConnection]:
        """The control connections it uses."""
        return {control for _, control in self._joined.values()}

    # What it asks.

    async def add(self, resource: str, *, connection: Connection = "existing") -> FramedChannel:
        """Add a channel; raises `Refused`, with 200 when the line alone was refused."""
        self._offering.added.append(ControlLine(resource, connection))
        try:
            await self._offer()
        except (Refused, trio.Cancelled):
            self._offering.added.pop()
            raise
        if resource not in self.channels:
            raise Refused(200)
        return self.channels[resource]

    async def remove(self, resource: str) -> None:
        """Remove a channel; raises `Refused`."""
        line = self._offering.find(resource)
        line.removed = True
        try:
            await self._offer()
        except (Refused, trio.Cancelled):
            line.removed = False
            raise

    async def refresh(self, method: str = "INVITE") -> sip.Response:
        """Offer the same again, as session timers want it (RFC 4028); raises `Refused`."""
        return await self._offer(method)

    async def ask(self, method: str, headers: list[tuple[bytes, bytes]] | None = None) -> sip.Response:
        """Ask something without a body inside the call; raises `ConnectionLost` without a final response."""
        return await self._ask(method.encode("ascii"), headers or [], b"")

    async def bye(self) -> int | None:
        """End the call; gives the status of the answer, None when it had ended before or there is none."""
        return await self._bye("caller")

    # What its caller tells it.

    def describe(self) -> bytes:
        """Write the next offer."""
        return self._offering.write()

    def answered(self, asked: Asked, response: sip.Response) -> None:
        """Take the final answer to the INVITE; what was accepted is acknowledged, and ended if it was given up."""
        self.reply = response
        if response.status in SUCCESS:
            self._dialog = Dialog.as_uac(asked.request, response, self._caller.agent.contact(self._flow))
            self._caller.know(self)
            self._acknowledge(asked, response)
            if self._given_up:
                self._caller.later(self.bye)

    def give_up(self) -> None:
        """End it, now or when it is accepted after all."""
        self._given_up = True
        if self._dialog is not None:
            self._caller.later(self.bye)

    async def join(self, response: sip.Response, share: ControlConnection | None) -> None:
        """Take the channels of an answer into use; raises OSError where their connection can't be had."""
        self.reply, self.answer = response, response.body
        sdp = Sdp.parse(self.answer)
        for index in [index for index in self._joined if not sdp.media[index].is_control]:
            await self._part(index)
        opened: list[ControlConnection] = []
        for index, media in enumerate(sdp.media):
            if media.is_control and index not in self._joined:
                address = Address(sdp.address(index) or "", media.port or 0)
                control = self._shared(media, address, share, opened)
                if control is None:
                    control = await self._caller.connect(address)
                    opened.append(control)
                self._use(index, media, control)

    def lost(self) -> None:
        """Take it that a control connection has ended; that ends the call if it was in use."""
        if self._joined:
            self._caller.later(self._bye, "lost")

    def told(self, new: NewRequest) -> None:
        """Take a request of the peer."""
        request, server = new.request, new.transaction
        if server is None:
            if self._reinvited is not None:
                self._caller.agent.acked(self._reinvited)
            return
        refused = self.dialog.accepts(request)
        if refused is not None:
            self._respond(server, sip.response_to(request, refused))
        elif request.method == b"BYE":
            self._respond(server, sip.response_to(request, 200))
            self._caller.later(self._over, "peer")
        elif request.method in (b"INVITE", b"UPDATE"):
            self._agree(server, request)
        else:
            self._respond(server, sip.response_to(request, 200))

    def _agree(self, server: ServerTransaction, request: sip.Request) -> None:
        """Accept whatever the peer describes, with what we described last."""
        self.refreshed += 1
        self.dialog.refresh_target(request)
        if request.method == b"INVITE":
            self._reinvited = server
        body = self.offer if request.body or request.method == b"INVITE" else b""
        headers = [(b"Contact", self.dialog.local_contact), *_timer_of(request)]
        kind = SDP if body else None
        self._respond(server, sip.response_to(request, 200, headers=headers, body=body, content_type=kind))

    def _respond(self, server: ServerTransaction, response: sip.Response) -> None:
        self._caller.note(response, "caller")
        self._caller.agent.respond(server, response)

    async def _offer(self, method: str = "INVITE") -> sip.Response:
        self.offer = self.describe()
        headers = [(b"Content-Type", SDP), (b"Supported", b"timer"), *_timer_of(self.reply)]
        response = await self._ask(method.encode("ascii"), headers, self.offer)
        if response.status not in SUCCESS:
            raise Refused(response.status)
        self.dialog.refresh_target(response)
        await self.join(response, None)
        return response

    async def _ask(self, method: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> sip.Response:
        caller = self._caller
        try:
            self._flow = await caller.agent.onwards(self._flow, self.dialog)
        except OSError:
            raise ConnectionLost(f"{method.decode()} in {self.id}") from None
        asked = caller.ask(self.dialog.request(method, headers, body), self._flow)
        if method == b"INVITE":
            asked.at_last = partial(self._acknowledge, asked)
        try:
            return await asked.final()
        except NoAnswer:
            raise ConnectionLost(f"{method.decode()} in {self.id}") from None
        except trio.Cancelled:
            if method == b"INVITE":
                caller.agent.cancel(asked)
            raise

    def _acknowledge(self, asked: Asked, response: sip.Response) -> None:
        if response.status not in SUCCESS:
            return
        ack = self.dialog.request(b"ACK")
        self._caller.note(ack, "caller")
        self._caller.agent.ack(asked, ack)

    async def _bye(self, end: Literal["caller", "lost"]) -> int | None:
        if self.end:
            return None
        self.end = end
        try:
            return await self._say_bye() or (await self._say_bye() if self._is_cut_off() else None)
        finally:
            self._caller.later(self._over, end)

    async def _say_bye(self) -> int | None:
        try:
            return (await self._ask(b"BYE", [], b"")).status
        except ConnectionLost:
            return None

    def _is_cut_off(self) -> bool:
        """Tell whether a connection was lost, so that a request may be said on another (RFC 3261 section 18.4)."""
        return self._caller.agent.is_gone(self._flow)

    async def _over(self, end: Literal["caller", "peer", "lost"]) -> None:
        self.end = self.end or end
        self._caller.forget(self)
        self.ended.set()
        for index in list(self._joined):
            await self._part(index)

    # Its channels.

    def _shared(
        self,
        media: Media,
        address: Address,
        share: ControlConnection | None,
        opened: list[ControlConnection],
    ) -> ControlConnection | None:
        """Find the connection that a channel may use: one opened for this answer, or if that says so an older one."""
        known = list(opened)
        if (media.attribute(b"connection") or b"new") == b"existing":
            known += [one for one in (self.control, share) if one is not None]
        return next((one for one in known if one.address == address and one.usable), None)

    def _use(self, index: int, media: Media, control: ControlConnection) -> None:
        name = (media.attribute(b"channel") or b"").decode("latin-1")
        control.users.add(self)
        self.control = self.control or control
        self._joined[index] = name, control
        self.channels[self._offering.resource_at(index)] = control.attach(name, self._request_ids)
        if control.ended.is_set():  # already, before anybody could be told
            self.lost()

    async def _part(self, index: int) -> None:
        _, control = self._joined.pop(index)
        channel = self.channels.pop(self._offering.resource_at(index))
        control.forget(channel)
        if control not in self.controls:
            await control.release(self)


def _timer_of(message: sip.Request | sip.Response | None) -> list[tuple[bytes, bytes]]:
    """Give what a message says about session timers."""
    names = (b"Session-Expires", b"Min-SE")
    return [] if message is None else list(message.headers.only(*names))
