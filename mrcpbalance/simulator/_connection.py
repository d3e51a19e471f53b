"""One connection of a simulated peer: many tasks may send on it, each message leaves whole."""

import contextlib
import socket
import struct
from typing import Final

import trio

READ: Final = 65_536  # octets a read takes at most
_QUEUED: Final = 64  # messages waiting to be sent; with more the senders wait
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time; the close that follows sends a reset


class Hangup(Exception):  # noqa: N818 - nothing went wrong: a fault was asked for
    """The server ends this connection now."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Connection:
    """A stream whose octets are sent by one task of its own, so that a cancelled sender never leaves half a message."""

    def __init__(self, number: int, stream: trio.SocketStream) -> None:
        self.number = number  # counted from 1 as accepted
        self.closed = False
        self.peer = _peer(stream)  # its address; empty when it is gone already
        self._stream = stream
        self._put, self._queue = trio.open_memory_channel[bytes | trio.Event | Hangup](_QUEUED)

    async def send(self, data: bytes) -> None:
        """Send one message."""
        await self._put.send(data)

    def send_nowait(self, data: bytes) -> None:
        """Send one message, or end the connection when its peer doesn't take what waits already."""
        try:
            self._put.send_nowait(data)
        except trio.WouldBlock:
            self.reset()

    async def hang_up(self, *, reset: bool) -> None:
        """Have the connection end once everything is sent; never returns."""
        await self._put.send(Hangup(reset=reset))
        await trio.sleep_forever()

    async def drain(self) -> None:
        """Wait until everything queued so far is sent."""
        sent = trio.Event()
        await self._put.send(sent)
        await sent.wait()

    async def write(self) -> None:
        """Send what is queued, for as long as the connection lives."""
        async for item in self._queue:
            match item:
                case bytes():
                    await self._stream.send_all(item)
                case trio.Event():
                    item.set()
                case Hangup():
                    if item.reset:
                        self.reset()
                    raise item

    async def read(self) -> bytes:
        """Read some octets; none once the peer ended its side."""
        return await self._stream.receive_some(READ)

    def close(self) -> None:
        """Close in the usual way; what is still queued is lost."""
        self.closed = True
        self._stream.socket.close()

    def reset(self) -> None:
        """Close at once; the peer sees a reset."""
        self.closed = True
        reset(self._stream)


def reset(stream: trio.SocketStream) -> None:
    """Close a stream at once; the peer sees a reset."""
    with contextlib.suppress(OSError):
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    stream.socket.close()


def _peer(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return ""
