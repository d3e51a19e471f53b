"""The speech servers and the callers of the demo, of both protocol versions, behind one face each."""

import contextlib
import itertools
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Protocol, Self

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    ConnectionLost,
    ControlConnection,
    Entry,
    FramedChannel,
    Pace,
    Refused,
    RtspCaller,
    RtspSession,
    SipCall,
    SipCaller,
    SipServer,
    SpeechServer,
)
from mrcpbalance.simulator.callers import Transport
from mrcpwire import rtsp

RESOURCES: Final = ("speechsynth", "speechrecog")
SUCCESS: Final = 200  # RTSP's, SIP's and MRCP's
PROXYS: Final = (405, 501)  # MRCP statuses with which a proxy tells of a lost session


class LostError(Exception):
    """The session is no more: whoever was asked doesn't know it, says that its server is gone, or ended it."""


class StrayedError(Exception):
    """A server doesn't know what this session told its server before."""


@attrs.define(eq=False)
class Speech:
    """A speech server: MRCPv1 behind RTSP, MRCPv2 behind SIP."""

    name: str
    rtsp: SpeechServer
    sip: SipServer

    @classmethod
    def of(cls, name: str, pace: Pace, given_out: dict[str, set[str]]) -> "Speech":
        """Make one that counts its channels, as every other one does; notes in `given_out` who gave out which id."""
        numbers = itertools.count(1)

        def ids(_call_id: str) -> Iterator[str]:
            for number in numbers:
                given_out.setdefault(str(number), set()).add(name)
                yield str(number)

        return cls(name, SpeechServer(name, pace=pace), SipServer(name, pace=pace, naming=ids))

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled or killed."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.rtsp.run)
            await nursery.start(self.sip.run)
            task_status.started()

    def kill(self) -> None:
        """Die as a crashed process does."""
        self.rtsp.kill()
        self.sip.kill()

    def containing(self, octets: bytes) -> list[Entry]:
        """Find the messages that hold these octets."""
        return self.rtsp.transcript.containing(octets) + self.sip.transcript.containing(octets)


class Talk(Protocol):
    """A session with a synthesiser and a recogniser, as its caller holds it."""

    def is_on(self, server: Speech) -> bool:
        """Tell whether it lives on a server."""

    async def ask(self, method: str, headers: dict[str, str], body: bytes) -> int:
        """Ask something, and give the id of the request; raises `LostError` or `StrayedError`."""

    async def completion(self, request_id: int) -> None:
        """Wait until a request is completed; raises `LostError` or `ConnectionLost`."""

    async def end(self) -> None:
        """End it; raises `LostError`."""


class Phone(Protocol):
    """A caller with one connection for all its sessions."""

    name: str
    speaks: str  # for people
    anomalies: list[str]
    unanswered: list[str]

    @property
    def gone(self) -> bool:
        """Tell whether its connection has ended, so that another caller must take its place."""

    async def begin(self) -> Talk:
        """Begin a session; raises `Refused`, `LostError` or `ConnectionLost`."""

    async def __aenter__(self) -> Self:
        """Start."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End."""


def resource_for(method: str) -> str:
    """Tell which resource a method is for."""
    return RESOURCES[0] if method == "SPEAK" else RESOURCES[1]


class RtspTalk:
    """A session of MRCPv1."""

    def __init__(self, session: RtspSession) -> None:
        self._session = session

    def is_on(self, server: Speech) -> bool:
        """Tell whether it lives on a server; the proxy keeps ids as they are while they don't collide."""
        return any(one.id == self._session.id for one in server.rtsp.sessions)

    async def ask(self, method: str, headers: dict[str, str], body: bytes) -> int:
        """Ask something."""
        answer = await self._session.request(method, headers, body, resource=resource_for(method))
        if answer.mrcp is None:
            raise _lost(method, answer.rtsp_status)
        if answer.status != SUCCESS:
            raise StrayedError
        return answer.mrcp.request_id

    async def completion(self, request_id: int) -> None:
        """Wait until a request is completed."""
        await self._session.events.completion(request_id)

    async def end(self) -> None:
        """Release both resources."""
        if (status := await self._session.teardown()) != SUCCESS:
            raise _lost("TEARDOWN", status)


class RtspPhone(RtspCaller):
    """A caller of MRCPv1: one RTSP connection, any number of sessions."""

    speaks = "MRCPv1, RTSP"

    @property
    def gone(self) -> bool:
        """Tell whether the connection has ended."""
        return self.ended.is_set()

    async def begin(self) -> RtspTalk:
        """Begin a session with one resource, and add the other."""
        session = await self.setup(RESOURCES[0])
        try:
            await session.add(RESOURCES[1])
        except Refused as refused:
            raise _lost("SETUP", refused.status) from None
        return RtspTalk(session)


class SipTalk:
    """A call of MRCPv2."""

    def __init__(self, call: SipCall) -> None:
        self._call = call
        self._channels = dict(call.channels)
        self._asked: dict[
            int, FramedChannel
        ] = {}  # by request-id, which is counted for both channels together

    def is_on(self, server: Speech) -> bool:
        """Tell whether it lives on a server; the proxy keeps Call-IDs as they are."""
        return any(one.id == self._call.id for one in server.sip.sessions)

    async def ask(self, method: str, headers: dict[str, str], body: bytes) -> int:
        """Ask something."""
        channel = self._channels[resource_for(method)]
        response = await channel.request(method, headers, body)
        if response.status in PROXYS:
            await self._call.ended.wait()  # whoever says so ends the call as well
            raise LostError(f"{method} was answered with {response.status}, and a BYE came")
        if response.status != SUCCESS:
            raise StrayedError
        self._asked[response.request_id] = channel
        return response.request_id

    async def completion(self, request_id: int) -> None:
        """Wait until a request is completed."""
        with contextlib.suppress(ConnectionLost):
            await self._asked[request_id].events.completion(request_id)
            return
        await self._call.ended.wait()
        raise LostError("a BYE came")

    async def end(self) -> None:
        """Say BYE."""
        if await self._call.bye() != SUCCESS:
            raise LostError("a BYE came")


class SipPhone(SipCaller):
    """A caller of MRCPv2: one control connection, shared by any number of calls."""

    def __init__(self, address: Address, *, name: str, transport: Transport) -> None:
        super().__init__(address, name=name, transport=transport)
        self.speaks = f"MRCPv2, SIP/{transport.upper()}"
        self._control: ControlConnection | None = None
        self._turn_to_begin = trio.Lock()

    @property
    def gone(self) -> bool:
        """Tell that it never is: what it needs it opens again."""
        return False

    async def begin(self) -> SipTalk:
        """Begin a call; the first one opens the control connection, the others offer to share it."""
        async with self._turn_to_begin:
            control = self._control
            if control is None or not control.usable:
                return await self._call(None)
        return await self._call(control)

    async def _call(self, share: ControlConnection | None) -> SipTalk:
        try:
            call = await self.invite(*RESOURCES, share=share)
        except OSError:
            raise ConnectionLost("an INVITE") from None
        self._control = call.control
        return SipTalk(call)


def _lost(method: str, status: int) -> LostError:
    return LostError(f"{method} was answered with {status} {rtsp.reason_phrase(status).decode()}")
