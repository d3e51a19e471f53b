"""What a reload does to listeners that run: they go by another configuration, move to other sockets, or go.

Callers that are there stay, and so do their sessions. A socket that nobody needs is closed at once; one that calls were
told of stays until they have ended.
"""

from collections.abc import Sequence

import attrs

from mrcpbalance.config import Address, Config, ListenerConfig
from mrcpbalance.sessions import Routes

from .doors import Door, Placed
from .guests import Guests
from .proxy import Proxy
from .retiring import Retirement
from .sip import Telephone
from .sockets import Bound, Kept, Use


@attrs.frozen
class Keeping(Kept):
    """The sockets of a proxy that may go on under another configuration."""

    proxy: Proxy
    config: Config

    def own(self, name: str, use: Use, asked: Address) -> Bound | None:
        """Find the one that a listener has, to be kept."""
        door = self.proxy.doors.get(name) or self.proxy.former_doors.get(name)
        if door is None:
            return None
        leaving = [placed for retirement in door.retiring for placed in retirement.placed]
        had = [placed.bound for placed in (*door.placed, *leaving)]
        return next((bound for bound in had if bound.use is use and bound.asked == asked), None)

    def spare(self, asked: Address) -> Bound | None:
        """Take over one for callers that another listener gives up, with those who wait in its backlog."""
        for name, door in self.proxy.doors.items():
            for bound in (placed.bound for placed in door.placed):
                if bound.use is Use.CALLERS and bound.address == asked and self._gives_up(name, bound):
                    return bound
        return None

    def _gives_up(self, name: str, bound: Bound) -> bool:
        its = self.config.listeners.get(name)
        return its is None or bound.asked not in its.bind


def change(proxy: Proxy, listener: ListenerConfig, sockets: Sequence[Bound]) -> bool:
    """Let a listener, and the connections it has, go by what stands there now; tell whether its way in is another."""
    door, config = proxy.doors[listener.name], proxy.config
    gate = door.gate
    context, before = gate.context, gate.telephone
    told = _told(context.listener) != _told(listener)
    context.listener, context.routes = listener, Routes.of(listener, proxy.pools)
    context.timeouts, context.limits = config.timeouts, config.limits
    gate.table = None if listener.stick_table is None else proxy.tables[listener.stick_table]
    door.guests = Guests(listener.allow)
    had = {placed.bound for placed in door.placed}
    for retirement in door.retiring:
        door.placed += retirement.give_back(sockets)
    gone = proxy.place(door, sockets)
    if gate.telephone is not None:
        gate.telephone.guests = door.guests
    _retire(proxy, door, before, gone, whole=gate.telephone is not before)
    return told or had != set(sockets)


def _told(listener: ListenerConfig) -> tuple[str, str, str | None]:
    """Give what callers see of a listener, apart from its sockets."""
    return listener.protocol, listener.control, listener.advertise


def remove(proxy: Proxy, name: str) -> None:
    """Take no more callers; whoever is there stays, without new sessions."""
    door = proxy.doors.pop(name)
    door.gate.context.draining = _always
    gone, door.placed = door.placed, []
    telephone, door.gate.telephone = door.gate.telephone, None
    _retire(proxy, door, telephone, gone, whole=True)
    proxy.former_doors = {
        former: its for former, its in {**proxy.former_doors, name: door}.items() if its.retiring
    }


def revive(proxy: Proxy, name: str) -> bool:
    """Have a listener that was taken out back, if calls still live there; it is to be `change`d then."""
    door = proxy.former_doors.pop(name, None)
    if door is None or not door.retiring:
        return False
    door.gate.context.draining = proxy.is_draining
    proxy.doors[name] = door
    return True


def _always() -> bool:
    return True


def _retire(
    proxy: Proxy, door: Door, telephone: Telephone | None, gone: Sequence[Placed], *, whole: bool
) -> None:
    """Close sockets, those that live calls need when these have ended; with the whole telephone, if it is to go too."""
    for placed in gone:
        if placed.bound.use is Use.CALLERS:
            placed.handle.close()
    needed = [placed for placed in gone if placed.bound.use is not Use.CALLERS]
    if telephone is not None and (needed or whole):
        Retirement.begin(proxy, door, telephone, needed, whole=whole)
