"""One session as a scenario sees it, whatever protocol carries it."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import attrs

from mrcpbalance.simulator._messages import Event, Response
from mrcpbalance.simulator.callers import FramedCaller, FramedChannel, RtspCaller, RtspSession, SipCall

# What MRCPv1 calls what scenarios call by MRCPv2's names.
_OLD: Final = {"START-INPUT-TIMERS": "RECOGNITION-START-TIMERS"}
_NEW: Final = {"START-OF-SPEECH": "START-OF-INPUT"}
SUCCESS: Final = range(200, 300)


class NotSupportedError(Exception):
    """A step that this protocol has nothing for."""


class UnexpectedStatusError(Exception):
    """Something was answered, though not with success."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Party(Protocol):
    """A session that was set up; its methods raise `ConnectionLost`, and `Refused` for what was not to be had."""

    async def request(self, resource: str, method: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Ask one of its resources; gives the MRCP answer."""

    async def event(self, resource: str) -> Event:
        """Wait for the next event, of this resource or of any."""

    async def add(self, resource: str) -> None:
        """Add a resource."""

    async def remove(self, resource: str) -> None:
        """Remove a resource."""

    async def refresh(self) -> None:
        """Say that it still lives."""

    async def release(self) -> None:
        """End it in order; raises `UnexpectedStatusError`."""

    def description(self) -> bytes:
        """Give the server's last session description; empty where there is none."""

    def drop(self) -> None:
        """Break its connections."""


@attrs.define
class RtspParty:
    """A session of MRCPv1."""

    caller: RtspCaller
    session: RtspSession

    async def request(self, resource: str, method: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Ask by an ANNOUNCE."""
        answer = await self.session.request(_OLD.get(method, method), headers, body, resource=resource)
        if answer.mrcp is None:
            raise UnexpectedStatusError(answer.rtsp_status)
        return answer.mrcp

    async def event(self, resource: str) -> Event:  # noqa: ARG002 - the events of all resources come together
        """Wait for the next event of the session."""
        event = await self.session.event()
        return attrs.evolve(event, name=_NEW.get(event.name, event.name))

    async def add(self, resource: str) -> None:
        """Add a resource by another SETUP."""
        await self.session.add(resource)

    async def remove(self, resource: str) -> None:
        """Remove one by a TEARDOWN of its own."""
        _expect(await self.session.teardown(resource))

    async def refresh(self) -> None:
        """Send a keep-alive (R-30)."""
        _expect(
            (await self.caller.ask_rtsp("OPTIONS", self.session.resources[0], session=self.session.id)).status
        )

    async def release(self) -> None:
        """Tear every resource down."""
        _expect(await self.session.teardown())

    def description(self) -> bytes:
        """Give that of the answer to the SETUP."""
        return self.session.reply.body

    def drop(self) -> None:
        """Reset the connection."""
        self.caller.reset()


@attrs.define
class SipParty:
    """A call of MRCPv2."""

    call: SipCall

    async def request(self, resource: str, method: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Ask on the resource's channel."""
        return await self.call.channels[resource].request(method, headers, body)

    async def event(self, resource: str) -> Event:
        """Wait for the next event of the resource's channel."""
        return await self.call.channels[resource].event()

    async def add(self, resource: str) -> None:
        """Add a channel by a re-INVITE."""
        await self.call.add(resource)

    async def remove(self, resource: str) -> None:
        """Remove one by a re-INVITE."""
        await self.call.remove(resource)

    async def refresh(self) -> None:
        """Offer the same again (RFC 4028)."""
        await self.call.refresh()

    async def release(self) -> None:
        """Send a BYE."""
        status = await self.call.bye()
        if status is None:
            raise UnexpectedStatusError(408)
        _expect(status)

    def description(self) -> bytes:
        """Give the last answer."""
        return self.call.answer

    def drop(self) -> None:
        """Reset the control connections; the BYE that follows is what UniMRCP sends then."""
        for control in self.call.controls:
            control.reset()


@attrs.define
class FramedParty:
    """Channels without SIP, one for each resource."""

    caller: FramedCaller
    channels: dict[str, FramedChannel]

    async def request(self, resource: str, method: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Ask on the resource's channel."""
        return await self.channels[resource].request(method, headers, body)

    async def event(self, resource: str) -> Event:
        """Wait for the next event of the resource's channel."""
        return await self.channels[resource].event()

    async def add(self, resource: str) -> None:
        """Open a channel."""
        self.channels[resource] = await self.caller.open(resource)

    async def remove(self, resource: str) -> None:
        """Close one."""
        _expect(await self.channels.pop(resource).teardown())

    async def refresh(self) -> None:
        """Fail: there is nothing to say that by."""
        raise NotSupportedError("MRCPv2 messages without SIP have no refresh")

    async def release(self) -> None:
        """Close every channel."""
        for resource in list(self.channels):
            await self.remove(resource)

    def description(self) -> bytes:
        """Give nothing: audio is arranged elsewhere."""
        return b""

    def drop(self) -> None:
        """Reset the connection."""
        self.caller.reset()


def _expect(status: int) -> None:
    if status not in SUCCESS:
        raise UnexpectedStatusError(status)


async def open_channels(caller: FramedCaller, resources: Sequence[str]) -> FramedParty:
    """Open a channel for each resource."""
    party = FramedParty(caller, {})
    for resource in resources:
        await party.add(resource)
    return party
