"""Host names of backends: looked up at the start and again from time to time, so that dialling never has to wait.

All addresses of a name are kept and used in turn. One that doesn't answer comes after the others until the next look-up
but one, or until a probe finds it well.
"""

import math
import socket
from collections.abc import Callable
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address, Config
from mrcpbalance.sessions.ports import Journal

AGAIN: Final = 30.0  # seconds between look-ups, unless told otherwise
PATIENCE: Final = 5.0  # seconds that the start, or a reload, may wait for them
MOST: Final = 64  # addresses of one name; a name service may say anything
TURNS: Final = 4_096  # places whose turns are remembered


@attrs.define(eq=False)
class Names:
    """The addresses of each name, as last found; `clock` gives seconds."""

    journal: Journal
    again: float = AGAIN  # seconds between look-ups
    hosts: frozenset[str] = frozenset()  # the names that are kept up to date
    clock: Callable[[], float] = trio.current_time
    known: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    lost: set[str] = attrs.field(factory=set)
    _turns: dict[Address, int] = attrs.field(factory=dict)
    _avoided: dict[Address, float] = attrs.field(factory=dict)  # and until when
    _hurry: trio.Event = attrs.field(factory=trio.Event)  # some name was not looked up yet

    # For those who dial.

    def all(self, address: Address) -> tuple[Address, ...]:
        """Give every address that a host has, by number; none while its name is not known."""
        return tuple(Address(number, address.port) for number in self.known.get(address.host, ()))

    def places(self, address: Address) -> tuple[Address, ...]:
        """Give the same in the order in which to try them; whoever asks takes a turn."""
        found = self.all(address)
        if len(found) < 2:  # noqa: PLR2004 - nothing to choose
            return found
        well = [place for place in found if not self.is_avoided(place)]
        turn = self._turns.get(address, 0)
        if len(self._turns) >= TURNS:
            self._turns.clear()
        self._turns[address] = turn + 1
        at = turn % len(well) if well else turn % len(found)
        rest = [place for place in found if place not in well]
        return (*well[at:], *well[:at], *rest) if well else (*found[at:], *found[:at])

    def hosts_of(self, address: Address) -> dict[str, bool]:
        """Tell of each address that a host name has whether it is avoided."""
        found = self.all(address)
        return {place.host: len(found) > 1 and self.is_avoided(place) for place in found}

    def is_avoided(self, place: Address) -> bool:
        """Tell whether one of several addresses comes after the others."""
        return self._avoided.get(place, -math.inf) > self.clock()

    def missed(self, place: Address, why: str) -> None:
        """Take note that nobody answers at one of several addresses."""
        if not self.is_avoided(place):
            self.journal.note("address-avoided", level="warning", address=str(place), reason=why)
        self._avoided[place] = self.clock() + 2 * self.again

    def answered(self, place: Address) -> None:
        """Take note that a probe found it well."""
        if self._avoided.pop(place, -math.inf) > self.clock():
            self.journal.note("address-back", address=str(place))

    # Keeping them up to date.

    async def meet(self, hosts: frozenset[str]) -> None:
        """Look up those not known yet, and wait for that, though not for ever: a name service may be silent."""
        with trio.move_on_after(PATIENCE):
            await self.look_up(hosts - self.known.keys())

    def attend(self, hosts: frozenset[str]) -> None:
        """Keep these up to date from now on, and forget all others."""
        self.hosts = hosts
        self.known = {host: found for host, found in self.known.items() if host in hosts}
        self.lost &= hosts
        if hosts - self.known.keys():
            self._hurry.set()

    async def keep(self) -> None:
        """Look every name up again and again; at once where the first look-up took too long."""
        while True:
            with trio.move_on_after(self.again if self.hosts else math.inf):
                await self._hurry.wait()
            self._hurry = trio.Event()
            await self.look_up(self.hosts)
            now = self.clock()
            self._avoided = {place: until for place, until in self._avoided.items() if until > now}

    async def look_up(self, hosts: frozenset[str]) -> None:
        """Look these up, once."""
        async with trio.open_nursery() as nursery:
            for host in hosts:
                nursery.start_soon(self._look_up, host)

    async def _look_up(self, host: str) -> None:
        try:
            found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            if host not in self.lost:
                self.lost.add(host)
                kept = self.known.get(host, ())
                self.journal.note("name-not-found", level="warning", host=host, reason=str(error), kept=kept)
            return
        self.lost.discard(host)
        numbers = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))[:MOST]
        if set(self.known.get(host, ())) != set(numbers):  # name services change the order with every answer
            self.known[host] = numbers
            self.journal.note("name-found", host=host, addresses=numbers)


def backend_hosts(config: Config) -> frozenset[str]:
    """Give every host that some backend of a configuration is at, other than literals."""
    return frozenset(
        address.host
        for pool in config.pools.values()
        for backend in pool.backends.values()
        for address in (backend.rtsp, backend.sip, backend.mrcp, backend.tcp)
        if address is not None and not _literal(address.host)
    )


def _literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False
