"""Dialling: what comes of it, when it is told, and what waits meanwhile."""

import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.proxy._link_dial import host_of, reason, target_of
from mrcpbalance.proxy.switchboard import Switchboard
from mrcpbalance.sessions.ports import CloseReason, Port, Shell
from tests.proxy.switchboard_kit import (
    LINGER,
    WITHIN,
    Peer,
    Recorder,
    address,
    adopted,
    dialled,
    later,
    listening,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time

MUCH = b"x" * (1 << 20)


def dead_address() -> Address:
    """Find a port that nobody listens on."""
    with listening() as listener:
        return address(listener)


@contextlib.contextmanager
def black_hole() -> Iterator[Address]:
    """Listen with a backlog so full that the kernel drops whoever knocks."""
    with listening(backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield address(listener)


async def test_it_stands() -> None:
    async with switchboard() as board:
        link, peer = dialled(board, owner := Recorder())
        shell: Shell = board
        port: Port = link
        assert port.peer == "127.0.0.1"
        assert shell.own_address(Address("127.0.0.1", 1)) == "127.0.0.1"
        assert owner.heard == []
        assert link.local == ""
        await owner.hears("connected")
        assert (link.peer, link.local) == ("127.0.0.1", "127.0.0.1")
        assert link.peer_port == peer.plain.getsockname()[1]
        link.send(b"hello")
        assert await peer.receive(5) == b"hello"
        assert board.dialled == board.links == 1
        assert len(board.deadlines) == 0


async def test_a_server_that_speaks_first() -> None:
    """Its octets may be there as soon as the connection stands."""
    async with switchboard() as board:
        _, peer = dialled(board, owner := Recorder())
        peer.plain.send(b"220 ready")
        await owner.hears("received")
        assert owner.heard == ["connected", "received"]


async def test_a_server_that_closes_at_once() -> None:
    """As UniMRCP's does with a connection for which it knows no session."""
    async with switchboard() as board:
        _, peer = dialled(board, owner := Recorder())
        peer.close()
        await owner.hears("finished")
        assert owner.heard == ["connected", "finished"]


async def test_octets_sent_before_it_stands_go_first() -> None:
    async with switchboard() as board:
        owner = Recorder(connected=lambda: link.send(b", second"))
        link, peer = dialled(board, owner)
        link.send(b"first")
        assert link.unsent == 5
        assert await peer.receive(13) == b"first, second"


async def test_the_end_of_our_octets_before_it_stands() -> None:
    async with switchboard() as board:
        for sent in (b"", b"all"):
            link, peer = dialled(board, owner := Recorder())
            link.send(sent)
            link.finish()
            assert await peer.end() == sent
            await peer.send(b"answer")
            await owner.hears("received")


async def test_it_is_refused() -> None:
    async with switchboard() as board:
        owner = Recorder()
        board.dial(dead_address(), owner, within=WITHIN)
        assert owner.heard == []
        await owner.hears("lost")
        assert owner.heard == ["lost"]
        assert owner.reason is CloseReason.REFUSED


async def test_nobody_answers() -> None:
    async with switchboard() as board:
        with black_hole() as hole:
            owner = Recorder()
            link = board.dial(hole, owner, within=WITHIN)
            link.send(b"into the dark")
            await settled()
            await later(board, WITHIN - 1)
            assert owner.heard == []
            await later(board, 1.1)
            assert owner.heard == ["lost"]
            assert owner.reason is CloseReason.CONNECT_TIMEOUT
            await board.wait_quiet()


@pytest.mark.parametrize("sent", [b"", b"x"])
async def test_it_is_given_up_while_nobody_answers(sent: bytes) -> None:
    async with switchboard() as board:
        with black_hole() as hole:
            for act in ("close", "abort"):
                owner = Recorder()
                link = board.dial(hole, owner, within=WITHIN)
                link.send(sent)
                await settled()
                getattr(link, act)()
                await settled()
                assert board.links == (1 if sent and act == "close" else 0)
                await later(board, LINGER + 0.1)
                assert board.links == 0
                assert owner.heard == []


async def test_closed_while_connecting_with_octets_waiting() -> None:
    async with switchboard() as board:
        link, peer = dialled(board, owner := Recorder())
        link.send(MUCH)
        link.close()
        assert await peer.end() == MUCH
        peer.finish()
        await board.wait_quiet()
        assert owner.heard == []


UNREACHABLE = {
    "no such name": Address("no.such.name", 5060),
    "a name that resolves to a name": Address("loop", 5060),
    "not a scope": Address("fe80::1%nosuchif", 5060),
    "a broadcast": Address("255.255.255.255", 5060),
    "no port": Address("127.0.0.1", 70_000),
}


@pytest.mark.parametrize("where", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_it_cannot_be_tried(where: Address) -> None:
    async with switchboard(names={"loop": ["loop"]}) as board:
        owner = Recorder()
        link = board.dial(where, owner, within=WITHIN)
        link.send(b"never")
        link.finish()
        assert owner.heard == []
        await owner.hears("lost")
        assert owner.reason is CloseReason.UNREACHABLE
        assert (link.local, link.peer_port) == ("", 0)
        assert board.links == 0


@pytest.mark.parametrize("act", ["close", "abort"])
async def test_it_cannot_be_tried_and_is_given_up(act: str) -> None:
    async with switchboard() as board:
        link = board.dial(UNREACHABLE["no such name"], owner := Recorder(), within=WITHIN)
        getattr(link, act)()
        await settled()
        assert owner.heard == []


async def test_no_descriptor_is_left() -> None:
    async with switchboard() as board:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        owner = Recorder()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            board.dial(Address("127.0.0.1", 1), owner, within=WITHIN)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await owner.hears("lost")
        assert owner.reason is CloseReason.UNREACHABLE


async def test_a_name_is_asked_for() -> None:
    async with switchboard(names={"asr-1": ["127.0.0.1"]}) as board:
        with listening() as listener:
            link = board.dial(Address("asr-1", address(listener).port), owner := Recorder(), within=WITHIN)
            await owner.hears("connected")
            assert link.peer == "127.0.0.1"
            Peer(listener.accept()[0])


async def test_over_ipv6() -> None:
    async with switchboard() as board:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
            listener.listen()
            link = board.dial(address(listener), owner := Recorder(), within=WITHIN)
            Peer(listener.accept()[0])
            await owner.hears("connected")
            assert (link.peer, link.local) == ("::1", "::1")


@pytest.mark.parametrize("call", ["received", "finished", "lost"])
async def test_dialling_inside_a_call(call: str) -> None:
    async with switchboard() as board:
        with listening() as listener:
            second = Recorder()

            def dials() -> None:
                board.dial(address(listener), second, within=WITHIN)
                assert second.heard == []

            first, peer = adopted(board, owner := Recorder())
            owner.then[call] = dials
            await peer.send(b"x")
            await owner.hears("received")
            peer.finish()
            await owner.hears("finished")
            first.finish()
            await owner.hears("lost")
            Peer(listener.accept()[0])
            await second.hears("connected")


async def test_the_next_is_dialled_when_one_is_refused() -> None:
    async with switchboard() as board:
        with listening() as listener:
            dead = dead_address()
            last = Recorder()
            first = Recorder(lost=lambda: board.dial(dead, second, within=WITHIN))
            second = Recorder(lost=lambda: board.dial(address(listener), last, within=WITHIN))
            board.dial(dead, first, within=WITHIN)
            await last.hears("connected")
            Peer(listener.accept()[0])


async def test_dialling_in_vain_for_ever_keeps_nobody_waiting() -> None:
    async with switchboard() as board:
        tries = 0

        def again() -> None:
            nonlocal tries
            tries += 1
            board.dial(UNREACHABLE["no such name"], Recorder(lost=again), within=WITHIN)

        again()
        link, peer = adopted(board, Recorder())
        for _ in range(10):
            link.send(b"x")
            assert await peer.receive(1) == b"x"
        assert tries > 5


async def test_dialling_after_the_end() -> None:
    async with switchboard() as board:
        pass
    owner = Recorder()
    with listening() as listener:
        link = board.dial(address(listener), owner, within=WITHIN)
        link.send(b"x")
        link.close()
        assert owner.heard == []


def test_reasons() -> None:
    assert reason(None) is CloseReason.UNREACHABLE


LOCATED = {
    "ipv4": (Address("192.0.2.1", 80), (socket.AF_INET, ("192.0.2.1", 80))),
    "ipv6": (Address("2001:db8::1", 80), (socket.AF_INET6, ("2001:db8::1", 80, 0, 0))),
    "scope number": (Address("fe80::1%7", 80), (socket.AF_INET6, ("fe80::1", 80, 0, 7))),
    "scope name": (
        Address("fe80::1%lo", 80),
        (socket.AF_INET6, ("fe80::1", 80, 0, socket.if_nametoindex("lo"))),
    ),
}


@pytest.mark.parametrize(("where", "target"), LOCATED.values(), ids=LOCATED)
def test_located(where: Address, target: object) -> None:
    assert target_of(where) == target


HOSTS = [
    (("192.0.2.1", 5), "192.0.2.1"),
    (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
    (("::ffff:1", 5, 0, 0), "::ffff:1"),
    (("2001:db8::1", 5, 0, 0), "2001:db8::1"),
    ("", ""),
    (b"\0abstract", ""),
]


@pytest.mark.parametrize(("name", "host"), HOSTS)
def test_hosts(name: object, host: str) -> None:
    assert host_of(name) == host


async def test_names_are_not_known_unless_somebody_knows_them() -> None:
    board = Switchboard(unsent=1, stall=1, linger=1, on_fault=lambda *_: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(board.run)
        board.dial(Address("localhost", 1), owner := Recorder(), within=WITHIN)
        await owner.hears("lost")
        assert owner.reason is CloseReason.UNREACHABLE
        nursery.cancel_scope.cancel()
