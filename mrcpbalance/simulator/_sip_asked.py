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
    at_last: Callable[[sip.Response], None] | None = None  # takes the final response at once
    _final: sip.Response | None = None
    _done: trio.Event = attrs.field(factory=trio.Event)

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method.decode("ascii")

    def answered(self, response: sip.Response) -> bool:
        """Take a response; tell whether it is the final one."""
        if response.status < FINAL:
            return False
        self._final = response
        self._done.set()
        if self.at_last is not None:
            self.at_last(response)
        return True

    def unanswered(self) -> None:
        """Take it that no final response will come."""
        self._done.set()

    async def final(self) -> sip.Response:
        """Wait for the final response; raises `NoAnswer`."""
        await self._done.wait()
        if self._final is None:
            raise NoAnswer(self.method)
        return self._final
