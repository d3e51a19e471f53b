"""The SIP of a whole play: one user agent, which call each request belongs to, and the ways to the server."""

import secrets
from collections.abc import Callable
from typing import Final, Protocol

from mrcpbalance.config import Address
from mrcpbalance.simulator import Connection as Octets
from mrcpbalance.simulator import UserAgent
from mrcpbalance.traces import Connection, Message
from mrcpwire import sip
from mrcpwire import sip_transactions as wire
from mrcpwire.sip_transactions import Flow

from ._call import Call
from ._link import Lost, why

_GONE: Final = 481
MOST_CALLS: Final = 20_000


class Player(Protocol):
    """Who plays calls."""

    def told(self, call: Call, event: wire.NewRequest | wire.Cancelled) -> None:
        """Take a request of the other side."""


class Desk:
    """Hands requests to the plays; `stranger` takes those of calls that are not known yet, and tells whether it did."""

    def __init__(self, stranger: Callable[[wire.NewRequest], bool] = lambda _: False) -> None:
        self.agent = UserAgent(self, trying=False)
        self.calls: dict[bytes, tuple[Player, Call]] = {}
        self._stranger = stranger

    def know(self, play: Player, call: Call) -> None:
        """Have a play take the requests of a call; the oldest calls are forgotten."""
        self.calls[call.id] = (play, call)
        while len(self.calls) > MOST_CALLS:
            del self.calls[next(iter(self.calls))]

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

    def leave(self, copy: int) -> None:
        """Close the connections of one time."""
        for key in [key for key in self._flows if key[0] == copy]:
            octets = self._flows.pop(key).key
            if isinstance(octets, Octets):
                octets.close()
