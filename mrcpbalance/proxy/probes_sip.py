"""Probes of a SIP address: OPTIONS (S-13), or a whole call. Datagrams are sent again until they are answered."""

import contextlib
import math
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Final, Literal

import attrs
import trio

from mrcpbalance.config import Address
from mrcpwire import RemoteProtocolError, sip

from ._link_dial import Target, host_of
from .probes_exchange import CHUNK, ProbeFailedError, connected, until

T1: Final = 0.5  # seconds to the first repetition
CANCEL_WITHIN: Final = 0.1  # seconds, for a call that nobody answered
_OFFER: Final = (
    "v=0\r\no=- 0 0 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
    "m=application 9 TCP/MRCPv2 1\r\na=setup:active\r\na=connection:new\r\na=resource:{resource}\r\na=cmid:1\r\n"
    "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\na=mid:1\r\n"
)
Transport = Literal["udp", "tcp"]


async def options(target: Target, address: Address, transport: Transport) -> None:
    """Ask what it can; any final answer but 408 and 503 is life (S-13)."""
    async with _line(target, transport) as line:
        uri = b"sip:%b" % str(address).encode()
        status = (await line.ask(line.request(b"OPTIONS", uri, 1, to=b""))).status
    if status in (408, 503):
        raise ProbeFailedError(f"OPTIONS answered {status}")


async def session(target: Target, address: Address, transport: Transport, resource: str) -> None:
    """Set a call up and end it; a server that is busy is well."""
    async with _line(target, transport) as line:
        uri = b"sip:mrcp@%b" % str(address).encode()
        invite = line.request(b"INVITE", uri, 1, to=b"", body=line.offer(resource))
        try:
            answer = await line.ask(invite)
        except trio.Cancelled:
            with trio.move_on_after(CANCEL_WITHIN, shield=True):
                await line.cancel(invite)
            raise
        tag = answer.to.tag or b""
        if answer.status >= 300:  # noqa: PLR2004 - where the class of success ends
            await line.send(line.request(b"ACK", uri, 1, to=tag, branch=invite.vias[0].branch))
            if answer.status != 486:  # noqa: PLR2004 - Busy Here
                raise ProbeFailedError(f"INVITE answered {answer.status}")
            return
        remote = uri if answer.contact is None else answer.contact.uri
        await line.send(line.request(b"ACK", remote, 1, to=tag))
        status = (await line.ask(line.request(b"BYE", remote, 2, to=tag))).status
        if status >= 300:  # noqa: PLR2004
            raise ProbeFailedError(f"BYE answered {status}")


@contextlib.asynccontextmanager
async def _line(target: Target, transport: Transport) -> AsyncIterator["_Line"]:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    sock = await connected(target, kind)
    with sock:
        name = sock.getsockname()
        yield _Line(sock, transport, Address(host_of(name), name[1]))


@attrs.define(eq=False)
class _Line:
    """Our side of one call, or of one request outside of any."""

    sock: trio.socket.SocketType
    transport: Transport
    own: Address
    call_id: bytes = attrs.field(factory=lambda: secrets.token_hex(16).encode())
    tag: bytes = attrs.field(factory=lambda: secrets.token_hex(8).encode())
    receiver: sip.StreamReceiver = attrs.field(factory=sip.StreamReceiver)

    def offer(self, resource: str) -> bytes:
        """Write what a call asks for."""
        family = "IP6" if ":" in self.own.host else "IP4"
        return _OFFER.format(family=family, host=self.own.host, resource=resource).encode()

    def request(
        self,
        method: bytes,
        uri: bytes,
        cseq: int,
        *,
        to: bytes,
        branch: bytes | None = None,
        body: bytes = b"",
    ) -> sip.Request:
        """Write a request; `to` is the tag of the other side, if it has one."""
        own = str(self.own).encode()
        branch = branch or b"z9hG4bK" + secrets.token_hex(12).encode()
        contact = b"<sip:probe@%b;transport=tcp>" if self.transport == "tcp" else b"<sip:probe@%b>"
        headers = [
            (b"Via", b"SIP/2.0/%b %b;branch=%b;rport" % (self.transport.upper().encode(), own, branch)),
            (b"Max-Forwards", b"70"),
            (b"From", b"<sip:probe@%b>;tag=%b" % (own, self.tag)),
            (b"To", b"<%b>%b" % (uri, b";tag=" + to if to else b"")),
            (b"Call-ID", self.call_id),
            (b"CSeq", b"%d %b" % (cseq, method)),
            (b"Contact", contact % own),
        ]
        if body:
            headers.append((b"Content-Type", b"application/sdp"))
        return sip.Request(method=method, uri=uri, headers=sip.SipHeaders.of(headers), body=body)

    async def ask(self, request: sip.Request) -> sip.Response:
        """Send a request and wait for its final answer; by UDP it is sent again and again."""
        await self.send(request)
        wait = T1 if self.transport == "udp" else math.inf
        while True:
            with trio.move_on_after(wait):
                return await self._answer(request)
            await self.send(request)
            wait *= 2

    async def send(self, request: sip.Request) -> None:
        """Send a request, once."""
        data = request.to_bytes()
        if self.transport == "udp":
            await self.sock.send(data)
        else:
            await trio.SocketStream(self.sock).send_all(data)

    async def cancel(self, invite: sip.Request) -> None:
        """Take a call back that was not answered in time."""
        with contextlib.suppress(OSError):
            await self.send(self.request(b"CANCEL", invite.uri, 1, to=b"", branch=invite.vias[0].branch))

    async def _answer(self, request: sip.Request) -> sip.Response:
        def wanted(message: object) -> bool:
            return (
                isinstance(message, sip.Response)
                and message.status >= 200  # noqa: PLR2004 - the provisional ones end
                and (message.call_id, message.cseq) == (request.call_id, request.cseq)
            )

        if self.transport == "tcp":
            answer = await until(trio.SocketStream(self.sock), self.receiver, wanted)
            assert isinstance(answer, sip.Response)
            return answer
        while True:
            with contextlib.suppress(RemoteProtocolError):  # somebody else's datagram may be anything
                message = sip.parse_datagram(await self.sock.recv(CHUNK))
                if isinstance(message, sip.Response) and wanted(message):
                    return message
