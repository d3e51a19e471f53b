"""A TCP server that sends back what it gets: something behind passthrough listeners."""

from collections.abc import Iterable

from mrcpbalance.config import Address
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._faults import Fault
from mrcpbalance.simulator._transcript import Entry

from ._listening import LOOPBACK, Server


class EchoServer(Server):
    """Echoes octets, behind a greeting if there is one; ends its side after the caller ended theirs."""

    def __init__(
        self,
        name: str = "echo",
        *,
        bind: Address = LOOPBACK,
        faults: Iterable[Fault] = (),
        greeting: bytes = b"",
    ) -> None:
        super().__init__(name, bind=bind, faults=faults)
        self.greeting = greeting

    async def talk(self, connection: Connection) -> None:
        """Echo until the caller ends their side, then send what is left."""
        if self.greeting:
            await connection.send(self.greeting)
        while data := await connection.read():
            self.transcript.add(Entry(sender="caller", name="octets", connection=connection.number, raw=data))
            await self.send(connection, Entry(sender="server", name="octets", raw=data), "octets")
        await connection.drain()
