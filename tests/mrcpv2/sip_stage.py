"""A stage set for MRCPv2 calls: a caller and backends that speak SIP and MRCPv2 by hand, and a network that can lose."""

from typing import Final

import attrs

from mrcpbalance.config import Address, BackendConfig, Limits, ListenerConfig, PoolConfig, Timeouts
from mrcpbalance.mrcpv2 import Agent, ControlCaller
from mrcpwire import mrcpv2, sip
from tests.stage import Stage, StagePort, StageSocket

A: Final = "198.51.100.1"
B: Final = "198.51.100.2"
PHONE: Final = Address("192.0.2.9", 5062)
OWN: Final = Address("192.0.2.1", 5060)
CONTROL: Final = Address("192.0.2.1", 1544)
CRLF: Final = b"\r\n"


def offer(*resources: bytes, connection: bytes = b"new", ports: tuple[int, ...] = ()) -> bytes:
    lines = [b"v=0", b"o=app 7 7 IN IP4 192.0.2.9", b"s=-", b"c=IN IP4 192.0.2.9", b"t=0 0"]
    for number, resource in enumerate(resources or (b"speechrecog",)):
        port = ports[number] if ports else 9
        lines += [b"m=application %d TCP/MRCPv2 1" % port]
        if port:
            lines += [
                b"a=setup:active",
                b"a=connection:" + connection,
                b"a=resource:" + resource,
                b"a=cmid:1",
            ]
    lines += [b"m=audio 41000 RTP/AVP 0 101", b"a=rtpmap:0 PCMU/8000", b"a=sendonly", b"a=mid:1"]
    return CRLF.join(lines) + CRLF


def answer(
    host: str, *channels: bytes, connection: bytes = b"new", port: int = 20014, ports: tuple[int, ...] = ()
) -> bytes:
    lines = [b"v=0", b"o=srv 0 0 IN IP4 " + host.encode(), b"s=-", b"c=IN IP4 " + host.encode(), b"t=0 0"]
    for number, channel in enumerate(channels):
        at = ports[number] if ports else port
        lines += [b"m=application %d TCP/MRCPv2 1" % at]
        if at:
            lines += [b"a=setup:passive", b"a=connection:" + connection, b"a=channel:" + channel, b"a=cmid:1"]
    lines += [b"m=audio 5004 RTP/AVP 0 101", b"a=rtpmap:0 PCMU/8000", b"a=recvonly", b"a=mid:1"]
    return CRLF.join(lines) + CRLF


def request(
    method: bytes,
    *,
    call: bytes = b"call-1",
    cseq: int = 1,
    branch: bytes = b"b1",
    to_tag: bytes = b"",
    from_tag: bytes = b"phone",
    uri: bytes = b"sip:asr@192.0.2.1:5060",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"",
    contact: bool = True,
) -> bytes:
    """A request of the caller."""
    lines = [
        b"%s %s SIP/2.0" % (method, uri),
        b"Via: SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bK" + branch,
        b"Max-Forwards: 70",
        b"From: <sip:ivr@192.0.2.9:5062>;tag=" + from_tag,
        b"To: <sip:asr@192.0.2.1:5060>" + (b";tag=" + to_tag if to_tag else b""),
        b"Call-ID: " + call,
        b"CSeq: %d %s" % (cseq, method),
    ]
    if contact:
        lines.append(b"Contact: <sip:ivr@192.0.2.9:5062>")
    lines += [b"%s: %s" % header for header in headers]
    if body:
        lines.append(b"Content-Type: application/sdp")
    lines.append(b"Content-Length: %d" % len(body))
    return CRLF.join((*lines, b"", body))


# Messages on control connections.


def ask(name: bytes, request_id: int, channel: bytes, body: bytes = b"") -> bytes:
    return mrcpv2.request(name, request_id, channel, body=body)


def reply(request_id: int, channel: bytes, status: int = 200, state: bytes = b"COMPLETE") -> bytes:
    return mrcpv2.response(request_id, status, state, channel)


def event(name: bytes, request_id: int, channel: bytes) -> bytes:
    return mrcpv2.event(name, request_id, b"COMPLETE", channel)


@attrs.define
class Heard:
    """A message that arrived at a peer."""

    message: sip.Request | sip.Response
    source: StageSocket

    @property
    def request(self) -> sip.Request:
        assert isinstance(self.message, sip.Request), self.message
        return self.message

    @property
    def response(self) -> sip.Response:
        assert isinstance(self.message, sip.Response), self.message
        return self.message

    @property
    def title(self) -> str:
        if isinstance(self.message, sip.Request):
            return self.message.method.decode()
        return f"{self.message.status} {self.message.cseq[1].decode()}"


class SipStage(Stage):
    """A pool of backends `a` and `b`, one SIP listener, and whoever sends datagrams."""

    def __init__(
        self,
        *,
        backend: dict[str, object] | None = None,
        pool: dict[str, object] | None = None,
        listener: dict[str, object] | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        hosts: tuple[str, ...] = (A, B),
    ) -> None:
        configs = {
            name: BackendConfig(name=name, sip=Address(host, 5060), **(backend or {}))  # type: ignore[arg-type]
            for name, host in zip("ab", hosts, strict=False)
        }
        super().__init__(
            PoolConfig(name="speech", policy="first", backends=configs, **(pool or {})),  # type: ignore[arg-type]
            ListenerConfig(name="v2", protocol="sip", pool="speech", **({"bind": (OWN,)} | (listener or {}))),  # type: ignore[arg-type]
            timeouts=timeouts,
            limits=limits,
        )
        self.agent = Agent.of(self.context, OWN, CONTROL, direct=self.context.listener.control == "direct")
        self.socket = StageSocket(OWN)
        self.agent.network.hear(self.socket)

    # Datagrams.

    def say(self, data: bytes, source: Address = PHONE) -> None:
        """Let a datagram arrive where callers send theirs."""
        self.agent.datagram(self.socket, data, source, self.now)

    def heard(self, host: str = PHONE.host) -> list[Heard]:
        """Everything that was sent to this host since it was last asked, in order, 100 Trying left out."""
        found = []
        for socket in (self.socket, *self.sockets):
            mine = [data for data, to in socket.sent if to.host == host]
            socket.sent = [(data, to) for data, to in socket.sent if to.host != host]
            found += [Heard(sip.parse_datagram(data, sip.Limits()), socket) for data in mine]
        return [
            one for one in found if not (isinstance(one.message, sip.Response) and one.message.status == 100)
        ]

    def titles(self, host: str = PHONE.host) -> list[str]:
        """What was sent to this host, by its start-line's word."""
        return [one.title for one in self.heard(host)]

    def one(self, host: str = PHONE.host) -> Heard:
        """The only message that was sent to this host."""
        (heard,) = self.heard(host)
        return heard

    def reply(
        self,
        to: Heard,
        status: int,
        body: bytes = b"",
        *,
        tag: bytes = b"srv",
        host: str = A,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Let a peer answer a request it heard."""
        contact = (b"Contact", b"<sip:%s:5060>" % host.encode())
        response = sip.response_to(
            to.request,
            status,
            to_tag=tag,
            headers=(contact, *headers),
            body=body,
            content_type=b"application/sdp" if body else None,
        )
        self.agent.datagram(to.source, response.to_bytes(), Address(host, 5060), self.now)

    # A call.

    def invite(
        self, *resources: bytes, call: bytes = b"call-1", branch: bytes = b"b1", connection: bytes = b"new"
    ) -> bytes:
        """Let the caller invite; give what it sent."""
        sent = request(b"INVITE", call=call, branch=branch, body=offer(*resources, connection=connection))
        self.say(sent)
        return sent

    def begin(
        self,
        *channels: bytes,
        call: bytes = b"call-1",
        branch: bytes = b"b1",
        at: str = A,
        connection: bytes = b"new",
    ) -> "CallOnStage":
        """Set a call up on the backend at this host."""
        channels = channels or (b"45@speechrecog",)
        self.invite(
            *(channel.rpartition(b"@")[2] for channel in channels),
            call=call,
            branch=branch,
            connection=connection,
        )
        invite = self.one(at)
        self.reply(invite, 200, answer(at, *channels), host=at)
        assert self.titles(at) == ["ACK"]
        leg = self.at(at)
        leg.connects()
        ok = self.one()
        assert ok.title == "200 INVITE"
        tag = ok.response.to.tag or b""
        self.say(request(b"ACK", call=call, branch=branch + b"-ack", to_tag=tag, contact=False))
        assert self.titles() == []
        return CallOnStage(self, call, tag, invite, leg, ok.response)

    def connect(self, peer: str = PHONE.host) -> StagePort:
        """Let a caller open a control connection."""
        port = StagePort(self, peer)
        port.owner = ControlCaller.of(self.context, self.agent.table, port, self.now)
        return port


@attrs.define
class CallOnStage:
    """A call that stands."""

    stage: SipStage
    call: bytes
    tag: bytes  # the proxy's, towards the caller
    invite: Heard  # as the backend heard it
    leg: StagePort  # the control connection to the backend
    ok: sip.Response  # as the caller heard it

    @property
    def channels(self) -> list[bytes]:
        """The channels as the caller knows them."""
        return [
            line[len(b"a=channel:") :] for line in self.ok.body.split(CRLF) if line.startswith(b"a=channel:")
        ]

    def asks(
        self,
        method: bytes,
        cseq: int = 2,
        body: bytes = b"",
        branch: bytes = b"in",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Let the caller ask something inside the call."""
        unique = b"%b%d%b" % (branch, cseq, method)
        self.stage.say(
            request(
                method, call=self.call, cseq=cseq, to_tag=self.tag, branch=unique, body=body, headers=headers
            )
        )

    def backend_asks(self, method: bytes, cseq: int = 1, body: bytes = b"", branch: bytes = b"srv") -> None:
        """Let the backend ask something inside the call."""
        invite = self.invite.request
        host = self.leg.peer.encode()
        lines = [
            b"%s %s SIP/2.0" % (method, invite.contact.uri if invite.contact else b""),
            b"Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%b%d%b" % (host, branch, cseq, method),
            b"Max-Forwards: 70",
            b"From: %s;tag=srv" % invite.to.to_bytes(),
            b"To: " + invite.from_.to_bytes(),
            b"Call-ID: " + invite.call_id,
            b"CSeq: %d %s" % (cseq, method),
            b"Contact: <sip:%s:5060>" % host,
        ]
        if body:
            lines.append(b"Content-Type: application/sdp")
        lines.append(b"Content-Length: %d" % len(body))
        data = CRLF.join((*lines, b"", body))
        self.stage.agent.datagram(self.invite.source, data, Address(self.leg.peer, 5060), self.stage.now)


def two_calls(stage: SipStage) -> tuple[CallOnStage, CallOnStage]:
    """Two calls on two backends that issue the same channel id."""
    first = stage.begin(b"45@speechrecog")
    stage.context.pool.backends["a"].drain()
    return first, stage.begin(b"45@speechrecog", call=b"call-2", branch=b"b2", at=B)
