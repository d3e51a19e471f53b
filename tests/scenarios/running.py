"""The whole proxy inside the test's own process, on loopback, and everything it told meanwhile."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

import attrs
import trio

from mrcpbalance.config import Address, parse
from mrcpbalance.proxy import serve
from mrcpbalance.sessions import Session
from mrcpbalance.simulator import EchoServer, FramedServer, SipServer

T = TypeVar("T")

# What most scenarios listen with: no probes, so that backends see nothing but what the scenario does.
LISTENER: Final = """
[listeners.front]
protocol = "{protocol}"
bind = "127.0.0.1:0"
pool = "speech"
"""
V1: Final = LISTENER.format(protocol="rtsp")
MRCP: Final = LISTENER.format(protocol="mrcp")
TCP: Final = LISTENER.format(protocol="tcp")
AUTO: Final = LISTENER.format(protocol="auto")
FIRST: Final = '[pools.speech]\npolicy = "first"\n'


class Told(Generic[T]):
    """What was told so far, in order; who waits for something is woken by it."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._lot = trio.lowlevel.ParkingLot()

    def __iter__(self) -> Iterator[T]:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> None:
        self._items.append(item)
        self._lot.unpark_all()

    def take_out(self, wanted: Callable[[T], bool]) -> list[T]:
        """Take such items out."""
        found = [item for item in self._items if wanted(item)]
        self._items = [item for item in self._items if not wanted(item)]
        return found

    async def until(self, wanted: Callable[[T], bool]) -> T:
        """Wait for such an item, and give the first."""
        while (found := next(filter(wanted, self._items), None)) is None:
            await self._lot.park()
        return found

    async def count(self, number: int) -> list[T]:
        """Wait for so many items, and give all there are."""
        while len(self._items) < number:
            await self._lot.park()
        return self._items


@attrs.frozen
class Note:
    """One line of the log."""

    event: str
    fields: Mapping[str, object]


class Running:
    """A running proxy, and its journal."""

    def __init__(self) -> None:
        self.addresses: Mapping[str, list[Address]] = {}
        self.ended = Told[Session]()
        self.notes = Told[Note]()

    @property
    def address(self) -> Address:
        """Where the only listener is."""
        ((address,),) = self.addresses.values()
        return address

    @property
    def ends(self) -> list[str]:
        """How each session ended, in order."""
        return [str(session.end) for session in self.ended]

    def note(self, event: str, /, **fields: object) -> None:
        """Take a line of the log."""
        self.notes.add(Note(event, fields))

    def said(self, event: str) -> list[Mapping[str, object]]:
        """Give the fields of every line about such an event."""
        return [note.fields for note in self.notes if note.event == event]

    async def until(self, event: str) -> Mapping[str, object]:
        """Wait for a line about such an event."""
        return (await self.notes.until(lambda note: note.event == event)).fields


class Backend(Protocol):
    """What a configuration must know of a server."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> Address: ...


@attrs.frozen
class Named:
    """A server that the proxy knows of and nobody runs."""

    name: str
    address: Address


def with_backends(text: str, *servers: Backend, backend: str = "", key: str | None = None) -> str:
    """Complete a configuration with a pool of these servers; `backend` is added to each of them."""
    tables = [text]
    if "[pools.speech.health]" not in text:
        tables.append('[pools.speech.health]\nprobe = "none"')
    for server in servers:
        line = f'{key or key_of(server)} = "{server.address}"'
        tables.append(f"[pools.speech.backends.{server.name}]\n{line}\n{backend}")
    return "\n".join(tables)


def key_of(server: Backend) -> str:
    """Tell which of a backend's addresses such a server is for."""
    match server:
        case SipServer():
            return "sip"
        case FramedServer():
            return "mrcp"
        case EchoServer():
            return "tcp"
        case _:
            return "rtsp"


@contextlib.asynccontextmanager
async def running(
    text: str, *servers: Backend, backend: str = "", key: str | None = None
) -> AsyncIterator[Running]:
    """Run a proxy with this configuration and a pool of these servers; it must not find a fault of its own."""
    config = parse(with_backends(text, *servers, backend=backend, key=key), "scenario.toml")
    proxy = Running()
    async with trio.open_nursery() as nursery:
        proxy.addresses = await nursery.start(
            partial(serve, config, journal=proxy, ended=lambda session, _: proxy.ended.add(session))
        )
        yield proxy
        nursery.cancel_scope.cancel()
    assert proxy.said("fault") == []
