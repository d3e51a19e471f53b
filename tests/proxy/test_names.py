"""Host names of backends: looked up beforehand, again and again, and what is known is kept while nothing better is."""

import socket
from functools import partial
from typing import Any

import pytest
import trio

from mrcpbalance.config import Address, parse
from mrcpbalance.proxy import serve
from mrcpbalance.proxy.names import AGAIN, MOST, PATIENCE, TURNS, Names, backend_hosts
from mrcpbalance.simulator import RtspCaller, SpeechServer

CONFIG = """
[pools.one.health]
probe = "none"
[pools.one.backends.a]
rtsp = "asr-1.example:1554"
sip = "192.0.2.1:5060"
[pools.one.backends.b]
mrcp = "ASR-2.example:1544"
tcp = "[2001:db8::1]:9000"
rtsp = "asr-1.example:1555"
[listeners.front]
protocol = "rtsp"
bind = "127.0.0.1:0"
pool = "one"
"""


class Book(trio.abc.HostnameResolver):
    """A name service whose entries the test changes; what isn't in it is unknown."""

    def __init__(self, **entries: list[str]) -> None:
        self.entries: dict[str, list[str]] = dict(entries)
        self.silent = False
        self.asked: list[str] = []
        trio.socket.set_custom_hostname_resolver(self)

    async def getaddrinfo(self, host: Any, port: Any, *_: object, **__: object) -> Any:
        self.asked.append(host.decode())
        if self.silent:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        found = self.entries.get(host.decode().partition(".")[0])
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in found]

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise NotImplementedError


class Journal:
    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, object]]] = []

    def note(self, event: str, /, **fields: object) -> None:
        self.notes.append((event, fields))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.notes]


HOSTS = frozenset({"asr.example"})
ASR = Address("asr.example", 1554)


def order(names: Names, port: int = 1554) -> str:
    """Give the last parts of the addresses that the next leg would try, in order."""
    return "".join(place.host[-1] for place in names.places(Address("asr.example", port)))


def test_only_names_are_looked_up() -> None:
    assert backend_hosts(parse(CONFIG, "names.toml")) == {"asr-1.example", "asr-2.example"}


async def test_a_name_is_found_and_told_once() -> None:
    journal, book = Journal(), Book(asr=["192.0.2.1", "2001:db8::2", "192.0.2.1"])
    names = Names(journal)
    assert names.places(ASR) == names.all(ASR) == ()
    await names.look_up(HOSTS)
    book.entries["asr"].reverse()  # as name services do
    await names.look_up(HOSTS)
    assert names.all(ASR) == (Address("192.0.2.1", 1554), Address("2001:db8::2", 1554))
    assert journal.notes == [
        ("name-found", {"host": "asr.example", "addresses": ("192.0.2.1", "2001:db8::2")})
    ]


async def test_its_addresses_are_used_in_turn() -> None:
    Book(asr=["192.0.2.1", "192.0.2.2", "192.0.2.3"])
    names = Names(Journal())
    await names.look_up(HOSTS)
    assert [order(names) for _ in range(4)] == ["123", "231", "312", "123"]
    assert order(names, 1555) == "123", "each port has its own turns"


async def test_one_that_does_not_answer_comes_last_for_a_time_and_the_others_share_its_turns() -> None:
    journal, _ = Journal(), Book(asr=["192.0.2.1", "192.0.2.2", "192.0.2.3"])
    names = Names(journal)
    await names.look_up(HOSTS)
    for _ in range(2):
        names.missed(Address("192.0.2.2", 1554), "refused")
    assert [order(names) for _ in range(3)] == ["132", "312", "132"]
    assert order(names, 1555) == "123"
    assert list(names.hosts_of(ASR).values()) == [False, True, False]
    names.answered(Address("192.0.2.2", 1554))
    names.answered(Address("192.0.2.2", 1554))
    assert order(names) == "123"
    assert journal.events == ["name-found", "address-avoided", "address-back"]
    for last in "123":
        names.missed(Address(f"192.0.2.{last}", 1554), "refused")
    assert [order(names) for _ in range(2)] == ["231", "312"]
    names.answered(Address("192.0.2.1", 1554))
    await trio.sleep(2 * AGAIN + 1)
    assert order(names) == "123"


async def test_what_is_remembered_of_turns_is_bounded() -> None:
    Book(asr=["192.0.2.1", "192.0.2.2"])
    names = Names(Journal())
    await names.look_up(HOSTS)
    for port in range(1, TURNS + 3):
        names.places(Address("asr.example", port))
    assert len(names._turns) < TURNS


async def test_only_so_many_addresses_are_taken() -> None:
    Book(asr=[f"192.0.2.{last}" for last in range(200)])
    names = Names(Journal())
    await names.look_up(HOSTS)
    assert len(names.all(ASR)) == MOST


async def test_an_address_that_vanished_is_used_no_more() -> None:
    journal, book = Journal(), Book(asr=["192.0.2.1", "192.0.2.2"])
    names = Names(journal)
    await names.look_up(HOSTS)
    book.entries["asr"] = ["192.0.2.2"]
    await names.look_up(HOSTS)
    assert [order(names) for _ in range(2)] == ["2", "2"]
    assert journal.events == ["name-found", "name-found"]


async def test_what_is_known_outlives_a_name_service_that_fails() -> None:
    journal, book = Journal(), Book(asr=["192.0.2.1"])
    names = Names(journal)
    await names.look_up(HOSTS)
    del book.entries["asr"]
    for _ in range(3):
        await names.look_up(HOSTS)
    assert order(names) == "1"
    book.entries["asr"] = ["192.0.2.1"]
    await names.look_up(HOSTS)
    del book.entries["asr"]
    await names.look_up(HOSTS)
    assert journal.events == ["name-found", "name-not-found", "name-not-found"]
    assert journal.notes[1][1]["kept"] == ("192.0.2.1",)


async def test_names_are_looked_up_again_and_again() -> None:
    names, book = Names(Journal()), Book(asr=["192.0.2.1"])
    async with trio.open_nursery() as nursery:
        await names.meet(HOSTS)
        names.attend(HOSTS)
        nursery.start_soon(names.keep)
        book.entries["asr"] = ["192.0.2.9"]
        await trio.sleep(AGAIN + 1)
        assert order(names) == "9"
        nursery.cancel_scope.cancel()
    assert len(book.asked) == 2


async def test_what_is_avoided_no_more_is_forgotten() -> None:
    names, _ = Names(Journal()), Book(asr=["192.0.2.1"])
    names.missed(Address("192.0.2.1", 1), "refused")
    names.attend(HOSTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names.keep)
        await trio.sleep(3 * AGAIN + 1)
        nursery.cancel_scope.cancel()
    assert names._avoided == {}


async def test_how_often_is_a_setting() -> None:
    names, book = Names(Journal(), 5.0), Book(asr=["192.0.2.1"])
    names.attend(HOSTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names.keep)
        await trio.sleep(11)
        nursery.cancel_scope.cancel()
    assert len(book.asked) == 3


async def test_without_names_nothing_is_awaited() -> None:
    names = Names(Journal())
    begun = trio.current_time()
    await names.meet(frozenset())
    assert trio.current_time() == begun


async def test_names_of_another_configuration_are_met_and_old_ones_forgotten() -> None:
    names, book = Names(Journal()), Book(asr=["192.0.2.1"], tts=["192.0.2.2"])
    await names.meet(HOSTS)
    names.attend(HOSTS)
    other = frozenset({"tts.example"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(names.keep)
        await names.meet(other | HOSTS)
        assert book.asked == ["asr.example", "tts.example"]
        names.attend(other)
        assert list(names.known) == ["tts.example"]
        await trio.sleep(AGAIN + 1)
        assert book.asked[2:] == ["tts.example"]
        names.attend(other | {"gone.example"})
        await trio.sleep(1)
        assert set(book.asked[3:]) == {"tts.example", "gone.example"}, "what isn't known is looked up at once"
        nursery.cancel_scope.cancel()


async def test_a_silent_name_service_does_not_keep_it_from_starting() -> None:
    book, journal = Book(), Journal()
    book.silent = True
    async with trio.open_nursery() as nursery:
        begun = trio.current_time()
        config = parse(CONFIG, "names.toml")
        await nursery.start(partial(serve, config, journal=journal, ended=lambda *_: None))
        assert trio.current_time() - begun == PATIENCE
        nursery.cancel_scope.cancel()


@pytest.mark.real_time
async def test_a_backend_by_its_name() -> None:
    Book(**{"asr-1": ["127.0.0.1"]})
    async with SpeechServer() as server, trio.open_nursery() as nursery:
        text = CONFIG.replace("asr-1.example:1554", f"asr-1.example:{server.address.port}")
        config = parse(text.replace("ASR-2", "asr-1").replace("example:1555", "example:9"), "names.toml")
        journal = Journal()
        addresses = await nursery.start(partial(serve, config, journal=journal, ended=lambda *_: None))
        async with RtspCaller(addresses["front"][0]) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        assert journal.notes[0] == ("name-found", {"host": "asr-1.example", "addresses": ("127.0.0.1",)})
        nursery.cancel_scope.cancel()
