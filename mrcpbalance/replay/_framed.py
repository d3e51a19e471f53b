"""Playing MRCPv2 messages without SIP: the channels of one captured connection on one live one, in either role."""

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import Close, Fact, Group, Role, Step, fact
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import mrcpv2

from ._inbox import Heard
from ._link import Link, Lost
from ._play import Play, Terms
from ._rtsp import Target


class FramedPlay(Play):
    """Channels keep their names, which count on their connection alone."""

    def __init__(
        self, group: Group, role: Role, terms: Terms, copy: int, *, target: Target | None = None
    ) -> None:
        super().__init__(group, role, terms, copy)
        self._target = target
        self._link: Link | None = None
        self._owners = {session.id.encode(): session for session in group.sessions}

    def joined(self, link: Link) -> None:
        """Take the connection that is played on."""
        self._link = link

    def heard(self, link: Link, parsed: Parsed) -> None:
        """Take a message; one for a channel the capture doesn't have is nobody's."""
        assert isinstance(parsed, mrcpv2.Message)
        session = self._owners.get(parsed.channel)
        if session is not None and not self.is_over:
            self.put(session, Heard(fact(parsed), parsed, link))

    def ended(self, _link: Link) -> None:
        """Take note of the connection's end."""
        self.stir()

    def is_hopeless(self, session: Session, wanted: Fact) -> bool:
        """Nothing comes on a connection that is closed."""
        return self._link is None or not self._link.alive

    def is_closed(self, step: Step) -> bool:
        """Tell whether the other side has closed."""
        return self._link is not None and not self._link.alive

    async def act(self, step: Step) -> None:
        """Do a step of ours."""
        if isinstance(step.what, Close):
            if self._link is not None:
                await self._link.finish()
            return
        if self._link is None:
            if self._target is None:
                raise Lost("no connection came")
            receiver = mrcpv2.Receiver(mrcpv2.Policy.REPAIR)
            target = self._target
            self.joined(await target.dialler.dial(target.address, receiver, self.heard, self.ended))
        if isinstance(step.what, Message) and self._link is not None:
            await self._link.say(step.what.raw)

    async def leave(self) -> None:
        """Close the connection."""
        if self._link is not None and self.role == "caller":
            await self._link.finish()
