"""Sockets that a reload took away while calls still need them: they stay until these have ended.

A listener that comes back to one of them before that goes on with it.
"""

from collections.abc import Collection, Sequence
from typing import Final

import attrs

from mrcpbalance.mrcpv2 import Call
from mrcpbalance.sessions.ports import Alarm

from .doors import Door, Placed
from .proxy import Proxy
from .sip import Telephone
from .sockets import Bound, Use
from .switchboard_datagrams import Datagrams

LOOK: Final = 1.0  # seconds from one look to the next
LATE: Final = 32.0  # seconds in which the last of them may still be asked to repeat itself: 64 * T1


@attrs.define(eq=False)
class Retirement:
    """Waits for the end of the calls that live when it begins, and a little longer; then closes what it holds."""

    proxy: Proxy
    door: Door
    telephone: Telephone
    placed: list[Placed]
    whole: bool  # the telephone goes too
    calls: Sequence[Call] = attrs.field(init=False)
    alarm: Alarm = attrs.field(init=False)

    @classmethod
    def begin(
        cls, proxy: Proxy, door: Door, telephone: Telephone, placed: Sequence[Placed], *, whole: bool
    ) -> None:
        """Let nobody begin a call there, and wait."""
        retirement = cls(proxy, door, telephone, list(placed), whole)
        agent = telephone.agent
        agent.leaving = whole
        for one in placed:
            if isinstance(one.handle, Datagrams):
                agent.network.retire(one.handle)
        retirement.calls = agent.live_calls()
        retirement.alarm = proxy.switchboard.alarm(retirement._look)
        retirement.alarm.set(proxy.switchboard.fresh() + (LOOK if retirement.calls else LATE))
        door.retiring.append(retirement)

    def give_back(self, sockets: Collection[Bound]) -> list[Placed]:
        """Give those of its sockets that are to go on."""
        found = [one for one in self.placed if one.bound in sockets]
        for one in found:
            self.placed.remove(one)
            if isinstance(one.handle, Datagrams):
                self.telephone.agent.network.restore(
                    one.handle, inside=one.bound.use is Use.CONTACT_DATAGRAMS
                )
        return found

    def give_back_telephone(self) -> Telephone:
        """Give the telephone, which is to go on."""
        self.whole = self.telephone.agent.leaving = False
        return self.telephone

    def _look(self, now: float) -> None:
        if not self.calls:
            self._finish()
            return
        self.calls = [call for call in self.calls if call.ended is None]
        self.alarm.set(now + (LOOK if self.calls else LATE))

    def _finish(self) -> None:
        """Close what no call needs any more."""
        agent = self.telephone.agent
        for one in self.placed:
            if isinstance(one.handle, Datagrams):
                agent.network.drop(one.handle)
            else:
                one.handle.close()
        if self.whole:
            self.proxy.agents.remove(agent)
            agent.close()
        self.door.retiring.remove(self)
