"""Playing the callers of a script against a proxy or server, once or many times over."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.traces import Protocol
from mrcpbalance.traces.replay import Group, Script

from ._desk import Desk, Ways
from ._framed import FramedPlay
from ._link import Dialler
from ._linked import Target
from ._play import Play, Result, Terms
from ._rtsp import RtspPlay
from ._sip_caller import SipCallerPlay

_NANOSECONDS: Final = 1e9
_ID_OCTETS: Final = 4


@attrs.frozen(kw_only=True)
class Call:
    """How often, how many at a time, and over what."""

    times: int = 1
    at_once: int = 1  # copies of the whole script
    groups: int = 500  # played at a time, of all copies together: each takes a connection or two
    transport: str | None = None  # of SIP: "udp" or "tcp", None as captured


async def call(
    script: Script,
    targets: Mapping[Protocol, Address],
    terms: Terms,
    how: Call,
    done: Callable[[Result], None],
) -> None:
    """Play every group; `done` is told of each session. Raises OSError where SIP can't be spoken from this machine."""
    calls = any(group.protocol is Protocol.MRCPV2 for group in script.groups)
    source = ""
    if calls:
        source, target = await _way(targets[Protocol.MRCPV2])
        targets = {**targets, Protocol.MRCPV2: target}
    async with trio.open_nursery() as background:
        dialler = Dialler(background, terms.timeout)
        desk = Desk() if calls else None
        if desk is not None:
            await background.start(desk.agent.run, Address(source, 0))
        callers = _Callers(script, targets, terms, how, done, dialler, desk)
        await callers.run()
        background.cancel_scope.cancel()


@attrs.define(eq=False)
class _Callers:
    script: Script
    targets: Mapping[Protocol, Address]
    terms: Terms
    how: Call
    done: Callable[[Result], None]
    dialler: Dialler
    desk: Desk | None
    ways: Ways | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.desk is not None:
            self.ways = Ways(self.desk.agent, self.targets[Protocol.MRCPV2], self.how.transport)

    async def run(self) -> None:
        copies = trio.CapacityLimiter(self.how.at_once)
        room = trio.CapacityLimiter(self.how.groups)
        async with trio.open_nursery() as nursery:
            for copy in range(self.how.times):
                await copies.acquire_on_behalf_of(copy)
                nursery.start_soon(self._copy, copy, copies, room)

    async def _copy(self, copy: int, copies: trio.CapacityLimiter, room: trio.CapacityLimiter) -> None:
        groups = self.script.groups
        began, start = trio.current_time(), groups[0].start if groups else 0
        async with trio.open_nursery() as nursery:
            for group in groups:
                await trio.sleep_until(began + (group.start - start) / _NANOSECONDS * self.terms.pace)
                token = (copy, group)
                await room.acquire_on_behalf_of(token)
                nursery.start_soon(self._play, group, copy, room, token)
        if self.ways is not None:
            self.ways.leave(copy)
        copies.release_on_behalf_of(copy)

    async def _play(self, group: Group, copy: int, room: trio.CapacityLimiter, token: object) -> None:
        try:
            await self._made(group, copy).run(self.done)
        finally:
            room.release_on_behalf_of(token)

    def _made(self, group: Group, copy: int) -> Play:
        ids = secrets.token_hex(_ID_OCTETS)
        if group.protocol is Protocol.MRCPV2:
            assert self.desk is not None
            assert self.ways is not None
            return SipCallerPlay(
                group, self.terms, copy, ids=ids, desk=self.desk, dialler=self.dialler, ways=self.ways
            )
        target = Target(self.targets[group.protocol], self.dialler)
        if group.protocol is Protocol.MRCPV1:
            return RtspPlay(group, "caller", self.terms, copy, ids=ids, target=target)
        return FramedPlay(group, "caller", self.terms, copy, target=target)


async def _way(target: Address) -> tuple[str, Address]:
    """Look a target up, and tell from which address of this machine it is reached; raises OSError."""
    found = await trio.socket.getaddrinfo(target.host, target.port, type=trio.socket.SOCK_DGRAM)
    family, _, _, _, address = found[0]
    with trio.socket.socket(family, trio.socket.SOCK_DGRAM) as probe:
        await probe.connect(address)
        return str(probe.getsockname()[0]), Address(str(address[0]), target.port)
