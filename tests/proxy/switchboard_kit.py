"""What the switchboard's tests share: a running switchboard, owners that note what they hear, and plain peers."""

import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType

import trio
import trio.testing

from mrcpbalance.config import Address
from mrcpbalance.proxy.switchboard import Link, Switchboard
from mrcpbalance.sessions.ports import CloseReason

LIMIT = 64 * 1024  # octets that may wait for a link in these tests
SMALL = 8 * 1024  # octets asked of the kernel for a buffer that is to fill soon
FAIL_SAFE = 20.0  # seconds of real time
STALL, LINGER, WITHIN = 30.0, 2.0, 10.0  # seconds of a clock that the tests put forward

opened: list[socket.socket] = []  # the peers' ends, closed with the switchboard


class Clock:
    """The real time, and whatever the test has it skip."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return trio.current_time() + self.skipped


async def later(board: Switchboard, seconds: float) -> None:
    """Let this time pass on the switchboard's clock, which takes none."""
    assert isinstance(board.clock, Clock)
    board.clock.skipped += seconds
    board.deadlines.rouse()
    await settled()


class Book:
    """Host names and their addresses; it notes which of them didn't answer."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = names
        self.missing: list[tuple[str, str]] = []

    def places(self, address: Address) -> Sequence[Address]:
        return [Address(number, address.port) for number in self.names.get(address.host, ())]

    def missed(self, place: Address, why: str) -> None:
        self.missing.append((place.host, why))


@contextlib.asynccontextmanager
async def switchboard(
    *,
    unsent: int = LIMIT,
    stall: float = STALL,
    linger: float = LINGER,
    faults: list[tuple[str, str]] | None = None,
    names: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> AsyncIterator[Switchboard]:
    """Run a switchboard, and close the peers' sockets after it; a fault that the test doesn't ask for fails it."""
    told: list[tuple[str, str]] = [] if faults is None else faults
    board = Switchboard(
        unsent=unsent,
        stall=stall,
        linger=linger,
        clock=Clock(),
        names=Book(names),
        on_fault=lambda fault, where: told.append((where, repr(fault))),
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(board.run)
            yield board
            nursery.cancel_scope.cancel()
    finally:
        while opened:
            opened.pop().close()
    assert faults is not None or told == []


class Recorder:
    """An owner that notes what it hears; `then` says what it does about it, by the name of the call."""

    def __init__(self, **then: Callable[[], object]) -> None:
        self.heard: list[str] = []
        self.data = bytearray()
        self.reason: CloseReason | None = None
        self.then = then
        self._changed = trio.Event()

    def connected(self, now: float) -> None:
        self._note("connected")

    def received(self, data: bytes, now: float) -> None:
        assert data
        self.data += data
        self._note("received")

    def finished(self, now: float) -> None:
        self._note("finished")

    def lost(self, reason: CloseReason, now: float) -> None:
        assert self.reason is None, "told twice"
        self.reason = reason
        self._note("lost")

    def crashed(self, now: float) -> None:
        self._note("crashed")

    def _note(self, what: str) -> None:
        if not (what == "received" and self.heard[-1:] == ["received"]):
            self.heard.append(what)
        self._changed.set()
        if what in self.then:
            self.then[what]()

    async def hears(self, what: str) -> None:
        await self.until(lambda: what in self.heard)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed = trio.Event()
            await self._changed.wait()


class Side(Recorder):
    """One side of a relay."""

    other: Link
    kept = 0  # octets are counted instead of kept

    def received(self, data: bytes, now: float) -> None:
        self.kept += len(data)
        self.other.send(data)

    def finished(self, now: float) -> None:
        super().finished(now)
        self.other.finish()

    def lost(self, reason: CloseReason, now: float) -> None:
        super().lost(reason, now)
        self.other.close()


class Peer:
    """The other end of a connection, on a plain socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        opened.append(sock)
        self.plain = sock
        self.sock = trio.socket.from_stdlib_socket(sock)

    async def send(self, data: bytes) -> None:
        await trio.SocketStream(self.sock).send_all(data)

    async def receive(self, count: int) -> bytes:
        """Read so many octets, fewer only at their end."""
        data = bytearray()
        while len(data) < count:
            more = await self.sock.recv(min(count - len(data), 1 << 20))
            if not more:
                break
            data += more
        return bytes(data)

    async def end(self) -> bytes:
        """Read up to the end."""
        return await self.receive(1 << 40)

    async def is_reset(self) -> bool:
        """Read up to a reset; an orderly end is none."""
        try:
            await self.end()
        except ConnectionResetError:
            return True
        return False

    def finish(self) -> None:
        self.plain.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def fill(self) -> int:
        """Send until the kernel takes no more, without waiting; tell how much it took."""
        total = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                total += self.plain.send(b"x" * 65536)
        return total


def listening(*, small: bool = False, backlog: int = 100) -> socket.socket:
    """Open a listening socket on a free port; what it accepts has small buffers if asked for."""
    sock = socket.socket()
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    return sock


def address(sock: socket.socket) -> Address:
    """Say where a listening socket listens."""
    return Address(*sock.getsockname()[:2])


def pair(*, small: bool = True) -> tuple[socket.socket, socket.socket]:
    """Connect two sockets over TCP; by default their buffers are small."""
    with listening(small=small) as listener:
        one = socket.socket()
        if small:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        one.connect(listener.getsockname())
        other, _ = listener.accept()
    return one, other


def adopted(board: Switchboard, owner: Recorder, *, small: bool = True) -> tuple[Link, Peer]:
    """Give the switchboard one end of a new connection, and the test the other."""
    ours, theirs = pair(small=small)
    return board.adopt(ours, owner), Peer(theirs)


def relay(board: Switchboard, *, small: bool = True) -> tuple[Side, Side, Peer, Peer]:
    """Have the switchboard relay between two peers; the sides' `other` tell their links."""
    left, right = Side(), Side()
    right.other, one = adopted(board, left, small=small)
    left.other, other = adopted(board, right, small=small)
    return left, right, one, other


def dialled(board: Switchboard, owner: Recorder, *, small: bool = False) -> tuple[Link, Peer]:
    """Dial a peer that accepts at once; the switchboard sees that when the test next waits."""
    with listening(small=small) as listener:
        link = board.dial(address(listener), owner, within=WITHIN)
        sock, _ = listener.accept()
    return link, Peer(sock)


async def settled() -> None:
    """Let every task run until it waits: what the sockets had to tell has then been heard."""
    await trio.testing.wait_all_tasks_blocked(0.01)
