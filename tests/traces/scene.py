"""Conversations made by hand and captured: a clock, TCP connections with a handshake, datagrams."""

import io
from collections.abc import Callable

import attrs

from mrcpbalance.traces import Limits, Session, Trace, keep_all, read
from mrcpwire import mrcpv1, mrcpv2
from tests.traces import packets as raw
from tests.traces.packets import ACK, FIN, RST, START, SYN, Packet, Peer

MILLISECOND = 1_000_000


@attrs.define
class Scene:
    """Everything that is captured; each thing takes a millisecond."""

    packets: list[Packet] = attrs.field(factory=list)
    now: int = START
    link: int = raw.ETHERNET

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * raw.SECOND)

    def add(self, packet: bytes) -> None:
        """Capture an IP packet."""
        self.packets.append(Packet(raw.frame(packet, self.link), self.now))
        self.now += MILLISECOND

    def udp(self, source: Peer, target: Peer, payload: bytes) -> None:
        self.add(raw.ip(source, target, 17, raw.udp(source, target, payload)))

    def tcp(self, client: Peer, server: Peer, *, handshake: bool = True) -> "Tcp":
        connection = Tcp(self, client, server)
        if handshake:
            connection.segment(True, b"", SYN)
            connection.segment(False, b"", SYN | ACK)
        return connection

    def file(self) -> bytes:
        return raw.pcap(self.packets, link=self.link, unit=1)

    def read(self, keep: Callable[[Session], bool] = keep_all, limits: Limits | None = None) -> Trace:
        return read(io.BytesIO(self.file()), keep=keep, limits=limits or Limits())


@attrs.define
class Tcp:
    """One connection; what is sent is acknowledged only where a test does so."""

    scene: Scene
    client: Peer
    server: Peer
    sent: list[int] = attrs.field(
        factory=lambda: [4_294_967_000, 5000]
    )  # next sequence numbers; one wraps early

    def segment(
        self, from_client: bool, payload: bytes = b"", flags: int = ACK, *, captured: bool = True
    ) -> None:
        side = 0 if from_client else 1
        ends = (self.client, self.server) if from_client else (self.server, self.client)
        data = raw.tcp(*ends, self.sent[side], payload, flags=flags, ack=self.sent[1 - side])
        self.sent[side] += len(payload) + bool(flags & (SYN | FIN))
        if captured:
            self.scene.add(raw.ip(*ends, 6, data))

    def up(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.segment(True, payload)

    def down(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.segment(False, payload)

    def close(self, *, first: str = "client") -> None:
        """Let both sides end the connection."""
        for from_client in (True, False) if first == "client" else (False, True):
            self.segment(from_client, b"", FIN | ACK)

    def reset(self, *, by: str = "client") -> None:
        self.segment(by == "client", b"", RST | ACK)


# What peers of MRCPv1 say.

URI = b"rtsp://198.51.100.2:1554/media/"


def setup(cseq: int, resource: bytes = b"speechrecognizer", session: bytes = b"") -> bytes:
    return _rtsp(b"SETUP %b%b RTSP/1.0" % (URI, resource), cseq, session, b"Transport: RTP/AVP;unicast\r\n")


def teardown(cseq: int, session: bytes, resource: bytes = b"speechrecognizer") -> bytes:
    return _rtsp(b"TEARDOWN %b%b RTSP/1.0" % (URI, resource), cseq, session)


def announce(cseq: int, session: bytes, body: bytes, resource: bytes = b"speechrecognizer") -> bytes:
    return _rtsp(b"ANNOUNCE %b%b RTSP/1.0" % (URI, resource), cseq, session, body=body)


def answer(cseq: int, session: bytes = b"", status: bytes = b"200 OK", body: bytes = b"") -> bytes:
    return _rtsp(b"RTSP/1.0 " + status, cseq, session, body=body)


def _rtsp(line: bytes, cseq: int, session: bytes, more: bytes = b"", body: bytes = b"") -> bytes:
    named = b"Session: %b\r\n" % session if session else b""
    if body:
        more += b"Content-Type: application/mrcp\r\nContent-Length: %d\r\n" % len(body)
    return b"%b\r\nCSeq: %d\r\n%b%b\r\n%b" % (line, cseq, named, more, body)


def recognize(number: int) -> bytes:
    return mrcpv1.request(b"RECOGNIZE", number)


# What peers of MRCPv2 say.

SIP_CALLER: Peer = ("192.0.2.10", 5062)
SIP_SERVER: Peer = ("198.51.100.2", 5060)
MRCP_SERVER: Peer = ("198.51.100.2", 1544)
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=application 9 TCP/MRCPv2 1\r\na=setup:active\r\na=connection:new\r\na=resource:speechrecog\r\na=cmid:1\r\n"
    b"m=audio 41000 RTP/AVP 0\r\na=sendonly\r\na=mid:1\r\n"
)


def sdp_answer(channel: bytes = b"45@speechrecog", port: int = 1544, host: bytes = b"198.51.100.2") -> bytes:
    named = b"a=channel:%b\r\n" % channel if channel else b""
    return (
        b"v=0\r\no=- 1 1 IN IP4 %b\r\ns=-\r\nc=IN IP4 %b\r\nt=0 0\r\n"
        b"m=application %d TCP/MRCPv2 1\r\na=setup:passive\r\na=connection:new\r\n%ba=cmid:1\r\n"
        b"m=audio 5000 RTP/AVP 0\r\na=recvonly\r\na=mid:1\r\n"
    ) % (host, host, port, named)


@attrs.define
class Call:
    """The SIP messages of one dialog, over UDP or over a TCP connection; tags and ids are its own."""

    scene: Scene
    call_id: bytes = b"call-1"
    caller: Peer = SIP_CALLER
    server: Peer = SIP_SERVER
    tcp: Tcp | None = None

    def request(
        self, method: bytes, cseq: int = 1, body: bytes = b"", *, tagged: bool = True, up: bool = True
    ) -> bytes:
        """Write a request; `up` is from the caller."""
        tags = (b"caller", b"server") if up else (b"server", b"caller")
        to_tag = b";tag=" + tags[1] if tagged else b""
        return self._write(b"%b sip:mrcp@198.51.100.2 SIP/2.0" % method, method, cseq, tags[0], to_tag, body)

    def response(
        self, status: bytes, method: bytes, cseq: int = 1, body: bytes = b"", *, up: bool = False
    ) -> bytes:
        """Write a response; `up` is from the caller, to a request of the server."""
        tags = (b"server", b"caller") if up else (b"caller", b"server")
        return self._write(b"SIP/2.0 " + status, method, cseq, tags[0], b";tag=" + tags[1], body)

    def _write(
        self, line: bytes, method: bytes, cseq: int, from_tag: bytes, to_tag: bytes, body: bytes
    ) -> bytes:
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        return (
            b"%b\r\nVia: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK%b%d%b\r\nFrom: <sip:a@192.0.2.10>;tag=%b\r\n"
            b"To: <sip:mrcp@198.51.100.2>%b\r\nCall-ID: %b\r\nCSeq: %d %b\r\nContact: <sip:x@192.0.2.10>\r\n"
            b"%bContent-Length: %d\r\n\r\n%b"
        ) % (
            line,
            method,
            cseq,
            self.call_id,
            from_tag,
            to_tag,
            self.call_id,
            cseq,
            method,
            kind,
            len(body),
            body,
        )

    def up(self, message: bytes) -> None:
        if self.tcp is not None:
            self.tcp.up(message)
        else:
            self.scene.udp(self.caller, self.server, message)

    def down(self, message: bytes) -> None:
        if self.tcp is not None:
            self.tcp.down(message)
        else:
            self.scene.udp(self.server, self.caller, message)

    def invite(self, offer: bytes = OFFER, answer: bytes | None = None) -> None:
        """Set the session up in three messages."""
        self.up(self.request(b"INVITE", 1, offer, tagged=False))
        self.down(self.response(b"200 OK", b"INVITE", 1, sdp_answer() if answer is None else answer))
        self.up(self.request(b"ACK", 1))

    def bye(self, cseq: int = 2) -> None:
        self.up(self.request(b"BYE", cseq))
        self.down(self.response(b"200 OK", b"BYE", cseq))


# MRCPv2's control connections, and what tests look at.

CHANNEL = b"45@speechrecog"
CONTROL: Peer = ("192.0.2.10", 50_001)


def control(scene: Scene, port: int = CONTROL[1]) -> Tcp:
    return scene.tcp((CONTROL[0], port), MRCP_SERVER)


def recognise(talk: Tcp, number: int = 1, channel: bytes = CHANNEL) -> None:
    talk.up(mrcpv2.request(b"RECOGNIZE", number, channel))
    talk.down(mrcpv2.response(number, 200, b"IN-PROGRESS", channel))


def complete(talk: Tcp, number: int = 1, channel: bytes = CHANNEL, cause: bytes = b"000 success") -> None:
    fields = [(b"Completion-Cause", cause)]
    talk.down(mrcpv2.event(b"RECOGNITION-COMPLETE", number, b"COMPLETE", channel, fields))


def only(trace: Trace) -> Session:
    [session] = trace.sessions
    return session


def codes(session: Session) -> list[tuple[str, str]]:
    return [(finding.code, finding.rule) for finding in session.findings]
