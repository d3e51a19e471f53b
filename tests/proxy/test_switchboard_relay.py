"""Octets on their way: echoed, relayed, cut anywhere, in one system call a round, on thousands of links."""

import random
import socket

import hypothesis
import pytest
import trio
from hypothesis import strategies as st

from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import (
    Peer,
    Recorder,
    Side,
    adopted,
    pair,
    relay,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

MEGABYTE = 1 << 20


async def test_echo() -> None:
    async with switchboard() as board:
        owner = Recorder(received=lambda: link.send(bytes(owner.data[-5:])))
        link, peer = adopted(board, owner)
        for word in (b"first", b"again"):
            await peer.send(word)
            assert await peer.receive(5) == word
        assert (link.peer, link.local) == ("127.0.0.1", "127.0.0.1")


async def test_five_megabytes_both_ways_at_once() -> None:
    there, back = (random.Random(seed).randbytes(5 * MEGABYTE) for seed in (1, 2))
    arrived: dict[str, bytes] = {}

    async def reads(peer: Peer, name: str) -> None:
        arrived[name] = await peer.receive(5 * MEGABYTE)

    async with switchboard() as board:
        _, _, one, other = relay(board, small=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.send, there)
            nursery.start_soon(other.send, back)
            nursery.start_soon(reads, other, "there")
            nursery.start_soon(reads, one, "back")
    assert arrived["there"] == there
    assert arrived["back"] == back


@hypothesis.given(
    chunks=st.lists(st.binary(min_size=1, max_size=20_000), max_size=20),
    unsent=st.sampled_from([0, 1, 1000, 1 << 20]),
)
@hypothesis.settings(max_examples=40, deadline=None)
async def test_chunks_arrive_byte_for_byte(chunks: list[bytes], unsent: int) -> None:
    async with switchboard(unsent=unsent) as board:
        left, right, one, other = relay(board)

        async def writes() -> None:
            for chunk in chunks:
                await one.send(chunk)
            one.finish()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(writes)
            assert await other.end() == b"".join(chunks)
        other.finish()
        assert await one.end() == b""
        await board.wait_quiet()
        assert left.heard == ["finished"]  # the other side closed it then
        assert right.reason is CloseReason.ENDED


async def test_half_close_each_way() -> None:
    async with switchboard() as board:
        left, right, one, other = relay(board)
        await one.send(b"all I have")
        one.finish()
        assert await other.end() == b"all I have"
        await other.send(b"an answer")
        assert await one.receive(9) == b"an answer"
        other.finish()
        assert await one.end() == b""
        await board.wait_quiet()
        assert left.heard == ["finished"]
        assert right.reason is CloseReason.ENDED


class Counting:
    """A socket that counts what is sent with it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.sent.append(bytes(data))
        return self.sock.send(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self.sock, name)


async def test_all_of_a_round_leaves_in_one_call() -> None:
    """Many messages for one connection, from several others even, cost one system call."""
    async with switchboard() as board:
        target, peer = adopted(board, Recorder())
        counting = target._sock = Counting(target._sock)  # type: ignore[assignment]
        senders = [Side() for _ in range(10)]
        peers = []
        for sender in senders:
            _, theirs = adopted(board, sender)
            sender.other = target
            peers.append(theirs)
        for number, sending in enumerate(peers):
            sending.plain.send(b"%d" % number)  # before the switchboard gets to run
        assert sorted(await peer.receive(10)) == sorted(b"0123456789")
        assert len(counting.sent) == 1


async def test_much_leaves_before_the_round_ends() -> None:
    async with switchboard(unsent=MEGABYTE) as board:
        target, peer = adopted(board, Recorder(), small=False)
        waiting: list[int] = []

        def sends() -> None:
            for _ in range(4):
                target.send(b"x" * 150_000)
                waiting.append(target.unsent)

        _, trigger = adopted(board, Recorder(received=sends))
        await trigger.send(b"go")
        assert len(await peer.receive(600_000)) == 600_000
        assert waiting[0] == 150_000
        assert waiting[1] < 150_000


async def test_reads_grow_and_shrink_with_what_comes() -> None:
    sizes: list[int] = []

    class Measuring(Recorder):
        def received(self, data: bytes, now: float) -> None:
            sizes.append(len(data))
            super().received(data, now)

    async with switchboard() as board:
        owner = Measuring()
        link, peer = adopted(board, owner, small=False)
        link.pause()
        total = peer.fill()
        link.resume()
        await owner.until(lambda: len(owner.data) == total)
        assert sizes[:3] == [4096, 16384, 65536]
        assert link._size > 65536
        for _ in range(4):
            await peer.send(b"little")
            total += 6
            await owner.until(lambda: len(owner.data) == total)  # noqa: B023 - awaited at once
        assert link._size == 4096


async def test_two_thousand_links() -> None:
    async with switchboard() as board:
        relays = [relay(board) for _ in range(1000)]
        assert board.links == 2000
        for number, (_, _, one, _) in enumerate(relays):
            one.plain.send(b"%6d" % number)
        for number, (_, _, _, other) in enumerate(relays):
            assert await other.receive(6) == b"%6d" % number
        for _, _, one, other in relays:
            one.close()
            other.close()
        await board.wait_quiet()
        assert board.links == 0


async def test_links_to_unix_sockets_work_too() -> None:
    async with switchboard() as board:
        owner = Recorder()
        ours, theirs = socket.socketpair()
        link = board.adopt(ours, owner)
        assert (link.peer, link.local) == ("", "")
        peer = Peer(theirs)
        await peer.send(b"hello")
        await owner.hears("received")
        peer.close()


async def test_options_of_every_link() -> None:
    """They send at once, and keep-alive is on (M-34)."""
    async with switchboard() as board:
        ours, theirs = pair()
        board.adopt(ours, Recorder())
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)  # M-34
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        theirs.close()
        await settled()
