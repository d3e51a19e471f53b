"""A stage set for MRCPv1: a caller and backends that speak RTSP by hand, so that each octet can be seen."""

from typing import Final

from mrcpbalance.config import Address, BackendConfig, Limits, ListenerConfig, PoolConfig, Timeouts
from mrcpbalance.mrcpv1 import Caller
from tests.stage import Stage, StagePort

A: Final = "198.51.100.1"
B: Final = "198.51.100.2"
C: Final = "198.51.100.3"
CALLER: Final = "192.0.2.9"
URI: Final = b"rtsp://192.0.2.1:1554/media/"
SDP: Final = b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 0\r\n"


def message(first: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    if body:
        lines = (*lines, b"Content-Length: %d" % len(body))
    return b"\r\n".join((first, *lines, b"", body))


def setup(cseq: int, resource: bytes = b"speechrecognizer", *lines: bytes, body: bytes = SDP) -> bytes:
    return message(
        b"SETUP %s%s RTSP/1.0" % (URI, resource),
        b"CSeq: %d" % cseq,
        *(lines or (b"Transport: RTP/AVP;unicast;client_port=4000-4001",)),
        body=body,
    )


def request(
    method: bytes,
    cseq: int,
    session: bytes | None,
    *lines: bytes,
    resource: bytes = b"speechrecognizer",
    body: bytes = b"",
) -> bytes:
    ids = () if session is None else (b"Session: " + session,)
    return message(b"%s %s%s RTSP/1.0" % (method, URI, resource), b"CSeq: %d" % cseq, *ids, *lines, body=body)


def announce(
    cseq: int,
    session: bytes,
    body: bytes = b"RECOGNIZE 1 MRCP/1.0\r\n\r\n",
    resource: bytes = b"speechrecognizer",
) -> bytes:
    return request(
        b"ANNOUNCE", cseq, session, b"Content-Type: application/mrcp", resource=resource, body=body
    )


def answer(status: int, cseq: int, session: bytes | None = None, *lines: bytes, body: bytes = b"") -> bytes:
    reasons = {
        200: b"OK",
        453: b"Not Enough Bandwidth",
        503: b"Service Unavailable",
        404: b"Not Found",
        406: b"Not Acceptable",
    }
    ids = () if session is None else (b"Session: " + session,)
    return message(
        b"RTSP/1.0 %d %s" % (status, reasons.get(status, b"Whatever")),
        b"CSeq: %d" % cseq,
        *ids,
        *lines,
        body=body,
    )


def set_up(cseq: int, session: bytes) -> bytes:
    transport = b"Transport: RTP/AVP;unicast;client_port=4000-4001;server_port=5000-5001;source=198.51.100.9"
    return answer(200, cseq, session, transport)


def statuses(octets: bytes) -> list[tuple[int, bytes]]:
    """Status and CSeq of each answer in these octets, in order."""
    parts = [part for part in octets.split(b"RTSP/1.0 ")[1:] if part[:3].isdigit()]
    return [(int(part[:3]), part.partition(b"CSeq: ")[2].partition(b"\r\n")[0]) for part in parts]


class RtspStage(Stage):
    """A pool of backends `a`, `b`, … at the addresses above, and one caller connection."""

    def __init__(
        self,
        *,
        backends: int = 2,
        backend: dict[str, object] | None = None,
        pool: dict[str, object] | None = None,
        listener: dict[str, object] | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        split: dict[str, str] | None = None,
    ) -> None:
        """Set the stage; `split` gives a backend's name the only resource it serves."""
        only = {name: {"resources": frozenset((resource,))} for name, resource in (split or {}).items()}
        configs = {
            name: BackendConfig(
                name=name,
                rtsp=Address(host, 1554),
                **(backend or only.get(name, {})),
            )
            for name, host in list(zip("abc", (A, B, C), strict=True))[:backends]
        }
        super().__init__(
            PoolConfig(name="speech", policy="first", backends=configs, **(pool or {})),  # type: ignore[arg-type]
            ListenerConfig(
                name="v1",
                protocol="rtsp",
                bind=(Address("192.0.2.1", 1554),),
                pool="speech",
                **(listener or {}),  # type: ignore[arg-type]
            ),
            timeouts=timeouts,
            limits=limits,
        )
        self.client = self.connect()

    def connect(self, peer: str = CALLER) -> StagePort:
        """Let another caller connect."""
        port = StagePort(self, peer)
        port.owner = Caller.of(self.context, port, self.now)
        return port

    def begin(
        self,
        cseq: int = 1,
        session: bytes = b"s-one-id",
        *,
        at: str = A,
        resource: bytes = b"speechrecognizer",
    ) -> StagePort:
        """Set a session up on the backend at `at`, which the policy must choose; give the backend's connection."""
        self.client.says(setup(cseq, resource))
        backend = self.at(at)
        backend.connects()
        assert backend.heard() == setup(cseq, resource)
        backend.says(set_up(cseq, session))
        assert self.client.heard() == set_up(cseq, session)
        return backend

    def begin_any(self) -> None:
        """Set a session up on the first backend, whatever is edited on the way."""
        self.client.says(setup(1))
        backend = self.at(A)
        backend.connects()
        backend.heard()
        backend.says(set_up(1, b"s-one-id"))
        self.client.heard()

    def full(self, name: str) -> None:
        """Let a backend take no further session by draining it."""
        self.context.pool.backends[name].drain()
