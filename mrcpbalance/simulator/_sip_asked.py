"""A SIP request of a simulated peer, and what came back for it."""

from collections.abc import Callable

import attrs
import trio

from mrcpwire import sip
from mrcpwire.sip_transactions import ClientTransaction, Flow

FINAL = 200  # the first status that is not provisional


class NoAnswer(Exception):  # noqa: N818 - what a peer is told, in the words it would use
    """No final response came: the time was over, or the connection broke."""


@attrs.define(eq=False)
class Asked:
    """A request that waits for its final response."""

    transaction: ClientTransaction
    request: sip.Request
    flow: Flow
    provisional: list[sip.Response] = attrs.field(factory=list)
    late: Callable[[sip.Response], None] | None = (
        None  # takes a final response for which nobody waits any more
    )
    _final: sip.Response | None = None
    _done: trio.Event = attrs.field(factory=trio.Event)
    _told: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method.decode("ascii")

    def answered(self, response: sip.Response) -> bool:
        """Take a response; tell whether it is the final one."""
        if response.status < FINAL:
            self.provisional.append(response)
            self._told.unpark_all()
            return False
        self._final = response
        self._settle()
        if self.late is not None:
            self.late(response)
        return True

    def unanswered(self) -> None:
        """Take it that no final response will come."""
        self._settle()

    def give_up(self, late: Callable[[sip.Response], None]) -> bool:
        """Wait no longer: `late` gets the final response. Tell whether it was there already."""
        self.late = late
        if self._final is not None:
            late(self._final)
        return self._done.is_set()

    async def ringing(self, status: int = 180) -> sip.Response:
        """Wait for a provisional response with this status; raises `NoAnswer` once none can come."""
        while (found := next((one for one in self.provisional if one.status == status), None)) is None:
            if self._done.is_set():
                raise NoAnswer(self.method)
            await self._told.park()
        return found

    async def final(self) -> sip.Response:
        """Wait for the final response; raises `NoAnswer`."""
        await self._done.wait()
        if self._final is None:
            raise NoAnswer(self.method)
        return self._final

    def _settle(self) -> None:
        self._done.set()
        self._told.unpark_all()
