"""A simulated MRCPv1 caller: one RTSP connection with any number of sessions on it."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.simulator import _mrcpv1
from mrcpbalance.simulator._messages import Event, Request, Response, encode
from mrcpwire import rtsp

from ._calling import KEPT, Caller, Events, Refused

SEGMENTS: Final[Mapping[str, str]] = {"speechrecog": "speechrecognizer", "speechsynth": "speechsynthesizer"}
_MEDIA: Final = (
    "v=0\r\no=- 0 0 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


@attrs.frozen(kw_only=True)
class Answer:
    """What came back for an MRCP request: the RTSP status, and the MRCP response where there was one."""

    rtsp_status: int
    mrcp: Response | None = None

    @property
    def status(self) -> int:
        """MRCP's status, or RTSP's where the request got no further."""
        return self.mrcp.status if self.mrcp else self.rtsp_status

    @property
    def state(self) -> str:
        """MRCP's request-state; empty where the request got no further."""
        return self.mrcp.state if self.mrcp else ""


class RtspSession:
    """A session as its caller sees it; made by `RtspCaller.setup`."""

    def __init__(self, caller: "RtspCaller", name: str, resource: str, reply: rtsp.Response) -> None:
        self.id = name
        self.resources = [resource]
        self.reply = reply  # to the SETUP
        self.events = Events()
        self._caller = caller
        self._request_ids = itertools.count(1)

    async def add(self, resource: str) -> None:
        """Add a resource; raises `Refused`."""
        await self._caller.set_up(resource, session=self.id)
        self.resources.append(resource)

    async def request(
        self,
        method: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        resource: str | None = None,
    ) -> Answer:
        """Send an MRCP request to a resource (by default the first) and wait for its answer."""
        asked = Request(
            method=method,
            request_id=next(self._request_ids),
            headers=tuple((headers or {}).items()),
            body=body,
        )
        reply = await self._caller.ask_rtsp(
            "ANNOUNCE",
            resource or self.resources[0],
            session=self.id,
            headers=[("Content-Type", "application/mrcp")],
            body=_mrcpv1.write(asked),
        )
        mrcp = _mrcpv1.read(reply.body) if reply.body else None
        if isinstance(mrcp, Response) and mrcp.request_id != asked.request_id:
            self._caller.anomalies.append(f"{self.id}: answer {mrcp} to request {asked.request_id}")
        return Answer(rtsp_status=reply.status, mrcp=mrcp if isinstance(mrcp, Response) else None)

    async def event(self) -> Event:
        """Wait for the next event; raises `ConnectionLost` once none can come."""
        return await self.events.next()

    async def teardown(self, resource: str | None = None) -> int:
        """Release one resource, or all, one by one; returns the last status."""
        status = 200
        for one in [resource] if resource else list(self.resources):
            status = (await self._caller.ask_rtsp("TEARDOWN", one, session=self.id)).status
            self.resources.remove(one)
        if not self.resources:
            self._caller.forget(self)
        return status


class RtspCaller(Caller[rtsp.Response]):
    """One connection; sessions are set up with `setup` and may be used by any number of tasks at once."""

    def __init__(self, address: Address, *, name: str = "caller") -> None:
        super().__init__(address, name=name)
        self.sessions: dict[str, RtspSession] = {}
        self._ended_ids: deque[str] = deque(maxlen=KEPT)
        self._cseqs = itertools.count(1)
        self._receiver = rtsp.Receiver(rtsp.Limits())

    async def setup(self, resource: str, headers: Mapping[str, str] | None = None) -> RtspSession:
        """Begin a session with a resource by MRCPv2's name (or any last segment of a URI); raises `Refused`."""
        reply = await self.set_up(resource, session=None, headers=headers)
        if reply.session is None:
            self.anomalies.append(f"200 without a session: {reply.raw!r}")
            raise Refused(reply.status)
        session = RtspSession(self, reply.session.decode("latin-1"), resource, reply)
        if session.id in self.sessions:
            self.anomalies.append(f"session {session.id} was given twice")
        self.sessions[session.id] = session
        return session

    async def set_up(
        self, resource: str, *, session: str | None, headers: Mapping[str, str] | None = None
    ) -> rtsp.Response:
        """Send a SETUP with session description; raises `Refused` when the answer isn't 200."""
        fields = {
            "Transport": "RTP/AVP;unicast;client_port=4000-4001",
            "Content-Type": "application/sdp",
            **(headers or {}),
        }
        media = _MEDIA.format(host="127.0.0.1").encode()
        reply = await self.ask_rtsp("SETUP", resource, session=session, headers=fields.items(), body=media)
        if reply.status != 200:  # noqa: PLR2004 - RTSP's OK
            raise Refused(reply.status)
        return reply

    async def ask_rtsp(
        self,
        method: str,
        resource: str = "speechrecog",
        *,
        session: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> rtsp.Response:
        """Send any RTSP request and wait for its answer."""
        cseq = next(self._cseqs)
        raw = rtsp.request(
            method.encode("ascii"),
            f"rtsp://{self.address}/media/{SEGMENTS.get(resource, resource)}".encode(),
            cseq=str(cseq).encode("ascii"),
            session=session.encode("latin-1") if session is not None else None,
            headers=encode(headers),
            body=body,
        )
        reply = await self.ask(("", cseq), f"{method} {session or ''}".strip(), raw)
        if session is not None and reply.session not in (None, session.encode("latin-1")):
            self.anomalies.append(f"{method} in {session} was answered for {reply.session!r}")
        return reply

    def forget(self, session: RtspSession) -> None:
        """Keep no events of a session that ended."""
        session.events.close()
        if self.sessions.pop(session.id, None):
            self._ended_ids.append(session.id)

    def receive(self, data: bytes) -> bytes:
        """Take octets: answers, events (each answered with 200) and interleaved data (dropped)."""
        back = bytearray()
        self._receiver.receive_data(data)
        while (message := self._receiver.next_event()) is not None:
            if isinstance(message, rtsp.Response):
                self._response(message)
            elif isinstance(message, rtsp.Request):
                back += self._event(message)
        return bytes(back)

    def event_queues(self) -> Iterator[Events]:
        """Go through the event queues of every session."""
        return (session.events for session in self.sessions.values())

    def _response(self, response: rtsp.Response) -> None:
        if response.cseq is None:
            self.anomalies.append(f"answer without CSeq: {response.raw!r}")
        else:
            self.settled(("", int(response.cseq)), response)

    def _event(self, request: rtsp.Request) -> bytes:
        name = (request.session or b"").decode("latin-1")
        event = _mrcpv1.read(request.body)
        session = self.sessions.get(name)
        if session is None or not isinstance(event, Event):
            if name not in self._ended_ids:
                self.anomalies.append(f"{request.method.decode()} for {name!r}, which is no session here")
        elif not session.events.add(event):
            self.anomalies.append(f"{name}: too many events")
        return rtsp.reply(200, cseq=request.cseq, session=request.session)
