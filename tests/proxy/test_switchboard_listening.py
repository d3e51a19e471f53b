"""Listening: callers are taken in, none can spoil it for the others, and having no descriptors left is survived."""

import errno
import socket
import subprocess
import sys

import pytest
import trio

from mrcpbalance.proxy.switchboard import Listening, Switchboard
from mrcpbalance.proxy.switchboard_listening import PAUSE
from tests.proxy.switchboard_kit import (
    WITHIN,
    Peer,
    Recorder,
    address,
    later,
    listening,
    settled,
    switchboard,
)

pytestmark = pytest.mark.real_time


class Host:
    """Takes callers in, and keeps what it heard."""

    def __init__(self, board: Switchboard) -> None:
        self.board = board
        self.sock = listening()
        self.address = address(self.sock)
        self.owners: list[Recorder] = []
        self.hosts: list[str] = []
        self.listening: Listening = board.listen(self.sock, self.accepted)

    def accepted(self, sock: socket.socket, host: str, now: float) -> None:
        assert now == self.board.now
        self.hosts.append(host)
        owner = Recorder()
        link = self.board.adopt(sock, owner)
        owner.then["received"] = lambda: link.send(b"welcome")
        self.owners.append(owner)

    def caller(self) -> Peer:
        return Peer(socket.create_connection((self.address.host, self.address.port)))


async def test_callers_are_taken_in() -> None:
    async with switchboard() as board:
        host = Host(board)
        callers = [host.caller() for _ in range(100)]
        for caller in callers:
            await caller.send(b"hello")
            assert await caller.receive(7) == b"welcome"
        assert board.accepted == board.links == 100
        assert host.hosts == ["127.0.0.1"] * 100


async def test_accepted_sockets_have_the_options_of_every_link() -> None:
    """They send at once, and keep-alive is on (M-34)."""
    async with switchboard() as board:
        socks: list[socket.socket] = []
        sock = listening()
        board.listen(sock, lambda accepted, _host, _now: socks.append(accepted))
        caller = socket.create_connection(sock.getsockname())
        await settled()
        assert socks[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert socks[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)  # M-34
        assert socks[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert not socks[0].getblocking()
        caller.close()
        socks[0].close()


async def test_a_caller_may_be_turned_away() -> None:
    async with switchboard() as board:
        sock = listening()
        board.listen(sock, lambda accepted, _host, _now: accepted.close())
        caller = Peer(socket.create_connection(sock.getsockname()))
        assert await caller.end() == b""
        assert board.links == 0


async def test_a_caller_whose_taking_in_fails_spoils_nothing() -> None:
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        host = Host(board)
        well = host.accepted

        def fails(sock: socket.socket, source: str, now: float) -> None:
            well(sock, source, now)
            raise ZeroDivisionError

        host.listening._accepted = fails
        assert await host.caller().is_reset()
        assert board.links == 0
        assert faults == [("accepted", "ZeroDivisionError()")]
        host.listening._accepted = well
        caller = host.caller()
        await caller.send(b"x")
        assert await caller.receive(7) == b"welcome"


async def test_what_is_made_while_a_caller_is_taken_in_belongs_together() -> None:
    """An alarm that raises ends the caller it was made for, even if it was made before the caller's link."""
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        sock, target = listening(), listening()
        families = []
        owner, backend = Recorder(), Recorder()

        def rings(now: float) -> None:
            raise ZeroDivisionError

        def accepted(caller: socket.socket, _host: str, now: float) -> None:
            alarm = board.alarm(rings)
            link = board.adopt(caller, owner)
            dialled = board.dial(address(target), backend, within=WITHIN)
            families.append((link.family, dialled.family, alarm.family))
            alarm.set(now)

        board.listen(sock, accepted)
        caller = Peer(socket.create_connection(sock.getsockname()))
        await caller.end()
        await owner.hears("crashed")
        await backend.hears("crashed")
        assert families[0][0] is families[0][1] is families[0][2]
        target.close()


async def test_closing() -> None:
    async with switchboard() as board:
        host = Host(board)
        caller = host.caller()
        await settled()
        host.listening.close()
        host.listening.close()
        await settled()
        with pytest.raises(ConnectionRefusedError):
            host.caller()
        await caller.send(b"x")
        assert await caller.receive(7) == b"welcome"


async def test_closing_while_callers_are_taken_in() -> None:
    async with switchboard() as board:
        host = Host(board)
        callers = [host.caller() for _ in range(5)]
        well = host.accepted

        def closes(sock: socket.socket, source: str, now: float) -> None:
            well(sock, source, now)
            host.listening.close()

        host.listening._accepted = closes
        await settled()
        assert len(host.owners) == 1
        assert await callers[-1].is_reset()


class Failing:
    """A listening socket that can't accept for a while."""

    def __init__(self, sock: socket.socket, codes: list[int]) -> None:
        self.sock = sock
        self.codes = codes
        self.tries = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.tries += 1
        if self.codes:
            raise OSError(self.codes.pop(0), "cannot accept")
        return self.sock.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.sock, name)


@pytest.mark.parametrize("code", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN])
async def test_a_caller_that_gave_up_is_passed_over(code: int) -> None:
    async with switchboard() as board:
        host = Host(board)
        host.listening._sock = Failing(host.sock, [code, code, code])  # type: ignore[assignment]
        caller = host.caller()
        await caller.send(b"x")
        assert await caller.receive(7) == b"welcome"
        assert board.accept_pauses == 0


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_accepting_pauses_when_it_fails(code: int) -> None:
    """Trying at once would only spin; it is told once, until accepting works again."""
    faults: list[tuple[str, str]] = []
    async with switchboard(faults=faults) as board:
        host = Host(board)
        failing = host.listening._sock = Failing(host.sock, [code, code])  # type: ignore[assignment]
        caller = host.caller()
        await caller.send(b"x")
        for pauses in (1, 2):
            await settled()
            assert (board.accept_pauses, failing.tries) == (pauses, pauses)
            await later(board, PAUSE)
        assert await caller.receive(7) == b"welcome"
        assert [where for where, _ in faults] == ["accept"]
        failing.codes.append(code)
        caller = host.caller()
        await later(board, PAUSE)
        await caller.send(b"x")
        await later(board, PAUSE)
        assert await caller.receive(7) == b"welcome"
        assert [where for where, _ in faults] == ["accept", "accept"]


async def test_closing_while_accepting_pauses() -> None:
    async with switchboard(faults=[]) as board:
        host = Host(board)
        host.listening._sock = Failing(host.sock, [errno.EMFILE])  # type: ignore[assignment]
        host.caller()
        await settled()
        host.listening.close()
        await later(board, PAUSE)
        assert host.owners == []
        with pytest.raises(ConnectionRefusedError):
            host.caller()


EXHAUSTED = """
import resource, socket, trio
from mrcpbalance.proxy.switchboard import Switchboard
from tests.proxy.switchboard_kit import Recorder, listening

async def main():
    told = []
    board = Switchboard(unsent=1000, stall=9, linger=9, on_fault=lambda fault, where: told.append((where, fault.errno)))
    sock = listening()
    links = []
    async with trio.open_nursery() as nursery:
        await nursery.start(board.run)
        board.listen(sock, lambda caller, host, now: links.append(board.adopt(caller, Recorder())))
        callers = []
        for _ in range(8):
            callers.append(socket.create_connection(sock.getsockname()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(caller.fileno() for caller in callers) + 4, 4096))
        while not board.accept_pauses:
            await trio.sleep(0.001)
        print(len(links), told, flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        while len(links) < 8:
            await trio.sleep(0.001)
        print(len(links), len(told), flush=True)
        nursery.cancel_scope.cancel()
    for caller in callers:
        caller.close()

trio.run(main)
"""


async def test_out_of_descriptors() -> None:
    """The real thing, in a process that may have few."""
    with trio.fail_after(20):
        done = await trio.run_process(
            [sys.executable, "-c", EXHAUSTED], capture_stdout=True, stderr=subprocess.STDOUT
        )
    first, second = done.stdout.decode().splitlines()
    assert first == f"3 [('accept', {errno.EMFILE})]"
    assert second == "8 1"
