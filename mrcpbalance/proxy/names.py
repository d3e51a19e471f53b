"""Host names of backends: looked up at the start and again from time to time, so that dialling never has to wait."""

import socket
from typing import Final

import attrs
import trio

from mrcpbalance.config import Config
from mrcpbalance.sessions.ports import Journal

AGAIN: Final = 30.0  # seconds between look-ups, unless told otherwise
PATIENCE: Final = 5.0  # seconds that the start may wait for them


@attrs.define(eq=False)
class Names:
    """The address of each name, as last found."""

    journal: Journal
    again: float = AGAIN  # seconds between look-ups
    known: dict[str, str] = attrs.field(factory=dict)
    lost: set[str] = attrs.field(factory=set)
    looked_up: trio.Event = attrs.field(factory=trio.Event)  # each of them once

    def get(self, host: str) -> str | None:
        """Give the address of a name, None while there is none."""
        return self.known.get(host)

    async def look_up(self, hosts: frozenset[str]) -> None:
        """Look every name up once."""
        async with trio.open_nursery() as nursery:
            for host in hosts:
                nursery.start_soon(self._look_up, host)

    async def keep(self, hosts: frozenset[str]) -> None:
        """Look every name up, now and again and again."""
        while hosts:
            await self.look_up(hosts)
            self.looked_up.set()
            await trio.sleep(self.again)

    async def wait(self, hosts: frozenset[str]) -> None:
        """Wait until every name was looked up, though not for ever: a name service may be silent."""
        if hosts:
            with trio.move_on_after(PATIENCE):
                await self.looked_up.wait()

    async def _look_up(self, host: str) -> None:
        try:
            found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            if host not in self.lost:
                self.lost.add(host)
                kept = self.known.get(host)
                self.journal.note("name-not-found", level="warning", host=host, reason=str(error), kept=kept)
            return
        self.lost.discard(host)
        addresses = [str(entry[4][0]) for entry in found]
        if self.known.get(host) not in addresses:  # as long as the name still has it, the one in use stays
            self.known[host] = addresses[0]
            self.journal.note("name-found", host=host, address=addresses[0])


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
