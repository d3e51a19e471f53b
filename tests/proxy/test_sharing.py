"""One address, two processes: the first gets every newcomer until it stands aside, and whoever came in time is taken in."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from mrcpbalance.config import Address
from mrcpbalance.proxy import sharing
from mrcpbalance.proxy.sharing import Sharing, stand_aside
from mrcpbalance.proxy.sockets import listening_socket
from mrcpbalance.proxy.switchboard_datagrams import datagram_socket
from mrcpbalance.sessions.ports import DatagramPort
from tests.proxy.switchboard_kit import Recorder, settled, switchboard

NEWCOMERS = 20
OWN = Address("127.0.0.1", 0)


@contextlib.contextmanager
def opened(kind: str, *at: socket.socket) -> Iterator[socket.socket]:
    where = Address(*at[0].getsockname()) if at else OWN
    sock = listening_socket(where, shared=True) if kind == "tcp" else datagram_socket(where, shared=True)
    with sock:
        yield sock


def come(kind: str, to: socket.socket) -> None:
    """Let some come."""
    for _ in range(NEWCOMERS):
        sort = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, sort) as caller:
            caller.connect(to.getsockname())
            caller.send(b"x")


def came(kind: str, sock: socket.socket) -> int:
    """Count those who came."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            if kind == "tcp":
                sock.accept()[0].close()
            else:
                sock.recv(9)
            count += 1
    return count


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_newcomers_go_to_one_at_a_time(kind: str) -> None:
    with opened(kind) as first, opened(kind, first) as second:
        come(kind, first)
        assert (came(kind, first), came(kind, second)) == (NEWCOMERS, 0)
        stand_aside(first)
        come(kind, first)
        assert (came(kind, first), came(kind, second)) == (0, NEWCOMERS)
        first.close()
        with opened(kind, second) as third:
            come(kind, second)
            assert (came(kind, second), came(kind, third)) == (NEWCOMERS, 0)
            stand_aside(second)
            come(kind, second)
            assert (came(kind, second), came(kind, third)) == (0, NEWCOMERS)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_who_is_alone_stands_aside_for_nobody(kind: str) -> None:
    with opened(kind) as only:
        stand_aside(only)
        come(kind, only)
        assert came(kind, only) == NEWCOMERS


def test_a_system_that_knows_nothing_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "SO_ATTACH_REUSEPORT_CBPF", 9_999)
    with opened("tcp") as first, opened("tcp", first) as second:
        come("tcp", first)
        assert came("tcp", first) + came("tcp", second) == NEWCOMERS


def test_an_address_that_is_not_shared_is_one_process_s() -> None:
    with opened("tcp") as first, pytest.raises(OSError, match="in use"):
        listening_socket(Address(*first.getsockname()), shared=False)


class Ear:
    """Counts datagrams."""

    def __init__(self) -> None:
        self.heard = 0

    def datagram(self, port: DatagramPort, data: bytes, source: Address, now: float) -> None:
        self.heard += 1


@pytest.mark.real_time
async def test_the_last_callers_are_let_in() -> None:
    async with switchboard() as board:
        sock, owner = listening_socket(OWN, shared=True), Recorder()

        def accepted(caller: socket.socket, _host: str, _now: float) -> None:
            board.adopt(caller, owner)

        front = board.listen(sock, accepted, Sharing.PORT)
        callers = [socket.create_connection(sock.getsockname()) for _ in range(NEWCOMERS)]
        front.stand_aside()
        front.finish()
        assert board.links == NEWCOMERS
        where = callers[0].getpeername()
        await settled()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
        for caller in callers:
            caller.close()
        front.finish()  # and again does nothing


@pytest.mark.real_time
async def test_an_inherited_socket_is_left_to_others() -> None:
    async with switchboard() as board:
        sock = listening_socket(OWN, shared=False)
        with socket.socket(fileno=socket.dup(sock.fileno())) as theirs:
            front = board.listen(sock, lambda accepted, _host, _now: accepted.close(), Sharing.SOCKET)
            front.stand_aside()
            with socket.create_connection(theirs.getsockname()):
                await settled()
                front.finish()
                assert board.accepted == 0
                theirs.accept()[0].close()


@pytest.mark.real_time
@pytest.mark.parametrize("kind", [Sharing.PORT, Sharing.SOCKET, Sharing.NOBODY])
async def test_the_last_datagrams_are_heard_unless_another_may_hear_them(kind: Sharing) -> None:
    async with switchboard() as board:
        ear, sock = Ear(), datagram_socket(OWN, shared=True)
        port = board.hear(sock, ear, kind)
        come("udp", sock)
        port.stand_aside()
        port.stand_aside()
        if kind is Sharing.SOCKET:
            await settled()
            assert ear.heard == 0
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.bind(("127.0.0.1", 0))
                peer.settimeout(5)
                port.send(b"still here", Address(*peer.getsockname()))
                assert peer.recv(99) == b"still here"
        else:
            port.finish()
            assert ear.heard == NEWCOMERS
        port.close()
