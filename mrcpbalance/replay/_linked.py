"""What plays of sessions that live on one connection have in common: MRCPv1, and MRCPv2 messages without SIP."""

import attrs

from mrcpbalance.config import Address
from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import Close, Fact, Group, Role, Step
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import mrcpv2, rtsp

from ._link import Dialler, Link, Lost
from ._play import Play, Terms


@attrs.frozen
class Target:
    """The server that callers are played against."""

    address: Address
    dialler: Dialler


class LinkedPlay(Play):
    """Callers have a `target`; for servers the first message comes with its link."""

    def __init__(
        self, group: Group, role: Role, terms: Terms, copy: int, *, target: Target | None = None
    ) -> None:
        super().__init__(group, role, terms, copy)
        self.target = target
        self._link: Link | None = None

    # What a protocol's play does.

    def receiver(self) -> rtsp.Receiver | mrcpv2.Receiver:
        """Make what cuts octets into messages."""
        raise NotImplementedError

    def heard(self, link: Link, parsed: Parsed) -> None:
        """Take a message."""
        raise NotImplementedError

    def written(self, session: Session, message: Message) -> bytes | None:
        """Write a captured message for now; None where what it answers never came."""
        raise NotImplementedError

    # What they share.

    def joined(self, link: Link) -> None:
        """Take the connection that is played on."""
        self._link = link

    def ended(self, link: Link) -> None:
        """Take note of the connection's end."""
        del link
        self.stir()

    def is_hopeless(self, session: Session, wanted: Fact) -> bool:
        """Nothing comes on a connection that is closed."""
        del session, wanted
        return self._link is None or not self._link.alive

    def obstacle(self, session: Session) -> str:
        """Say why nothing can come any more."""
        del session
        return self._link.obstacle if self._link is not None else ""

    def is_closed(self, step: Step) -> bool:
        """Tell whether the other side has closed."""
        del step
        return self._link is not None and not self._link.alive

    async def act(self, step: Step) -> None:
        """Do a step of ours."""
        if isinstance(step.what, Close):
            if self._link is not None:
                await self._link.finish()
            return
        link = self._link or await self._connect()
        if isinstance(step.what, Message):
            data = self.written(step.sessions[0], step.what)
            if data is not None:
                await link.say(data)

    async def leave(self) -> None:
        """Close the connection, which ends what was not ended in due form (R-22)."""
        if self._link is not None and self.role == "caller":
            await self._link.finish()

    async def _connect(self) -> Link:
        if self.target is None:
            raise Lost("no connection came")
        link = await self.target.dialler.dial(self.target.address, self.receiver(), self.heard, self.ended)
        self.joined(link)
        return link
