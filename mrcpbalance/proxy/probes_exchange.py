"""How a probe talks to a backend: one connection, or one datagram socket, for as long as the probe takes."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, TypeVar

import trio

from ._link_dial import Target

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
CHUNK: Final = 65_536


class ProbeFailedError(Exception):
    """What a probe found wrong."""


class Receiver(Protocol[T_co]):
    """What makes messages of octets."""

    def receive_data(self, data: bytes) -> None:
        """Take octets."""

    def next_event(self) -> T_co | None:
        """Give the next message, None when more octets are wanted."""


@contextlib.asynccontextmanager
async def connection(target: Target) -> AsyncIterator[trio.SocketStream]:
    """Open a connection to a backend; OSError or `ProbeFailedError` where that can't be. It is closed at once in the end."""
    sock = await connected(target, socket.SOCK_STREAM)
    with sock:
        yield trio.SocketStream(sock)


async def connected(target: Target, kind: socket.SocketKind) -> trio.socket.SocketType:
    """Open a socket that is connected to a backend."""
    family, name = target
    sock = trio.socket.socket(family, kind)
    try:
        await sock.connect(name)
    except OSError as error:
        sock.close()
        raise ProbeFailedError(os.strerror(error.errno or 0)) from None
    except BaseException:
        sock.close()
        raise
    return sock


async def until(stream: trio.SocketStream, receiver: Receiver[T], wanted: Callable[[object], bool]) -> T:
    """Read until such a message comes; others are passed over."""
    while True:
        while (message := receiver.next_event()) is not None:
            if wanted(message):
                return message
        data = await stream.receive_some(CHUNK)
        if not data:
            raise ProbeFailedError("connection closed before the answer")
        receiver.receive_data(data)
