"""The connections that the sessions of a load share: each carries so many at a time, and ends with its last one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Generic, Literal, Protocol, TypeVar

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator.callers import ControlConnection, FramedCaller, RtspCaller, SipCaller

from ._parties import Party, RtspParty, SipParty, open_channels

Scheme = Literal["rtsp", "sip", "mrcp"]
C = TypeVar("C", RtspCaller, FramedCaller)


@attrs.frozen(kw_only=True)
class Target:
    """Whom a load is for."""

    scheme: Scheme
    address: Address
    transport: Literal["udp", "tcp"] = "udp"  # of SIP

    def __str__(self) -> str:
        """Write it as it is given on the command line."""
        transport = ";transport=tcp" if self.transport == "tcp" else ""
        return f"{self.scheme}://{self.address}{transport}"


class Trunks(Protocol):
    """Sets sessions up."""

    def open(self, resources: Sequence[str]) -> "AbstractAsyncContextManager[Opening]":
        """Lend a place on some connection for the life of one session."""


class Opening(Protocol):
    """A place for one session."""

    async def __call__(self) -> Party:
        """Set the session up; raises `Refused`, `ConnectionLost` or OSError."""


@attrs.define(eq=False)
class _Trunk(Generic[C]):
    """A connection, and how many sessions it carries."""

    caller: C
    users: int = 0
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    opened: trio.Event = attrs.field(factory=trio.Event)
    failed: OSError | None = None

    @property
    def usable(self) -> bool:
        """Whether further sessions may use it."""
        return self.failed is None and not self.caller.ended.is_set()

    async def live(self) -> None:
        """Connect, then read until nobody uses it."""
        with self.scope:
            try:
                async with self.caller:
                    self.opened.set()
                    await self.caller.ended.wait()
            except OSError as error:
                self.failed = error
            finally:
                self.opened.set()


@attrs.define(eq=False)
class StreamTrunks(Generic[C]):
    """Connections that carry sessions by themselves: RTSP, and MRCPv2 messages without SIP."""

    make: type[C]
    address: Address
    each: int  # sessions on one connection at a time
    nursery: trio.Nursery
    anomalies: list[str]
    _trunks: list[_Trunk[C]] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, resources: Sequence[str]) -> AsyncIterator[Opening]:
        """Lend a place on a connection that has room, or on a new one."""
        trunk = next((one for one in self._trunks if one.users < self.each and one.usable), None)
        if trunk is None:
            trunk = _Trunk(self.make(self.address))
            trunk.caller.anomalies = self.anomalies
            self._trunks.append(trunk)
            self.nursery.start_soon(trunk.live)
        trunk.users += 1
        try:
            yield _Place(trunk, resources)
        finally:
            trunk.users -= 1
            if not trunk.users:
                self._trunks.remove(trunk)
                trunk.scope.cancel()


@attrs.frozen
class _Place(Generic[C]):
    """One session's place on a connection."""

    trunk: _Trunk[C]
    resources: Sequence[str]

    async def __call__(self) -> Party:
        """Set the session up once the connection stands."""
        await self.trunk.opened.wait()
        if self.trunk.failed is not None:
            raise self.trunk.failed
        caller = self.trunk.caller
        if isinstance(caller, FramedCaller):
            return await open_channels(caller, self.resources)
        first, *others = self.resources
        session = await caller.setup(first)
        for resource in others:
            await session.add(resource)
        return RtspParty(caller, session)


@attrs.define(eq=False)
class SipTrunks:
    """Calls of one user agent; so many of them share a control connection."""

    caller: SipCaller
    each: int
    _controls: list[ControlConnection] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, resources: Sequence[str]) -> AsyncIterator[Opening]:
        """Lend a place beside calls whose control connection has room."""
        yield _Call(self, resources)

    def shared(self) -> ControlConnection | None:
        """Find a control connection with room for one more call."""
        self._controls = [one for one in self._controls if one.usable]
        return next((one for one in self._controls if len(one.users) < self.each), None)

    def note(self, control: ControlConnection | None) -> None:
        """Remember a connection that others may share."""
        if control is not None and self.each > 1 and control not in self._controls:
            self._controls.append(control)


@attrs.frozen
class _Call:
    trunks: SipTrunks
    resources: Sequence[str]

    async def __call__(self) -> Party:
        """Place the call."""
        call = await self.trunks.caller.invite(*self.resources, share=self.trunks.shared())
        self.trunks.note(call.control)
        return SipParty(call)


KEPT: Final = 100


class Anomalies(list[str]):
    """What no caller should see; the first are kept, all are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, what: str) -> None:
        """Note one."""
        self.total += 1
        if len(self) < KEPT:
            super().append(what)


@asynccontextmanager
async def trunks_to(target: Target, each: int, anomalies: list[str]) -> AsyncIterator[Trunks]:
    """Give the connections to a target, all of which end with this."""
    async with trio.open_nursery() as nursery:
        if target.scheme == "sip":
            async with SipCaller(target.address, transport=target.transport) as caller:
                caller.anomalies = anomalies
                yield SipTrunks(caller, each)
        elif target.scheme == "rtsp":
            yield StreamTrunks(RtspCaller, target.address, each, nursery, anomalies)
        else:
            yield StreamTrunks(FramedCaller, target.address, each, nursery, anomalies)
        nursery.cancel_scope.cancel()
