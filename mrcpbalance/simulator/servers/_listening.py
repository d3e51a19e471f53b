"""What every simulated server shares: a listener, its connections, a transcript, faults, and a sudden death."""

from collections.abc import Iterable
from typing import Final, Protocol

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator._connection import Connection, Hangup
from mrcpbalance.simulator._faults import Delay, Drop, Fault, Faults, Garbage, Refuse, Silence
from mrcpbalance.simulator._lifetime import Lifetime
from mrcpbalance.simulator._transcript import Entry, Transcript

LOOPBACK: Final = Address("127.0.0.1", 0)


class Standing(Protocol):
    """A session, whether or not its set-up has succeeded."""

    @property
    def stands(self) -> bool:
        """Whether it has."""


class Server(Lifetime):
    """A TCP server on loopback (a free port by default); `address` is known once it runs."""

    def __init__(self, name: str, *, bind: Address = LOOPBACK, faults: Iterable[Fault] = ()) -> None:
        self.name = name
        self.bind = bind
        self.faults = Faults.of(faults)
        self.transcript = Transcript()
        self.connections: set[Connection] = set()
        self.connections_total = 0
        self.errors: list[str] = []  # what callers did wrong
        self.max_sessions: int | None = None  # at a time; one more is refused
        self._address: Address | None = None
        self._listeners: list[trio.SocketListener] = []
        self._alive = trio.CancelScope()

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self._address is not None, f"{self.name} does not run yet"
        return self._address

    async def run(self, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled or killed; reports its `Address`."""
        with self._alive:
            async with trio.open_nursery() as nursery:
                self._address = await self.listen(self.bind, nursery)
                task_status.started(self._address)

    async def listen(self, bind: Address, nursery: trio.Nursery) -> Address:
        """Take connections there, as long as the nursery lives; tells the port too."""
        listeners = await trio.open_tcp_listeners(bind.port, host=bind.host)
        self._listeners += listeners
        await nursery.start(trio.serve_listeners, self._accepted, listeners)
        return Address(*listeners[0].socket.getsockname()[:2])

    def kill(self) -> None:
        """Die as a crashed process does: every connection is reset, new ones are refused."""
        self.reset_connections()
        for listener in self._listeners:
            listener.socket.close()
        self._alive.cancel()

    def reset_connections(self) -> None:
        """Reset every connection; the listener goes on."""
        for connection in self.connections:
            connection.reset()

    async def talk(self, connection: Connection) -> None:
        """Handle what a caller sends, until it ends its side."""
        raise NotImplementedError

    async def send(self, connection: Connection, entry: Entry, *points: str) -> None:
        """Send a message, and write it down, unless a fault at one of these points has it otherwise."""
        data = entry.raw
        drop = None
        for fault in self.faults.take((Delay, Silence, Drop, Garbage), *points, "*"):
            match fault:
                case Delay(seconds=seconds):
                    await trio.sleep(seconds)
                case Silence():
                    return
                case Garbage(octets=octets):
                    data = octets
                case Drop():
                    drop = fault
                    data = data[: fault.octets]
        if data:
            # Before it is sent: who gets the message may look at once.
            self.transcript.add(attrs.evolve(entry, connection=connection.number, raw=data))
            await connection.send(data)
        if drop is not None:
            await connection.hang_up(reset=drop.reset)

    def refusal(self, *points: str) -> int | None:
        """Tell the status a fault wants the request at one of these points refused with."""
        return next((fault.status for fault in self.faults.take(Refuse, *points)), None)

    def is_full(self, sessions: Iterable[Standing]) -> bool:
        """Tell whether there is no room for one more session beside those that stand."""
        return self.max_sessions is not None and sum(one.stands for one in sessions) >= self.max_sessions

    async def _accepted(self, stream: trio.SocketStream) -> None:
        self.connections_total += 1
        connection = Connection(self.connections_total, stream)
        self.connections.add(connection)
        try:
            await self._hold(connection)
        except* (Hangup, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the connection broke, or a fault ended it
        finally:
            self.connections.discard(connection)
            self.transcript.add(Entry(connection=connection.number, sender="caller", name="closed"))
            connection.close()

    async def _hold(self, connection: Connection) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.write)
            await self.send(connection, Entry(sender="server", name="greeting"), "accept")
            await self.talk(connection)
            nursery.cancel_scope.cancel()
