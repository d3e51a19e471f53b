"""The control connections of a simulated MRCPv2 server: taken while a channel is pending, demultiplexed by channel id."""

from collections.abc import Iterable
from typing import Literal

import attrs

from mrcpbalance.config import Address
from mrcpbalance.simulator import _mrcpv2
from mrcpbalance.simulator._connection import Connection
from mrcpbalance.simulator._faults import Fault
from mrcpbalance.simulator._messages import Request, title
from mrcpbalance.simulator._resources import Pace
from mrcpbalance.simulator._transcript import Entry
from mrcpwire import RemoteProtocolError, mrcpv2

from ._channel import Channel
from ._listening import LOOPBACK, Server

Sharing = Literal["unimrcp", "never", "always"]


@attrs.frozen
class Place:
    """A channel, and the session it is of."""

    channel: Channel
    session: str


class ControlServer(Server):
    """What takes control connections (F-25).

    A connection is accepted only while a channel is pending, that is answered and not used; else it is accepted and
    closed at once. A channel belongs to the connection that carries its first message; messages on others and for
    unknown channels are ignored.
    """

    def __init__(
        self,
        name: str,
        *,
        bind: Address = LOOPBACK,
        faults: Iterable[Fault] = (),
        pace: Pace | None = None,
        sharing: Sharing = "unimrcp",
    ) -> None:
        super().__init__(name, bind=bind, faults=faults)
        self.pace = pace or Pace()
        self.sharing = sharing
        self.turned_away = 0  # connections that came while no channel was pending
        self._places: dict[str, Place] = {}

    def install(self, channel: Channel, session: str) -> None:
        """Have a channel be known; it is pending until its first message."""
        self._places[channel.id] = Place(channel, session)

    def remove(self, channel: Channel) -> None:
        """Forget a channel."""
        place = self._places.get(channel.id)
        if place is not None and place.channel is channel:  # two of one session may bear one id (F-13)
            del self._places[channel.id]

    def choose(self, offered: bytes, address: str | None) -> bytes:
        """Answer what an offer from this address says of connections (A.9)."""
        if offered != b"existing" or self.sharing == "never":
            return b"new"
        known = self.sharing == "always" or any(one.peer == address for one in self.connections)
        return b"existing" if known else b"new"

    def control_lost(self, sessions: set[str]) -> None:
        """Take it that the connection of these sessions' channels has ended."""
        raise NotImplementedError

    async def talk(self, connection: Connection) -> None:
        """Handle one connection."""
        if all(place.channel.connection is not None for place in self._places.values()):
            self.turned_away += 1
            return
        receiver = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        try:
            while data := await connection.read():
                receiver.receive_data(data)
                while (message := receiver.next_event()) is not None:
                    await self._received(message, connection)
        except RemoteProtocolError as error:
            self.errors.append(str(error))
        finally:
            places = self._places.values()
            self.control_lost({place.session for place in places if place.channel.connection is connection})

    async def _received(self, message: mrcpv2.Message, connection: Connection) -> None:
        name = message.channel.decode("latin-1")
        request = _mrcpv2.read(message)
        if not isinstance(request, Request):
            self.errors.append(f"{name}: not a request: {title(request)}")
            return
        place = self._places.get(name)
        self.transcript.add(
            Entry(
                sender="caller",
                connection=connection.number,
                session=place.session if place else name,
                name=request.method,
                raw=message.raw,
            )
        )
        if place is not None and place.channel.connection in (None, connection):
            place.channel.connection = connection
            await place.channel.put(request)
