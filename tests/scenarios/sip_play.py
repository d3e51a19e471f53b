"""Plays recorded calls against a running proxy: recorded callers at one end, at the other a backend that answers as recorded.

What a live peer must write anew is: where it is (Via, Contact, the port of its control connections), the tags and the
address of the other side, and channel-ids as it was told them. All else goes out as recorded.
"""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from mrcpwire import mrcpv2, sip
from tests.scenarios.running import Told
from tests.scenarios.sip_recordings import Transport

CALLER: Final = "127.0.0.1"  # as recorded
PATIENCE: Final = 8.0  # seconds; fail-safe
READ: Final = 65_536

Say = Callable[[bytes], Awaitable[object]]


@attrs.frozen(eq=False)
class Heard:
    """A message of the proxy, and the way back."""

    message: sip.Request | sip.Response
    say: Say

    @property
    def request(self) -> sip.Request:
        assert isinstance(self.message, sip.Request)
        return self.message

    @property
    def title(self) -> str:
        """The method, or the status and what it is about."""
        if isinstance(self.message, sip.Request):
            return self.message.method.decode()
        return f"{self.message.status} {self.message.cseq[1].decode()}"

    async def answer(
        self, like: sip.Response, tag: bytes | None, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Answer a request as a recorded response does."""
        kind = like.headers.get(b"Content-Type") if body else None
        response = sip.response_to(
            self.request, like.status, like.reason, to_tag=tag, headers=headers, body=body, content_type=kind
        )
        await self.say(response.to_bytes())


class Inbox:
    """SIP that came in and that nobody asked for yet; what comes again, and 100, is nothing new."""

    def __init__(self) -> None:
        self._waiting: list[Heard] = []
        self._seen: set[bytes] = set()
        self._lot = trio.lowlevel.ParkingLot()

    def put(self, message: sip.Request | sip.Response, say: Say) -> None:
        """Take a message in."""
        data = message.to_bytes()
        if data not in self._seen and not data.startswith(b"SIP/2.0 100 "):
            self._seen.add(data)
            self._waiting.append(Heard(message, say))
            self._lot.unpark_all()

    async def take(self, call: bytes | None, title: str) -> Heard:
        """Wait for the first such message of a call, or of any, and take it out."""
        with trio.fail_after(PATIENCE):
            while True:
                for heard in self._waiting:
                    if heard.title == title and call in (None, heard.message.call_id):
                        self._waiting.remove(heard)
                        return heard
                await self._lot.park()

    @property
    def left(self) -> list[str]:
        """What was never asked for."""
        return [heard.title for heard in self._waiting]


class Control:
    """One end of a control connection, and what was heard there and not asked for yet."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.heard: list[mrcpv2.Message] = []
        self._lot = trio.lowlevel.ParkingLot()

    async def read(self, told: Callable[[mrcpv2.Message], object] = lambda _: None) -> None:
        """Hear until the end."""
        receiver = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in self.stream:
                receiver.receive_data(bytes(data))
                while (message := receiver.next_event()) is not None:
                    self.heard.append(message)
                    told(message)
                    self._lot.unpark_all()

    async def take(self, channel: bytes) -> bytes:
        """Wait for the next message of a channel, and take it."""
        with trio.fail_after(PATIENCE):
            while True:
                for message in self.heard:
                    if message.channel == channel:
                        self.heard.remove(message)
                        return message.raw
                await self._lot.park()


@attrs.frozen(eq=False)
class Way:
    """From a party to the proxy."""

    transport: Transport
    local: Address
    say: Say


async def hear_datagrams(sock: trio.socket.SocketType, inbox: Inbox) -> None:
    """Put what comes on a socket into an inbox."""
    while True:
        data, source = await sock.recvfrom(READ)

        def say(answer: bytes, source: tuple[str, int] = source) -> Awaitable[object]:
            return sock.sendto(answer, source)

        inbox.put(sip.parse_datagram(data, sip.Limits()), say)


async def hear_stream(stream: trio.SocketStream, inbox: Inbox) -> None:
    """Put what comes on a connection into an inbox."""
    receiver = sip.StreamReceiver()
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for data in stream:
            receiver.receive_data(bytes(data))
            while (message := receiver.next_event()) is not None:
                if not isinstance(message, sip.KeepAlive):
                    inbox.put(message, stream.send_all)


class ScriptedBackend:
    """Takes SIP and control connections, and says what it is told to; made by `scripted_backend`."""

    name: Final = "a"

    def __init__(self, host: str, transport: Transport) -> None:
        self.transport: Transport = transport
        self.address = Address(host, 0)
        self.control = Address(host, 0)
        self.inbox = Inbox()
        self.legs: Told[Control] = Told()
        self.asked: defaultdict[bytes, list[bytes]] = defaultdict(list)  # by channel
        self._leg_of: dict[bytes, Control] = {}
        self._lot = trio.lowlevel.ParkingLot()

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host=self.address.host)
            self.control = Address(*listener.socket.getsockname()[:2])
            nursery.start_soon(trio.serve_listeners, self._take_control, [listener])
            if self.transport == "udp":
                sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
                await sock.bind((self.address.host, 0))
                self.address = Address(*sock.getsockname()[:2])
                nursery.start_soon(hear_datagrams, sock, self.inbox)
            else:
                (listener,) = await trio.open_tcp_listeners(0, host=self.address.host)
                self.address = Address(*listener.socket.getsockname()[:2])
                nursery.start_soon(trio.serve_listeners, self._take_sip, [listener])
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                if self.transport == "udp":
                    sock.close()

    async def _take_sip(self, stream: trio.SocketStream) -> None:
        async with stream:
            await hear_stream(stream, self.inbox)

    async def _take_control(self, stream: trio.SocketStream) -> None:
        async with stream:
            leg = Control(stream)
            self.legs.add(leg)
            await leg.read(lambda message: self._asked(leg, message))

    def _asked(self, leg: Control, message: mrcpv2.Message) -> None:
        self._leg_of[message.channel] = leg
        self.asked[message.channel].append(message.raw)
        self._lot.unpark_all()

    async def take(self, channel: bytes) -> bytes:
        """Wait for the next request on a channel, and take it."""
        with trio.fail_after(PATIENCE):
            while not self.asked[channel]:
                await self._lot.park()
        return self.asked[channel].pop(0)

    async def says(self, channel: bytes, data: bytes) -> None:
        """Send a message where a channel was spoken to."""
        await self._leg_of[channel].stream.send_all(data)


@contextlib.asynccontextmanager
async def scripted_backend(host: str, transport: Transport) -> AsyncIterator[ScriptedBackend]:
    """Run a backend that says nothing by itself."""
    backend = ScriptedBackend(host, transport)
    async with trio.open_nursery() as nursery:
        await nursery.start(backend.run)
        yield backend
        nursery.cancel_scope.cancel()
