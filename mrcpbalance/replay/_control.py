"""Control connections of a play, in either role: where each channel is spoken to, and who hears what comes on it."""

from collections.abc import Callable

import trio

from mrcpbalance.config import Address
from mrcpbalance.traces import Connection, Session
from mrcpbalance.traces.replay import Control
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import mrcpv2

from ._link import Dialler, Link, Lost


class Controls:
    """All of one group. A caller opens them as answers ask for it, a server takes them as they come."""

    def __init__(
        self,
        heard: Callable[[Session, mrcpv2.Message, Link], None],
        ended: Callable[[], None],
        dialler: Dialler,
    ) -> None:
        self._heard = heard
        self._ended = ended
        self._dialler = dialler
        self._owners: dict[bytes, Session] = {}  # by the channels of now
        self._at: dict[bytes, Link] = {}  # where a channel was last spoken on
        self._opened: dict[tuple[Session, Connection], Link] = {}
        self._by_address: dict[Address, Link] = {}
        self.links: list[Link] = []
        self._lot = trio.lowlevel.ParkingLot()

    def own(self, channel: bytes, session: Session) -> None:
        """Have a session hear what comes on a channel."""
        self._owners[channel] = session

    def taken(self, link: Link) -> None:
        """Take a connection that came."""
        self.links.append(link)
        self._lot.unpark_all()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something that another connection brings."""
        while not happened():
            await self._lot.park()

    def heard(self, link: Link, parsed: Parsed) -> None:
        """Take a message; one for a channel nobody has is nobody's."""
        assert isinstance(parsed, mrcpv2.Message)
        session = self._owners.get(parsed.channel)
        if session is not None:
            self._at[parsed.channel] = link
            self._heard(session, parsed, link)

    def ended(self, _link: Link) -> None:
        """Take note of a connection's end."""
        self._ended()

    async def open(self, session: Session, connection: Connection, control: Control) -> Link:
        """Open what stands for a captured connection, unless an answer lets the session share one; raises `Lost`."""
        link = self._opened.get((session, connection))
        if link is None:
            address = Address(control.host, control.port)
            link = self._by_address.get(address) if control.shared else None
            if link is None or not link.alive:
                receiver = mrcpv2.Receiver(mrcpv2.Policy.REPAIR)
                link = await self._dialler.dial(address, receiver, self.heard, self.ended)
                self.links.append(link)
            self._opened[session, connection] = self._by_address[address] = link
        return link

    def of(self, sessions: tuple[Session, ...], connection: Connection | None) -> list[Link]:
        """Give the connections that stand for a captured one, or for all; for servers those of the sessions' channels."""
        opened = [
            link
            for (session, one), link in self._opened.items()
            if session in sessions and connection in (None, one)
        ]
        used = [link for channel, link in self._at.items() if self._owners[channel] in sessions]
        return list(dict.fromkeys(opened or used or self.links))

    async def answer(self, channel: bytes, data: bytes) -> None:
        """Say something where a channel was spoken to; raises `Lost`."""
        link = self._at.get(channel)
        if link is None:
            raise Lost("nobody has spoken on the channel")
        await link.say(data)
