"""One TCP connection of a play, in either role: messages as they come, octets as they are told."""

import contextlib
import os
from collections.abc import Callable
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import RemoteProtocolError, mrcpv2, rtsp

_READ: Final = 65_536  # octets a read takes at most
_QUEUED: Final = 64  # messages waiting to be sent; with more whoever says one waits


class Lost(Exception):  # noqa: N818 - what a player is told, in the words it would use
    """There is no connection to say this on; the text says why."""


class Link:
    """Tells `heard` of each message and `ended` of the end, once; what is said leaves whole, in its order."""

    def __init__(
        self,
        stream: trio.SocketStream,
        receiver: rtsp.Receiver | mrcpv2.Receiver,
        heard: "Callable[[Link, Parsed], None]",
        ended: "Callable[[Link], None]",
    ) -> None:
        self.alive = True  # the other side has not ended it
        self._stream = stream
        self._receiver = receiver
        self._heard = heard
        self._ended = ended
        self._fault = ""  # what came that is no message
        self._finished = False  # we have ended our side
        self._put, self._queue = trio.open_memory_channel[bytes | None](_QUEUED)

    @property
    def obstacle(self) -> str:
        """Say why nothing comes any more; "" where something may."""
        return "" if self.alive else self._fault or "the connection was closed"

    async def run(self, first: bytes = b"") -> None:
        """Hear until the end; `first` was read before."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                await self._hear(first)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.alive = False
            self._queue.close()
            self._stream.socket.close()
            self._ended(self)

    async def say(self, data: bytes) -> None:
        """Send a message whole; raises `Lost`."""
        if not self.alive or self._finished:
            raise Lost(self.obstacle or "our side of the connection is closed")
        try:
            await self._put.send(data)
        except trio.BrokenResourceError:
            raise Lost(self.obstacle) from None

    def say_soon(self, data: bytes) -> None:
        """Send a message without waiting; where too much waits already, the connection is given up."""
        if self.alive and not self._finished:
            try:
                self._put.send_nowait(data)
            except trio.WouldBlock:
                self._stream.socket.close()

    async def finish(self) -> None:
        """End our side behind what was said; what the other still says is heard until it ends its own."""
        if self.alive and not self._finished:
            self._finished = True
            with contextlib.suppress(trio.BrokenResourceError):
                await self._put.send(None)

    def ends(self) -> tuple[str, str]:
        """Give our host and the other side's; loopback where the connection is gone."""
        try:
            there = str(self._stream.socket.getpeername()[0])
            return str(self._stream.socket.getsockname()[0]), there
        except OSError:
            return "127.0.0.1", "127.0.0.1"

    async def _write(self) -> None:
        async for item in self._queue:
            if item is None:
                await self._stream.send_eof()
            else:
                await self._stream.send_all(item)

    async def _hear(self, data: bytes) -> None:
        data = data or await self._stream.receive_some(_READ)
        while data:
            try:
                self._take(data)
            except RemoteProtocolError as error:
                self._fault = f"what came can't be read ({error})"
                return
            data = await self._stream.receive_some(_READ)

    def _take(self, data: bytes) -> None:
        self._receiver.receive_data(data)
        while (message := self._receiver.next_event()) is not None:
            if isinstance(message, rtsp.Request | rtsp.Response | mrcpv2.Message):
                self._heard(self, message)


class Dialler:
    """Opens connections, which live under its nursery."""

    def __init__(self, nursery: trio.Nursery, patience: float) -> None:
        self._nursery = nursery
        self._patience = patience

    async def dial(
        self,
        address: Address,
        receiver: rtsp.Receiver | mrcpv2.Receiver,
        heard: Callable[[Link, Parsed], None],
        ended: Callable[[Link], None],
    ) -> Link:
        """Connect; raises `Lost`."""
        stream = None
        with trio.move_on_after(self._patience):
            try:
                stream = await trio.open_tcp_stream(address.host, address.port)
            except OSError as error:
                raise Lost(f"can't connect to {address}: {why(error)}") from None
        if stream is None:
            raise Lost(f"can't connect to {address}: no answer in {self._patience:g} s")
        link = Link(stream, receiver, heard, ended)
        self._nursery.start_soon(link.run)
        return link


def why(error: OSError) -> str:
    """Say what is wrong in the system's words; trio wraps the attempts at several addresses."""
    found: BaseException | None = error
    while found is not None and (not isinstance(found, OSError) or found.errno is None):
        found = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else found.__cause__
    if isinstance(found, OSError) and found.errno is not None and found.errno > 0:
        return os.strerror(found.errno)
    return getattr(found, "strerror", None) or str(error)
