"""How connections end: by their peer, by us, reset in every state, given up by their owner at any moment."""

import contextlib
import errno
import itertools
from collections.abc import Callable

import pytest
import trio

from mrcpbalance.proxy.switchboard import Link
from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import (
    LIMIT,
    Recorder,
    adopted,
    dialled,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

MUCH = b"x" * (10 * LIMIT)  # more than the kernel takes for a peer with small buffers


async def test_the_peer_ends_then_we() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        await peer.send(b"bye")
        peer.finish()
        await owner.hears("finished")
        assert owner.data == b"bye"
        link.send(b"bye too")
        link.finish()
        assert await peer.end() == b"bye too"
        await owner.hears("lost")
        assert owner.heard == ["received", "finished", "lost"]
        assert owner.reason is CloseReason.ENDED


async def test_we_end_then_the_peer() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(b"bye")
        link.finish()
        link.send(b"never")
        link.finish()
        assert await peer.end() == b"bye"
        await peer.send(b"bye too")
        await owner.hears("received")
        peer.finish()
        await owner.hears("lost")
        assert owner.heard == ["received", "lost"]
        assert owner.reason is CloseReason.ENDED


async def test_our_end_comes_after_what_waits() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(MUCH)
        link.finish()
        await settled()
        assert link.unsent > 0
        assert await peer.end() == MUCH


async def test_the_peers_end_while_paused_is_heard_later() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.pause()
        await peer.send(b"x")
        peer.finish()
        await settled()
        assert owner.heard == []
        link.resume()
        await owner.hears("finished")
        assert owner.heard == ["received", "finished"]


async def test_both_ended_with_octets_unread_are_read_later() -> None:
    """The epoll would tell for ever of a paused link with both ends shut; nothing of it may be lost, nor spin."""
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.pause()
        link.finish()
        await settled()
        await peer.send(b"still here")
        peer.finish()
        await settled()
        assert owner.heard == []
        link.resume()
        await owner.hears("lost")
        assert owner.data == b"still here"
        assert owner.reason is CloseReason.ENDED


# Resets


def idle(link: Link) -> None:
    """Do nothing."""


def unsent(link: Link) -> None:
    link.send(MUCH)


def finished(link: Link) -> None:
    link.finish()


def finished_unsent(link: Link) -> None:
    link.send(MUCH)
    link.finish()


def paused(link: Link) -> None:
    link.pause()


STATES: dict[str, Callable[[Link], None]] = {
    function.__name__: function for function in (idle, unsent, finished, finished_unsent, paused)
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("peer_ended", [False, True])
async def test_a_reset_is_told(state: Callable[[Link], None], *, peer_ended: bool) -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        state(link)
        await settled()
        if peer_ended and state is not finished:  # both ends: an orderly end, no state to be reset in
            peer.finish()
            await settled()
        peer.reset()
        await owner.hears("lost")
        assert owner.reason is CloseReason.RESET
        assert board.links == 0


async def test_a_reset_while_lingering() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(MUCH)
        link.close()
        await settled()
        assert board.links == 1
        peer.reset()
        await board.wait_quiet()
        assert owner.heard == []


async def test_a_reset_before_we_saw_the_connection_stand() -> None:
    async with switchboard() as board:
        _, peer = dialled(board, owner := Recorder())
        peer.reset()
        await owner.hears("lost")
        assert owner.heard == ["lost"]
        assert owner.reason is CloseReason.REFUSED


async def test_an_answer_before_the_reset_is_read() -> None:
    """A server that answers and closes without reading on resets the connection; its answer still counts."""
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.pause()
        link.send(b"one request")
        await settled()
        await peer.send(b"one answer")
        peer.close()  # with a request unread: a reset
        link.send(b"another request")
        link.resume()
        await owner.hears("lost")
        assert owner.data == b"one answer"
        assert owner.reason is CloseReason.RESET


@pytest.mark.parametrize("is_paused", [False, True])
async def test_sending_fails(*, is_paused: bool) -> None:
    """What waits is dropped and those who fed it are freed; the owner hears of it after its call, never inside."""
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        source, _ = adopted(board, Recorder())
        link.send(MUCH)
        await settled()
        source.hold(link)
        if is_paused:
            link.pause()

        class Failing:
            def send(self, data: bytes) -> int:
                raise OSError(errno.EPIPE, "broken pipe")

            def __getattr__(self, name: str) -> object:
                return getattr(sock, name)

        sock, link._sock = link._sock, Failing()  # type: ignore[assignment]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.receive, len(MUCH))
            await trio.testing.wait_all_tasks_blocked()
            assert link.unsent == 0
            assert not source.targets
            peer.finish()
            await owner.hears("lost")
            assert owner.reason is CloseReason.RESET
            assert owner.heard == ["lost"]


# Every method, at any time, from inside every call

LAST_ACTS: dict[str, Callable[[Link], None]] = {"close": Link.close, "abort": Link.abort}
CALLS = ("connected", "received", "finished", "lost")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("act", LAST_ACTS.values(), ids=LAST_ACTS)
async def test_giving_up_inside_a_call(call: str, act: Callable[[Link], None]) -> None:
    async with switchboard() as board:
        owner = Recorder()
        link, peer = dialled(board, owner)
        owner.then[call] = lambda: act(link)
        await settled()
        with contextlib.suppress(OSError, trio.BrokenResourceError):  # that is what an abort does to the peer
            await peer.send(b"hello")
            await settled()
            peer.finish()
            await settled()
        link.finish()
        await board.wait_quiet()
        assert owner.heard == list(CALLS[: CALLS.index(call) + 1])


METHODS: dict[str, Callable[[Link], object]] = {
    "send": lambda link: link.send(b"x"),
    "finish": Link.finish,
    "close": Link.close,
    "abort": Link.abort,
    "pause": Link.pause,
    "resume": Link.resume,
    "local": lambda link: link.local,
    "peer": lambda link: link.peer,
}


@pytest.mark.parametrize("end", ["close", "abort", "lost", "shut down"])
async def test_every_method_after_the_end(end: str) -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        if end in LAST_ACTS:
            LAST_ACTS[end](link)
        if end != "shut down":
            peer.reset()
            await board.wait_quiet()
        heard = list(owner.heard)
        if end != "shut down":
            for first, second in itertools.permutations(METHODS.values(), 2):
                first(link)
                second(link)
            await settled()
    for method in METHODS.values():
        method(link)
    assert owner.heard == heard
    assert link.peer == "127.0.0.1"
    assert link.local == ""
    assert link.unsent == 0
