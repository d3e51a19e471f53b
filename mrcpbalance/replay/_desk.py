"""The SIP of a whole play: one user agent, which call each request belongs to, and the ways to the server."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mrcpbalance.config import Address
from mrcpbalance.simulator import UserAgent
from mrcpbalance.traces import Connection, Message
from mrcpwire import sip
from mrcpwire import sip_transactions as wire
from mrcpwire.sip_transactions import Flow

from ._link import Lost, why

if TYPE_CHECKING:
    from ._call import Call
    from ._sip import SipPlay

_GONE: Final = 481


class Desk:
    """Hands requests to the plays; `stranger` takes those of calls that are not known yet, and tells whether it did."""

    def __init__(self, stranger: Callable[[wire.NewRequest], bool] = lambda _: False) -> None:
        self.agent = UserAgent(self, trying=False)
        self.calls: dict[bytes, tuple[SipPlay, Call]] = {}
        self._stranger = stranger

    def takes(self, request: sip.Request) -> bool:
        """Every request arrives."""
        del request
        return True

    def heard(self, response: sip.Response) -> None:
        """Whoever asked takes note."""

    def garbled(self, why: str) -> None:
        """Take it that something came which is no SIP; it counts for nothing."""

    def told(self, event: wire.Event) -> None:
        """Hand on what the other side asks."""
        if not isinstance(event, wire.NewRequest | wire.Cancelled):
            return
        play, call = self.calls.get(event.request.call_id, (None, None))
        if play is not None and call is not None:
            play.told(call, event)
        elif (
            isinstance(event, wire.NewRequest) and not self._stranger(event) and event.transaction is not None
        ):
            status = 200 if event.request.method == b"OPTIONS" else _GONE
            response = sip.response_to(event.request, status, to_tag=secrets.token_hex(4).encode())
            self.agent.respond(event.transaction, response)


class Ways:
    """The ways of all callers to their server: datagrams, or one connection for each of the capture."""

    def __init__(self, agent: UserAgent, target: Address, transport: str | None) -> None:
        self.target = target
        self._agent = agent
        self._transport = transport
        self._flows: dict[tuple[int, Connection | None], Flow] = {}

    async def to(self, copy: int, message: Message) -> Flow:
        """Give the way a captured message goes now; raises `Lost`."""
        if (self._transport or message.transport) == "udp":
            return self._agent.to(self.target)
        key = (copy, message.connection)
        flow = self._flows.get(key)
        if flow is None or self._agent.is_gone(flow):
            try:
                flow = await self._agent.connect(self.target)
            except OSError as error:
                raise Lost(f"can't connect to {self.target}: {why(error)}") from None
            self._flows[key] = flow
        return flow
