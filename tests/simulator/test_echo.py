"""The echo server."""

from contextlib import suppress

import pytest
import trio

from mrcpbalance.simulator import Drop, EchoServer, Fault, Garbage

pytestmark = pytest.mark.real_time


async def read_all(stream: trio.SocketStream) -> bytes:
    octets = bytearray()
    while data := await stream.receive_some():
        octets += data
    return bytes(octets)


async def test_everything_comes_back_behind_the_greeting() -> None:
    sent = bytes(range(256)) * 4096
    async with EchoServer(greeting=b"220 ready\r\n") as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.address.port) as stream:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, sent)
                heard = bytearray()
                while len(heard) < len(sent):
                    heard += await stream.receive_some()
            await stream.send_eof()
            heard += await read_all(stream)
        assert heard == b"220 ready\r\n" + sent
    said = b"".join(entry.raw for entry in server.transcript if entry.sender == "caller")
    assert said == sent


FAULTS = {
    "nothing": (Drop(at="octets"), b"", True),
    "the beginning": (Drop(at="octets", octets=2), b"he", True),
    "all, then the end": (Drop(at="octets", octets=None, reset=False), b"hello", False),
    "garbage": (Garbage(at="octets", octets=b"?"), b"?", False),
}


@pytest.mark.parametrize(("fault", "comes", "reset"), FAULTS.values(), ids=FAULTS)
async def test_faults(fault: Fault, comes: bytes, reset: bool) -> None:
    async with (
        EchoServer(faults=[fault]) as server,
        await trio.open_tcp_stream("127.0.0.1", server.address.port) as stream,
    ):
        await stream.send_all(b"hello")
        with suppress(trio.BrokenResourceError):  # reset before the end of our side
            await stream.send_eof()
        octets = bytearray()
        broken = False
        try:
            while data := await stream.receive_some():
                octets += data
        except trio.BrokenResourceError:
            broken = True
        assert (bytes(octets), broken) == (comes, reset)
