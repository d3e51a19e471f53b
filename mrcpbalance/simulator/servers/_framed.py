"""A simulated speech server that speaks MRCPv2 on its connections, without SIP to set channels up."""

from collections.abc import Iterable
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import _mrcpv2
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._faults import Fault
from mrcpbalance.simulator._messages import Request, title
from mrcpbalance.simulator._resources import Pace
from mrcpbalance.simulator._transcript import Entry
from mrcpwire import RemoteProtocolError, mrcpv2

from ._channel import NamedChannel
from ._listening import LOOPBACK, Server

UNAVAILABLE: Final = 501  # A.8


class FramedServer(Server):
    """Resources on channels that callers name; a channel belongs to the connection that opened it.

    The first message on an unknown channel opens it, unless `needs_setup`: then only a literal SETUP does. TEARDOWN
    closes it. A refusal is answered with an MRCP status. Fault points are those of `Faults`, and "EVENT".
    """

    def __init__(
        self,
        name: str = "framed",
        *,
        bind: Address = LOOPBACK,
        faults: Iterable[Fault] = (),
        pace: Pace | None = None,
        needs_setup: bool = False,
    ) -> None:
        super().__init__(name, bind=bind, faults=faults)
        self.pace = pace or Pace()
        self.needs_setup = needs_setup
        self.sessions: list[NamedChannel] = []  # live ones, oldest first
        self.sessions_total = 0

    def refusal(self, *points: str) -> int | None:
        """Refuse a set-up for which there is no room, or what a fault wants refused."""
        full = "SETUP" in points and self.is_full(self.sessions)
        return UNAVAILABLE if full else super().refusal(*points)

    async def talk(self, connection: Connection) -> None:
        """Handle one connection; its end is the end of its channels."""
        receiver = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        channels: dict[str, NamedChannel] = {}
        async with trio.open_nursery() as nursery:
            try:
                while data := await connection.read():
                    receiver.receive_data(data)
                    while (message := receiver.next_event()) is not None:
                        await self._received(message, connection, channels, nursery)
            except RemoteProtocolError as error:
                self.errors.append(str(error))
            nursery.cancel_scope.cancel()

    async def _received(
        self,
        message: mrcpv2.Message,
        connection: Connection,
        channels: dict[str, NamedChannel],
        nursery: trio.Nursery,
    ) -> None:
        name = message.channel.decode("latin-1")
        request = _mrcpv2.read(message)
        if not isinstance(request, Request):
            self.errors.append(f"{name}: not a request: {title(request)}")
            return
        entry = Entry(
            sender="caller",
            connection=connection.number,
            session=name,
            name=request.method,
            raw=message.raw,
        )
        self.transcript.add(entry)
        if name not in channels:
            channels[name] = NamedChannel(name, self, connection, needs_setup=self.needs_setup)
            nursery.start_soon(self._live, channels[name], channels)
        await channels[name].put(request)

    async def _live(self, channel: NamedChannel, channels: dict[str, NamedChannel]) -> None:
        self.sessions.append(channel)
        self.sessions_total += 1
        try:
            await channel.run()
        finally:
            self.sessions.remove(channel)
            del channels[channel.id]
