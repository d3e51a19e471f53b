"""Peers that take nothing, and links that linger: what the switchboard's own deadlines end."""

import pytest

from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import LIMIT, LINGER, STALL, Recorder, adopted, later, settled, switchboard

pytestmark = pytest.mark.real_time

MUCH = b"x" * (10 * LIMIT)  # more than the kernel takes for a peer with small buffers

# Stalls


async def test_a_peer_that_takes_nothing_is_lost() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(MUCH)
        await settled()
        await later(board, STALL - 1)
        assert owner.heard == []
        await later(board, 1.1)
        assert owner.reason is CloseReason.STALLED
        assert board.stalls == 1
        assert await peer.is_reset()


async def test_a_peer_that_takes_a_little_now_and_then_is_not() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(MUCH)
        for _ in range(4):
            await peer.receive(2 * LIMIT)
            await settled()
            await later(board, STALL - 1)
        assert owner.heard == []
        assert link.unsent > 0


async def test_an_unguarded_link_may_stall() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.guarded = False
        link.send(MUCH)
        for _ in range(3):
            await settled()
            await later(board, STALL + 1)
        assert owner.heard == []
        link.guarded = True
        await later(board, STALL + 1)
        assert owner.reason is CloseReason.STALLED
        assert await peer.is_reset()


async def test_nothing_stalls_once_all_is_sent() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(MUCH)
        await peer.receive(len(MUCH))
        await later(board, STALL + 1)
        assert owner.heard == []
        assert link.unsent == 0


# Lingering


async def test_close_delivers_what_was_sent() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(MUCH)
        link.close()
        link.send(b"never")
        assert await peer.end() == MUCH
        peer.finish()
        await board.wait_quiet()
        assert owner.heard == []


async def test_a_peer_that_has_read_all_is_not_waited_for() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(b"question")
        assert await peer.receive(8) == b"question"
        link.close(all_read=True)
        assert await peer.end() == b""  # in order: no reset
        await board.wait_quiet()  # though the peer has not ended
        assert owner.heard == []


async def test_what_waits_for_a_peer_that_has_read_all_before_is_still_sent() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(MUCH)
        link.close(all_read=True)
        assert await peer.end() == MUCH
        peer.finish()
        await board.wait_quiet()


async def test_octets_in_flight_do_not_kill_those_we_sent() -> None:
    """Closing with octets unread would reset the connection, and the last answer be lost on its way."""
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(MUCH)
        link.close()
        await settled()
        for _ in range(3):
            await peer.send(b"yet another request")
            await settled()
        assert await peer.end() == MUCH
        await peer.send(b"and one after the end")
        peer.finish()
        await board.wait_quiet()


async def test_lingering_ends_with_a_reset_when_octets_are_left() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(MUCH)
        link.close()
        await settled()
        await later(board, LINGER - 0.5)
        assert board.links == 1
        await later(board, 0.6)
        await board.wait_quiet()
        assert await peer.is_reset()


async def test_lingering_ends_in_order_when_all_was_sent() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.send(b"the end")
        link.close()
        await settled()
        await later(board, LINGER + 0.1)
        await board.wait_quiet()
        assert await peer.end() == b"the end"


async def test_closing_after_the_peers_end_takes_no_time() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        peer.finish()
        await owner.hears("finished")
        link.close()
        await board.wait_quiet()
        assert await peer.end() == b""


async def test_closing_with_octets_after_the_peers_end() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        peer.finish()
        await owner.hears("finished")
        link.send(MUCH)
        link.close()
        assert await peer.end() == MUCH
        await board.wait_quiet()
        assert owner.heard == ["finished"]


async def test_abort_resets() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, owner := Recorder())
        link.send(b"never")
        link.abort()
        assert await peer.is_reset()
        await board.wait_quiet()
        assert owner.heard == []


async def test_a_paused_link_can_be_closed() -> None:
    async with switchboard() as board:
        link, peer = adopted(board, Recorder())
        link.pause()
        link.close()
        peer.finish()
        await board.wait_quiet()
