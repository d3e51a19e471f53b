"""How a process that ends leaves the addresses it listens at: newcomers go to the process that shares them, if one does."""

from typing import TYPE_CHECKING

import trio

from .doors import Door, Placed
from .sharing import Sharing
from .sockets import Use
from .switchboard_datagrams import Datagrams

if TYPE_CHECKING:
    from .proxy import Proxy


async def leave(proxy: "Proxy", stop_now: trio.Event) -> None:
    """Take no more callers. What is shared is left in two steps, so that nobody who is on the way is lost."""
    doors = list(proxy.doors.values())
    placed = [one for door in doors for one in door.placed]
    shared = [one.handle for one in placed if one.bound.sharing is not Sharing.NOBODY and not _of_calls(one)]
    fronts = [*shared, *proxy.fronts]
    if fronts:
        for front in fronts:
            front.stand_aside()
        await _take_the_last(proxy, stop_now)
    for one in placed:  # what live calls still need stays open, unless it isn't ours alone
        if one.bound.use is Use.CALLERS or (_of_calls(one) and one.bound.sharing is not Sharing.NOBODY):
            one.handle.finish()
    for door in doors:
        _leave_port(door)
    for front in proxy.fronts:
        front.finish()


def _of_calls(placed: Placed) -> bool:
    """Tell whether it is for calls that stand, so that no other process can do for us."""
    return placed.bound.use not in (Use.CALLERS, Use.DATAGRAMS)


async def _take_the_last(proxy: "Proxy", stop_now: trio.Event) -> None:
    """Go on taking sessions for a while, and close connections so that their callers find the other process."""
    now, within = proxy.switchboard.fresh(), proxy.config.timeouts.handover
    proxy.journal.note("handing-over", sessions=len(proxy.register), within_s=within)
    proxy.callers.make_way(now + within, now)
    with trio.move_on_after(within):
        await stop_now.wait()


def _leave_port(door: Door) -> None:
    """Be gone from a SIP port that another process has now; its calls have one of their own."""
    telephone = door.gate.telephone
    for one in door.placed:
        shared = one.bound.use is Use.DATAGRAMS and one.bound.sharing is Sharing.PORT
        if shared and isinstance(one.handle, Datagrams) and telephone is not None:
            one.handle.finish()
            telephone.agent.network.leave_first()
