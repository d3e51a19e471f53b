"""Peers whose every octet the test writes itself: a caller, and a backend that says only what it is told to."""

import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator
from typing import Final, Literal

import trio
import trio.testing

from mrcpbalance.config import Address

LENGTH: Final = re.compile(rb"(?im)^content-length:\s*([0-9]+)\s*$")
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
READ: Final = 256 * 1024

Ending = Literal["end", "reset"]


class Line:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._ahead = b""

    async def says(self, *parts: bytes) -> None:
        """Send octets, all at once."""
        await self.stream.send_all(b"".join(parts))

    async def dribbles(self, data: bytes) -> None:
        """Send octets one at a time; each was read and acted on before the next leaves."""
        for at in range(len(data)):
            await self.stream.send_all(data[at : at + 1])
            await trio.testing.wait_all_tasks_blocked()

    async def take(self, octets: int) -> bytes:
        """Read exactly so many octets; fewer when the connection ends before."""
        while len(self._ahead) < octets and (data := await self.stream.receive_some(READ)):
            self._ahead += data
        return self._cut(octets)

    async def hears(self, expected: bytes) -> None:
        """Read exactly these octets; fails at the first that differs."""
        while len(self._ahead) < len(expected):
            assert self._ahead == expected[: len(self._ahead)]
            data = await self.stream.receive_some(READ)
            assert data, f"ended after {self._ahead!r}"
            self._ahead += data
        assert self._cut(len(expected)) == expected

    async def message(self) -> bytes:
        """Read a whole message, RTSP or MRCPv2; what there is of it when the connection ends before."""
        while (end := self._ahead.find(b"\r\n\r\n")) < 0:
            if not (data := await self.stream.receive_some(READ)):
                return self._cut(len(self._ahead))
            self._ahead += data
        head = self._ahead[: end + 2]
        length = LENGTH.search(head)
        return await self.take(end + 4 + (int(length[1]) if length else 0))

    async def rest(self) -> tuple[bytes, Ending]:
        """Read to the end of the peer's octets; tell how they ended."""
        try:
            while data := await self.stream.receive_some(READ):
                self._ahead += data
        except trio.BrokenResourceError:
            return self._cut(len(self._ahead)), "reset"
        return self._cut(len(self._ahead)), "end"

    async def finish(self) -> None:
        """End our side."""
        await self.stream.send_eof()

    def reset(self) -> None:
        """Close at once; the peer sees a reset."""
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.stream.socket.close()

    def _cut(self, octets: int) -> bytes:
        taken, self._ahead = self._ahead[:octets], self._ahead[octets:]
        return taken


@contextlib.asynccontextmanager
async def calling(address: Address, *, source: str | None = None) -> AsyncIterator[Line]:
    """Connect there, from a given address of this machine if need be."""
    async with await trio.open_tcp_stream(address.host, address.port, local_address=source) as stream:
        yield Line(stream)


class HandServer:
    """A listener whose connections the test takes one by one; made by `hand_server`."""

    def __init__(self, name: str, listener: trio.SocketListener) -> None:
        self.name = name
        self.address = Address(*listener.socket.getsockname()[:2])
        self._listener = listener
        self._lines = contextlib.AsyncExitStack()

    async def accepted(self) -> Line:
        """Wait for the next connection."""
        return Line(await self._lines.enter_async_context(await self._listener.accept()))

    async def hang_up(self) -> None:
        """Close every connection."""
        await self._lines.aclose()


@contextlib.asynccontextmanager
async def hand_server(name: str = "a", *, host: str = "127.0.0.1") -> AsyncIterator[HandServer]:
    """Listen on a free port."""
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    async with listener:
        server = HandServer(name, listener)
        try:
            yield server
        finally:
            with trio.CancelScope(shield=True):
                await server.hang_up()


async def refusing_address() -> Address:
    """Find an address of this machine where nobody listens: one that was free a moment ago."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        return Address(*listener.socket.getsockname()[:2])
