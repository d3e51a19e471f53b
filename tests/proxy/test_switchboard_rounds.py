"""Rounds: what may happen within one, between two, and to trio's other tasks meanwhile."""

import socket
from functools import partial

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.proxy._link_epoll import IN, OUT
from mrcpbalance.proxy.switchboard import EVENTS, NOBODY, RINGS, Switchboard
from tests.proxy.switchboard_kit import (
    WITHIN,
    Clock,
    Peer,
    Recorder,
    address,
    adopted,
    dialled,
    later,
    listening,
    pair,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time


async def test_a_closed_links_event_of_the_same_round_means_nothing() -> None:
    """Nor does it reach a link made in that round: the descriptor is not free again before the round's end."""
    async with switchboard() as board:
        with listening() as listener:
            new = Recorder()
            first, one = adopted(board, killer := Recorder())
            second, other = adopted(board, victim := Recorder())
            descriptors: list[int] = []

            def kills() -> None:
                descriptors.append(second._fd)
                second.abort()
                link = board.dial(address(listener), new, within=WITHIN)
                descriptors.append(link._fd)

            killer.then["received"] = kills
            one.plain.send(b"x")
            other.plain.send(b"for the dead")
            events = [(first._fd, IN), (second._fd, IN)]
            board._round(events)
            assert victim.heard == new.heard == []
            assert descriptors[0] != descriptors[1]
            await new.hears("connected")
            Peer(listener.accept()[0])
            assert victim.heard == []


async def test_a_whisper_is_heard_in_a_flood() -> None:
    """One read a round: a link whose peer never stops sending takes no more turns than any other."""
    async with switchboard() as board:
        turns: list[str] = []
        _, flooding = adopted(board, Recorder(received=lambda: turns.append("flood")), small=False)
        whisper, whispering = adopted(board, owner := Recorder())

        async def floods() -> None:
            while True:
                await flooding.send(b"x" * 1_000_000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(floods)
            for _ in range(20):
                before, answers = len(turns), len(owner.data)
                whispering.plain.send(b"?")
                await owner.until(lambda: len(owner.data) > answers)  # noqa: B023 - awaited at once
                assert len(turns) - before <= 2
            nursery.cancel_scope.cancel()
        assert whisper.unsent == 0


async def test_a_round_takes_so_many_events() -> None:
    """However much there is to do, trio's other tasks get their turn."""
    async with switchboard() as board:
        heard: list[int] = []
        peers = []
        for number in range(EVENTS + 44):
            _, peer = adopted(board, Recorder(received=partial(heard.append, number)))
            peers.append(peer)
            peer.plain.send(b"x")
        board.turn(0)
        assert len(heard) == EVENTS
        board.turn(0)
        assert len(set(heard)) == EVENTS + 44


async def test_a_turn_rings_so_many_alarms() -> None:
    async with switchboard() as board:
        rung: list[float] = []
        for _ in range(RINGS + 44):
            board.alarm(rung.append).set(board.fresh())
        assert board._ring()
        assert len(rung) == RINGS
        assert not board._ring()
        assert len(rung) == RINGS + 44


async def test_what_came_in_time_counts_however_late_we_are() -> None:
    """The process was kept from running for long: no deadline has passed that what waits to be read would have met."""
    async with switchboard() as board:
        dialled(board, dialling := Recorder())
        _, other = adopted(board, owner := Recorder())
        rung: list[float] = []
        alarm = board.alarm(rung.append)
        alarm.set(board.fresh() + WITHIN)
        owner.then["received"] = alarm.clear
        other.plain.send(b"just in time")
        await later(board, 2 * WITHIN)
        assert dialling.heard == ["connected"]
        assert owner.heard == ["received"]
        assert rung == []


async def test_calls_between_rounds_take_effect() -> None:
    """A task that isn't the switchboard's own sends, finishes, closes, aborts and dials, and needn't wait for others."""
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(b"one, ")
        link.send(b"two")
        assert await peer.receive(8) == b"one, two"
        link.finish()
        assert await peer.end() == b""
        peer.finish()
        await board.wait_quiet()
        for act in ("close", "abort"):
            link, peer = adopted(board, Recorder())
            getattr(link, act)()
            assert await peer.is_reset() is (act == "abort")
            peer.close()
        await board.wait_quiet()


async def test_time_is_fresh_between_rounds() -> None:
    """Nothing happened for long: what a task dials then still has all its time."""
    async with switchboard() as board:
        await settled()
        assert isinstance(board.clock, Clock)
        board.clock.skipped += 10 * WITHIN
        with listening(backlog=0) as listener:
            board.dial(address(listener), owner := Recorder(), within=WITHIN)
            await owner.hears("connected")
            Peer(listener.accept()[0])
        assert owner.heard == ["connected"]


async def test_what_was_asked_for_before_it_runs_is_done() -> None:
    board = Switchboard(unsent=1000, stall=1, linger=1, on_fault=lambda *_: None)
    ours, theirs = pair()
    rung: list[float] = []
    board.alarm(rung.append).set(board.now)
    board.adopt(ours, NOBODY).send(b"early")
    peer = Peer(theirs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(board.run)
        assert await peer.receive(5) == b"early"
        await settled()
        nursery.cancel_scope.cancel()
    peer.close()
    assert len(rung) == 1


async def test_cancelling_resets_everything() -> None:
    """Every connection, what waits included, the listening sockets and the epoll; and nothing is taken on after it."""
    owner = Recorder()
    async with switchboard():
        board = Switchboard(unsent=1000, stall=1, linger=1, on_fault=lambda *_: None)
        async with trio.open_nursery() as nursery:
            await nursery.start(board.run)
            peers = [adopted(board, owner)[1] for _ in range(3)]
            board._open_links()[1].send(b"x" * 1_000_000)
            board._open_links()[2].close()
            sock = listening()
            name = sock.getsockname()
            board.listen(sock, lambda *_: None)
            await settled()
            board.dial(Address("no such name", 1), Recorder(), within=WITHIN)
            nursery.cancel_scope.cancel()
        assert [await peer.is_reset() for peer in peers] == [
            True,
            True,
            False,
        ]  # the last had our end already
        assert board.links == 0
        assert board.epoll.closed
        assert owner.heard == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(name)
        one, other = pair()
        with pytest.raises(OSError, match="closed"):
            board.adopt(one, owner)
        one.close()
        other.close()


async def test_a_socket_that_cannot_be_adopted_stays_the_callers() -> None:
    async with switchboard() as board:
        ours, theirs = pair()
        board.adopt(ours, NOBODY)
        with pytest.raises(FileExistsError):
            board.adopt(ours, Recorder())
        assert board.links == 1
        theirs.close()
        await settled()


async def test_waiting_for_quiet() -> None:
    async with switchboard() as board:
        await board.wait_quiet()
        quiet: list[str] = []

        async def waits(name: str) -> None:
            await board.wait_quiet()
            quiet.append(name)

        link, peer = adopted(board, Recorder())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, "one")
            nursery.start_soon(waits, "two")
            await settled()
            link.close()
            await settled()
            assert quiet == []
            peer.finish()
        assert sorted(quiet) == ["one", "two"]
        link, peer = adopted(board, Recorder())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits, "again")
            await settled()
            peer.reset()
        assert quiet[2:] == ["again"]


async def test_readiness_without_octets_is_harmless() -> None:
    async with switchboard() as board:
        link, _ = adopted(board, owner := Recorder())
        board._round([(link._fd, IN), (link._fd, IN | OUT)])
        assert owner.heard == []
        assert board.links == 1


async def test_a_fault_of_what_is_no_link() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:

        class Broken:
            def ready(self, event: int, /) -> None:
                raise ZeroDivisionError

        link, peer = adopted(board, owner := Recorder())
        board.seat(500, Broken())
        peer.plain.send(b"x")
        board._round([(500, IN), (link._fd, IN)])
        assert owner.data == b"x"
        assert faults == [(f"{Broken.__qualname__}.ready", "ZeroDivisionError()")]


async def test_no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("select.epoll")
    with pytest.raises(OSError, match="needs epoll"):
        Switchboard(unsent=1, stall=1, linger=1, on_fault=lambda *_: None)
