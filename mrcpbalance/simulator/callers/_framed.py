"""A simulated caller that speaks MRCPv2 on its connection, without SIP to set channels up."""

import itertools
from collections import deque
from collections.abc import Iterator, Mapping

from mrcpbalance.config import Address
from mrcpbalance.simulator import _mrcpv2
from mrcpbalance.simulator._messages import Event, Request, Response
from mrcpwire import mrcpv2

from ._calling import KEPT, Caller, Events, Refused


class FramedChannel:
    """A channel as its caller sees it; made by `FramedCaller.open` or by a `SipCall`."""

    def __init__(self, caller: "FramedCaller", name: str, request_ids: Iterator[int] | None = None) -> None:
        self.id = name
        self.events = Events()
        self._caller = caller
        self._request_ids = request_ids or itertools.count(1)

    async def request(
        self, method: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Send a request and wait for its answer."""
        asked = Request(
            method=method,
            request_id=next(self._request_ids),
            headers=tuple((headers or {}).items()),
            body=body,
        )
        raw = _mrcpv2.write(asked, self.id)
        return await self._caller.ask((self.id, asked.request_id), f"{method} on {self.id}", raw)

    async def event(self) -> Event:
        """Wait for the next event; raises `ConnectionLost` once none can come."""
        return await self.events.next()

    async def teardown(self) -> int:
        """Send a literal TEARDOWN and forget the channel; returns the status."""
        status = (await self.request("TEARDOWN")).status
        self._caller.forget(self)
        return status


class FramedCaller(Caller[Response]):
    """One connection; channels are opened with `open` and may be used by any number of tasks at once."""

    def __init__(self, address: Address, *, name: str = "caller", source: str | None = None) -> None:
        super().__init__(address, name=name, source=source)
        self.channels: dict[str, FramedChannel] = {}
        self._ended_ids: deque[str] = deque(maxlen=KEPT)
        self._receiver = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        self._numbers = itertools.count(1)

    async def open(
        self, resource: str, *, channel_id: str | None = None, setup: bool = True
    ) -> FramedChannel:
        """Open a channel, with a literal SETUP unless told otherwise; raises `Refused` when that isn't answered 200.

        Without a `channel_id` each caller counts its own channels, so that several callers use the same ids.
        """
        name = f"{channel_id or format(next(self._numbers), '04x')}@{resource}"
        channel = self.channels[name] = FramedChannel(self, name)
        if setup and (status := (await channel.request("SETUP")).status) != 200:  # noqa: PLR2004 - success
            self.forget(channel)
            raise Refused(status)
        return channel

    def attach(self, name: str, request_ids: Iterator[int]) -> FramedChannel:
        """Use a channel that was set up by other means; the ids of its session's requests are counted together."""
        channel = self.channels[name] = FramedChannel(self, name, request_ids)
        return channel

    def forget(self, channel: FramedChannel) -> None:
        """Keep no events of a channel that ended."""
        channel.events.close()
        if self.channels.pop(channel.id, None):
            self._ended_ids.append(channel.id)

    def receive(self, data: bytes) -> bytes:
        """Take octets: answers and events."""
        self._receiver.receive_data(data)
        while (message := self._receiver.next_event()) is not None:
            self._received(message.channel.decode("latin-1"), _mrcpv2.read(message))
        return b""

    def event_queues(self) -> Iterator[Events]:
        """Go through the event queues of every channel."""
        return (channel.events for channel in self.channels.values())

    def _received(self, name: str, message: Request | Response | Event) -> None:
        channel = self.channels.get(name)
        if isinstance(message, Response):
            self.settled((name, message.request_id), message)
        elif isinstance(message, Request):
            self.anomalies.append(f"{name}: a request from a server: {message.method}")
        elif channel is not None:
            if not channel.events.add(message):
                self.anomalies.append(f"{name}: too many events")
        elif name not in self._ended_ids:
            self.anomalies.append(f"{message.name} for {name}, which is no channel here")
