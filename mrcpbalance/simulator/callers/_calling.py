"""What every simulated caller shares: one connection, answers that come to whoever asked, events in queues."""

import contextlib
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator._connection import reset
from mrcpbalance.simulator._lifetime import Lifetime
from mrcpbalance.simulator._messages import COMPLETE, Event
from mrcpwire import RemoteProtocolError

READ: Final = 65_536  # octets a read takes at most
KEPT: Final = 1_000  # events nobody asked for yet, per session; more are dropped and noted as an anomaly

A = TypeVar("A")


class ConnectionLost(Exception):  # noqa: N818 - what a caller is told, in the words it would use
    """The connection ended, with this request unanswered."""


class Refused(Exception):  # noqa: N818
    """A session was not to be had; `status` is what the answer said."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


@attrs.define(eq=False)
class Open(Generic[A]):
    """A request that waits for its answer."""

    what: str
    _answer: A | None = None
    _done: trio.Event = attrs.field(factory=trio.Event)

    def settle(self, answer: A | None) -> None:
        """Hand over the answer; None when there won't be one."""
        self._answer = answer
        self._done.set()

    async def wait(self) -> A:
        """Wait for the answer; raises `ConnectionLost`."""
        await self._done.wait()
        if self._answer is None:
            raise ConnectionLost(self.what)
        return self._answer


class Events:
    """The events of one session, in order, kept until asked for."""

    def __init__(self) -> None:
        self._put, self._queue = trio.open_memory_channel[Event](KEPT)

    def add(self, event: Event) -> bool:
        """Keep an event; False when there are too many."""
        try:
            self._put.send_nowait(event)
        except (trio.WouldBlock, trio.ClosedResourceError):
            return False
        return True

    def close(self) -> None:
        """Note that no more will come."""
        self._put.close()

    async def next(self) -> Event:
        """Wait for the next event; raises `ConnectionLost` once none can come."""
        try:
            return await self._queue.receive()
        except trio.EndOfChannel:
            raise ConnectionLost("an event") from None

    async def completion(self, request_id: int) -> Event:
        """Wait for the event that completes a request; earlier events are passed over."""
        while True:
            event = await self.next()
            if event.request_id == request_id and event.state == COMPLETE:
                return event


class Caller(Lifetime, Generic[A]):
    """One connection to a server or proxy.

    `anomalies` tells what no caller should see: answers nobody asked for, messages of other sessions. `unanswered`
    tells the requests that were open when the connection ended. No method limits its own time: put a cancel scope
    around the call.
    """

    def __init__(self, address: Address, *, name: str = "caller", source: str | None = None) -> None:
        self.address = address
        self.name = name
        self.source = source  # the address of this machine to connect from
        self.anomalies: list[str] = []
        self.unanswered: list[str] = []
        self.broken: str | None = None  # why the connection ended
        self._open: dict[tuple[str, int], Open[A]] = {}
        self._given_up: set[tuple[str, int]] = set()  # requests whose caller stopped waiting
        self._stream: trio.SocketStream | None = None
        self._turn: trio.Lock = trio.Lock()
        self.ended = trio.Event()  # the connection is no more

    async def run(self, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED) -> None:
        """Connect, then read until the connection ends; raises OSError when there is nobody to connect to."""
        host, port = self.address.host, self.address.port
        self._stream = await trio.open_tcp_stream(host, port, local_address=self.source)
        async with self._stream:
            task_status.started(self)
            try:
                await self._read(self._stream)
                self.broken = self.broken or "closed by the peer"
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.broken = "reset"
            except RemoteProtocolError as error:
                self.broken = str(error)
                self.anomalies.append(str(error))
            finally:
                self._end()

    async def send_raw(self, data: bytes) -> None:
        """Send octets as they are; raises `ConnectionLost`."""
        assert self._stream is not None, f"{self.name} does not run"
        try:
            async with self._turn:
                await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.broken = self.broken or "reset"  # which only the first to notice is told
            raise ConnectionLost("sending") from None

    async def finish(self) -> None:
        """End our side; the other may still send."""
        assert self._stream is not None
        async with self._turn:
            await self._stream.send_eof()

    def reset(self) -> None:
        """Close at once; the other side sees a reset."""
        assert self._stream is not None
        reset(self._stream)

    def receive(self, data: bytes) -> bytes:
        """Take octets; hand answers to `settled` and events to their sessions; give what is to be sent back."""
        raise NotImplementedError

    def event_queues(self) -> Iterator[Events]:
        """Go through the event queues of every session."""
        raise NotImplementedError

    async def ask(self, key: tuple[str, int], what: str, data: bytes) -> A:
        """Send a request and wait for the answer with this key."""
        if self.ended.is_set():
            raise ConnectionLost(what)
        waiting = self._open[key] = Open[A](what)
        try:
            await self.send_raw(data)
            return await waiting.wait()
        except trio.Cancelled:
            self._given_up.add(key)
            raise
        finally:
            self._open.pop(key, None)

    def settled(self, key: tuple[str, int], answer: A) -> None:
        """Hand an answer to whoever asked."""
        if (waiting := self._open.pop(key, None)) is not None:
            waiting.settle(answer)
        elif key in self._given_up:
            self._given_up.remove(key)
        else:
            self.anomalies.append(f"answer to no request: {answer}")

    async def _read(self, stream: trio.SocketStream) -> None:
        while data := await stream.receive_some(READ):
            if back := self.receive(data):
                with contextlib.suppress(ConnectionLost):  # reading tells why
                    await self.send_raw(back)

    def _end(self) -> None:
        self.ended.set()
        for waiting in self._open.values():
            self.unanswered.append(waiting.what)
            waiting.settle(None)
        self._open.clear()
        for events in self.event_queues():
            events.close()
