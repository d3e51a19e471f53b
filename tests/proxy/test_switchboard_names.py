"""Dialling a name with several addresses: one that doesn't answer is followed by the next, in the same time."""

import contextlib
import socket
from collections.abc import Iterator, Sequence

import pytest

from mrcpbalance.config import Address
from mrcpbalance.proxy._link_course import LEAST
from mrcpbalance.proxy.switchboard import Switchboard
from mrcpbalance.sessions.ports import CloseReason
from tests.proxy.switchboard_kit import (
    WITHIN,
    Book,
    Peer,
    Recorder,
    address,
    later,
    listening,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

HERE, THERE, NOWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@contextlib.contextmanager
def silent(*at: Address) -> Iterator[None]:
    """Listen where whoever knocks is dropped by the kernel."""
    with contextlib.ExitStack() as stack:
        for place in at:
            listener = stack.enter_context(socket.socket())
            listener.bind((place.host, place.port))
            listener.listen(0)
            for _ in range(4):
                knocking = stack.enter_context(socket.socket())
                knocking.setblocking(False)
                knocking.connect_ex((place.host, place.port))
        yield


def missing(board: Switchboard) -> Sequence[tuple[str, str]]:
    assert isinstance(board._names, Book)
    return board._names.missing


@pytest.mark.parametrize("first", [NOWHERE, "255.255.255.255", "2001:db8::1"])
async def test_one_that_refuses_or_leads_nowhere_is_followed_by_the_next(first: str) -> None:
    async with switchboard(names={"asr": [first, HERE]}) as board:
        with listening() as listener:
            owner = Recorder()
            link = board.dial(Address("asr", address(listener).port), owner, within=WITHIN)
            link.send(b"hello")
            await owner.hears("connected")
            peer = Peer(listener.accept()[0])
            assert await peer.receive(5) == b"hello"
            assert owner.heard == ["connected"]
            assert (link.peer, link.local, board.links) == (HERE, HERE, 1)
            assert [host for host, _ in missing(board)] == [first]
            assert len(board.deadlines) == 0


async def test_one_that_is_silent_has_its_part_of_the_time() -> None:
    async with switchboard(names={"asr": [THERE, NOWHERE, HERE]}) as board:
        with listening() as listener, silent(Address(THERE, port := address(listener).port)):
            board.dial(Address("asr", port), owner := Recorder(), within=WITHIN)
            await settled()
            await later(board, WITHIN / 3 - 0.2)
            assert owner.heard == []
            await later(board, 0.3)
            await owner.hears("connected")
            Peer(listener.accept()[0])
            assert missing(board) == [(THERE, "connect-timeout"), (NOWHERE, "refused")]


async def test_when_none_answers_the_last_one_tells_why() -> None:
    async with switchboard(names={"asr": [THERE, NOWHERE]}) as board:
        with listening() as listener:
            port = address(listener).port
        with silent(Address(THERE, port)):
            board.dial(Address("asr", port), owner := Recorder(), within=WITHIN)
            await settled()
            await later(board, WITHIN / 2 + 0.1)
            await owner.hears("lost")
            assert owner.heard == ["lost"]
            assert owner.reason is CloseReason.REFUSED
            await board.wait_quiet()


async def test_all_together_have_no_more_time_than_one() -> None:
    numbers = [f"127.0.0.{last}" for last in range(2, 12)]
    async with switchboard(names={"asr": numbers}) as board:
        with listening() as listener:
            port = address(listener).port
        with silent(*(Address(number, port) for number in numbers)):
            board.dial(Address("asr", port), owner := Recorder(), within=4 * LEAST)
            for _ in range(4):
                assert owner.heard == []
                await settled()
                await later(board, LEAST + 0.01)
            await owner.hears("lost")
            assert owner.reason is CloseReason.CONNECT_TIMEOUT
            assert [host for host, _ in missing(board)] == numbers[:4]


@pytest.mark.parametrize("sent", [b"", b"x"])
async def test_given_up_it_goes_on_nowhere(sent: bytes) -> None:
    async with switchboard(names={"asr": [THERE, HERE]}) as board:
        with listening() as listener, silent(Address(THERE, port := address(listener).port)):
            link = board.dial(Address("asr", port), owner := Recorder(), within=WITHIN)
            link.send(sent)
            await settled()
            link.close()
            await later(board, WITHIN)
            await settled()
            assert (owner.heard, board.links) == ([], 0)
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()


async def test_a_single_address_is_never_avoided() -> None:
    async with switchboard(names={"asr": [NOWHERE]}) as board:
        with listening() as listener:
            port = address(listener).port
        board.dial(Address("asr", port), owner := Recorder(), within=WITHIN)
        await owner.hears("lost")
        assert missing(board) == []
