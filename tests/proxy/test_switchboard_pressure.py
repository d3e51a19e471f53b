"""A peer that doesn't read: whoever feeds it is held, nothing grows without bound, and all goes on when it reads."""

from collections.abc import Callable

import pytest

from mrcpbalance.proxy.switchboard import Link
from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import (
    LIMIT,
    Peer,
    Recorder,
    Side,
    adopted,
    dialled,
    relay,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

READ = 256 * 1024  # octets of one read at most, which may come on top of the limit


async def fill(link: Link, peer: Peer) -> int:
    """Send until everything between here and the peer that doesn't read is full."""
    total, before = 0, -1
    while total != before:
        before = total
        total += peer.fill()
        await settled()
    return total


def is_held(link: Link) -> bool:
    return bool(link.targets)


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_source_is_held_and_freed(*, backwards: bool) -> None:
    async with switchboard() as board:
        left, right, one, other = relay(board)
        source, target = right.other, left.other
        if backwards:
            source, target, one, other = target, source, other, one
        total = await fill(target, one)
        assert is_held(source)
        assert not is_held(target)
        assert LIMIT < target.unsent <= LIMIT + READ
        assert total < 4 * LIMIT + 2 * READ
        assert len(await other.receive(total)) == total
        await settled()
        assert not is_held(source)
        await one.send(b"and on")
        assert await other.receive(6) == b"and on"


async def test_several_sources_wait_for_one_target() -> None:
    async with switchboard() as board:
        target, peer = adopted(board, Recorder())
        feeding = []
        for _ in range(3):
            side = Side()
            link, theirs = adopted(board, side)
            side.other = target
            feeding.append((link, theirs))
        total = 0
        for link, theirs in feeding:
            total += await fill(target, theirs)
            assert is_held(link)
        bystander, apart = adopted(board, Recorder())
        assert not is_held(bystander)
        apart.close()
        await peer.receive(total)
        await settled()
        assert not any(is_held(link) for link, _ in feeding)
        assert target.sources is None


async def test_one_source_waits_for_several_targets() -> None:
    async with switchboard() as board:
        targets = [adopted(board, Recorder()) for _ in range(2)]
        source, peer = adopted(board, owner := Recorder())

        def feeds() -> None:
            for target, _ in targets:
                target.send(b"x" * 20_000)

        owner.then["received"] = feeds
        rounds = 0
        while not all(target.sources for target, _ in targets):
            source.targets = None  # as if nobody were held, for both to fill
            source.tune()
            await peer.send(b"!")
            await settled()
            rounds += 1
        assert source.targets == {target for target, _ in targets}
        for target, theirs in targets:
            assert is_held(source)
            assert len(await theirs.receive(rounds * 20_000)) == rounds * 20_000
            await settled()
            assert target.unsent == 0
        assert not is_held(source)


async def test_a_target_that_dies_frees_its_sources() -> None:
    async with switchboard() as board:
        target, _ = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        await fill(target, one)
        assert is_held(source)
        target.abort()
        assert not is_held(source)


@pytest.mark.parametrize("act", [Link.finish, Link.close])
async def test_a_target_that_takes_no_more_frees_its_sources(act: Callable[[Link], None]) -> None:
    """Else a caller with many sessions would wait for one that is given up already."""
    async with switchboard() as board:
        target, _ = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        await fill(target, one)
        assert is_held(source)
        act(target)
        assert not is_held(source)
        await settled()
        assert not is_held(source)


async def test_a_source_that_dies_leaves_no_trace() -> None:
    async with switchboard() as board:
        target, _ = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        await fill(target, one)
        assert is_held(source)
        source.abort()
        assert not target.sources
        assert not is_held(source)


async def test_a_reset_reaches_a_held_source() -> None:
    async with switchboard() as board:
        target, _ = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        await fill(target, one)
        assert is_held(source)
        one.reset()
        await side.hears("lost")
        assert side.reason is CloseReason.RESET


async def test_pause_is_apart_from_being_held() -> None:
    async with switchboard() as board:
        target, other = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        total = await fill(target, one)
        source.pause()
        heard = side.kept
        await other.receive(heard)
        await settled()
        assert not is_held(source)
        assert side.kept == heard < total
        source.resume()
        await other.receive(total - heard)
        assert side.kept == total


async def test_resume_does_not_free_a_held_source() -> None:
    async with switchboard() as board:
        target, _ = adopted(board, Recorder())
        source, one = adopted(board, side := Side())
        side.other = target
        await fill(target, one)
        heard = side.kept
        source.resume()
        await settled()
        assert is_held(source)
        assert side.kept == heard


async def test_pause_holds_in_the_same_round() -> None:
    async with switchboard() as board:
        first, one = adopted(board, stopping := Recorder())
        second, other = adopted(board, stopped := Recorder())
        stopping.then["received"] = second.pause
        stopped.then["received"] = first.pause
        one.plain.send(b"x")
        other.plain.send(b"x")
        await settled()
        assert [bool(stopping.data), bool(stopped.data)].count(True) == 1


async def test_octets_for_a_link_that_does_not_stand_yet_are_bounded_too() -> None:
    async with switchboard() as board:
        source, one = adopted(board, side := Side())
        target, other = dialled(board, Recorder())
        side.other = target
        target._dialling = True  # the kernel is quicker than any test
        board.epoll.modify(target._fd, 0)
        total = await fill(target, one)
        assert is_held(source)
        assert LIMIT < target.unsent <= LIMIT + READ
        board.epoll.modify(target._fd, 4)
        assert len(await other.receive(total)) == total
        await settled()
        assert not is_held(source)


async def test_without_a_source_nobody_is_held() -> None:
    async with switchboard() as board:
        target, peer = adopted(board, Recorder())
        target.send(b"x" * 10 * LIMIT)
        bystander, _ = adopted(board, Recorder())
        await settled()
        assert target.unsent > LIMIT
        assert not is_held(bystander)
        assert len(await peer.receive(10 * LIMIT)) == 10 * LIMIT


async def test_one_that_answers_itself_is_held_by_itself() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        owner.then["received"] = lambda: link.send(b"y" * 50_000)
        total = 0
        while not is_held(link):
            await peer.send(b"?")
            total += 1
            await settled()
        await peer.receive(total * 50_000)
        await settled()
        assert not is_held(link)
