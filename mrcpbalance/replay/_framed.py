"""Playing MRCPv2 messages without SIP: the channels of one captured connection on one live one, in either role."""

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import Group, Role, fact
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import mrcpv2

from ._inbox import Heard
from ._link import Link
from ._linked import LinkedPlay, Target
from ._play import Terms


class FramedPlay(LinkedPlay):
    """Channels keep their names, which count on their connection alone."""

    def __init__(
        self, group: Group, role: Role, terms: Terms, copy: int, *, target: Target | None = None
    ) -> None:
        super().__init__(group, role, terms, copy, target=target)
        self._owners = {session.id.encode(): session for session in group.sessions}

    def receiver(self) -> mrcpv2.Receiver:
        """Make what cuts octets into messages."""
        return mrcpv2.Receiver(mrcpv2.Policy.REPAIR)

    def heard(self, link: Link, parsed: Parsed) -> None:
        """Take a message; one for a channel the capture doesn't have is nobody's."""
        assert isinstance(parsed, mrcpv2.Message)
        session = self._owners.get(parsed.channel)
        if session is not None and not self.is_over:
            self.put(session, Heard(fact(parsed), parsed, link))

    def written(self, session: Session, message: Message) -> bytes:
        """Say it as it was said."""
        del session
        return message.raw
