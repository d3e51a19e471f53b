"""Another configuration while sessions are live: what changes, what stays, and what is refused."""

from collections.abc import Awaitable, Callable  # noqa: TC003 - as everywhere
from functools import partial
from typing import Any

import pytest
import trio

from mrcpbalance.config import Address, Config, parse
from mrcpbalance.proxy import Changes, Proxy, Reloader, serve
from mrcpbalance.proxy.reload import CannotReloadError, NotNowError, apply
from mrcpbalance.simulator import EchoServer, Refused, RtspCaller, SpeechServer
from tests.proxy.test_names import Book
from tests.scenarios.by_hand import calling, refusing_address
from tests.scenarios.running import FIRST, TCP, V1, Named, Running, with_backends

pytestmark = pytest.mark.real_time
SECOND = '[listeners.second]\nprotocol = "rtsp"\nbind = "{}"\npool = "speech"\n'


def config(text: str, *servers: Any, backend: str = "", key: str | None = None) -> Config:
    return parse(with_backends(text, *servers, backend=backend, key=key), "reload.toml")


class Live:
    """A running proxy whose configuration may change."""

    def __init__(self, nursery: trio.Nursery, first: Config) -> None:
        self.nursery = nursery
        self.next = first
        self.journal = Running()
        self.reloader = Reloader(lambda: self.next)
        self.proxy: Proxy
        self.address: Address

    async def start(self) -> "Live":
        async def keep(proxy: Proxy, *, task_status: trio.TaskStatus[None]) -> None:
            self.proxy = proxy
            await self.reloader.run(proxy, task_status=task_status)

        companions: list[Callable[..., Awaitable[None]]] = [keep]
        addresses = await self.nursery.start(
            partial(
                serve,
                self.next,
                journal=self.journal,
                ended=lambda session, _: self.journal.ended.add(session),
                companions=companions,
            )
        )
        self.address = addresses["front"][0]
        return self

    def become(self, text: str, *servers: Any, backend: str = "") -> Changes:
        return apply(self.proxy, config(text, *servers, backend=backend))


async def test_sessions_stay_where_they_are_while_backends_change() -> None:
    async with SpeechServer("a") as a, SpeechServer("b") as b, trio.open_nursery() as nursery:
        live = await Live(nursery, config(FIRST + V1, a)).start()
        async with RtspCaller(live.address) as caller:
            first = await caller.setup("speechsynth")
            kept = live.proxy.pools["speech"].backends["a"]
            changes = live.become(FIRST + V1, b, a, backend="max_sessions = 1")
            assert (changes.backends_added, changes.backends_removed) == (("speech/b",), ())
            assert live.proxy.pools["speech"].backends["a"] is kept
            second = await caller.setup("speechsynth")
            assert live.proxy.pools["speech"].backends["b"].sessions == 1
            with pytest.raises(Refused):
                await caller.setup("speechsynth")
            assert live.become(FIRST + V1, b).backends_removed == ("speech/a",)
            assert live.proxy.pools["speech"].leaving == (kept,)
            assert await first.teardown() == 200
            assert await second.teardown() == 200
            assert kept.sessions == 0
            assert list(live.proxy.pools["speech"].leaving) == []
            third = await caller.setup("speechsynth")
            assert await third.teardown() == 200
        await a.transcript.until(lambda entry: entry.name == "TEARDOWN")
        assert [session.backend for session in live.journal.ended if session.answered_at] == ["a", "b", "b"]
        nursery.cancel_scope.cancel()


async def test_listeners_come_and_go() -> None:
    async with SpeechServer("a") as a, trio.open_nursery() as nursery:
        live = await Live(nursery, config(V1, a)).start()
        other = await refusing_address()
        async with RtspCaller(live.address) as caller:
            session = await caller.setup("speechsynth")
            changes = live.become(V1 + SECOND.format(other), a)
            assert changes.listeners_added == ("second",)
            async with RtspCaller(other) as elsewhere:
                assert await (await elsewhere.setup("speechsynth")).teardown() == 200
            assert live.become(SECOND.format(other), a).listeners_removed == ("front",)
            with pytest.raises(OSError, match="onnect"):
                await trio.open_tcp_stream(live.address.host, live.address.port)
            with pytest.raises(Refused, match="503"):
                await caller.setup("speechsynth")
            assert await session.teardown() == 200
        nursery.cancel_scope.cancel()


async def test_bounds_tables_and_pools_change() -> None:
    async with EchoServer("a") as a, trio.open_nursery() as nursery:
        table = 'stick_table = "{0}"\n[stick_tables.{0}]\nsize = {1}\n'
        live = await Live(nursery, config(TCP + table.format("one", 5), a)).start()
        live.become(TCP + table.format("one", 6) + "[limits]\nsessions = 7\nconnections = 1\n", a)
        assert (live.proxy.tables["one"].size, live.proxy.register.limit) == (6, 7)
        async with calling(live.address) as caller:
            await caller.says(b"hello")
            await caller.hears(b"hello")
            async with calling(live.address) as turned_away:
                assert (await turned_away.rest())[0] == b""
        live.become(TCP + table.format("two", 5), a)
        assert set(live.proxy.tables) == {"two"}
        old = live.proxy.pools["speech"].backends["a"]
        other = TCP.replace('"speech"', '"other"') + f'[pools.other.backends.b]\ntcp = "{a.address}"\n'
        apply(live.proxy, parse(other, "reload.toml"))
        assert set(live.proxy.pools) == {"other"}
        async with calling(live.address) as caller:
            await caller.says(b"hello")
            await caller.hears(b"hello")
        assert old.sessions == 0
        assert live.become(TCP + "[log]\nformat = 'console'\n", a).needs_restart == ("log",)
        nursery.cancel_scope.cancel()


async def test_who_may_come_changes() -> None:
    async with EchoServer("a") as a, trio.open_nursery() as nursery:
        live = await Live(nursery, config(TCP, a)).start()
        live.become(TCP + 'allow = ["192.0.2.0/24"]\n', a)
        async with calling(live.address) as caller:
            assert (await caller.rest())[0] == b""
        nursery.cancel_scope.cancel()


async def test_what_can_not_change_is_refused_and_nothing_changes() -> None:
    async with EchoServer("a") as a, trio.open_nursery() as nursery:
        live = await Live(nursery, config(TCP, a)).start()
        before = live.proxy.config
        taken = V1.replace("front", "second").replace("127.0.0.1:0", str(live.address))
        with pytest.raises(CannotReloadError, match=r"listeners\.second\.bind: can't listen"):
            live.become(TCP + taken, a, backend=f'rtsp = "{a.address}"')
        assert live.proxy.config is before
        assert set(live.proxy.doors) == {"front"}
        live.proxy.draining = True
        with pytest.raises(NotNowError, match="about to end"):
            live.become(TCP, a)
        nursery.cancel_scope.cancel()


async def test_wishes_are_seen_to_and_faults_are_told() -> None:
    async with EchoServer("a") as a, EchoServer("b") as b, trio.open_nursery() as nursery:
        live = await Live(nursery, config(TCP, a)).start()

        def faulty() -> Config:
            return parse("[pools]\n", "reload.toml")

        live.reloader.read = faulty
        live.reloader.wish()
        refused = await live.journal.until("reload-refused")
        assert "reload.toml:" in str(refused["fault"])
        live.reloader.read = lambda: config(TCP.replace("127.0.0.1:0", str(a.address)), a)
        live.reloader.wish()
        await live.journal.notes.until(lambda note: "listeners.front" in str(note.fields.get("fault")))
        live.reloader.read = lambda: config(TCP, b)
        live.reloader.wish()
        live.reloader.wish()
        live.reloader.wish()
        reloaded = await live.journal.until("reloaded")
        assert (reloaded["backends_added"], reloaded["backends_removed"]) == (("speech/b",), ("speech/a",))
        nursery.cancel_scope.cancel()


async def test_a_pool_that_comes_back_has_its_sessions() -> None:
    async with SpeechServer("a") as a, trio.open_nursery() as nursery:
        live = await Live(nursery, config(V1, a)).start()
        other = V1.replace('"speech"', '"other"') + f'[pools.other.backends.b]\nrtsp = "{a.address}"\n'
        async with RtspCaller(live.address) as caller:
            session = await caller.setup("speechsynth")
            pool = live.proxy.pools["speech"]
            apply(live.proxy, parse(other, "reload.toml"))
            assert live.proxy.leaving() == [pool]
            live.become(V1, a)
            assert (live.proxy.pools, live.proxy.leaving()) == ({"speech": pool}, [])
            apply(live.proxy, parse(other, "reload.toml"))
            assert await session.teardown() == 200
            assert live.proxy.leaving() == []
            live.become(V1, a)
            assert live.proxy.pools["speech"] is not pool
        nursery.cancel_scope.cancel()


async def test_what_came_of_it_is_told_to_whoever_asked() -> None:
    async with EchoServer("a") as a, EchoServer("b") as b, trio.open_nursery() as nursery:
        live = await Live(nursery, config(TCP, a)).start()
        live.next = config(TCP, b)
        assert (await live.reloader.reload(live.proxy)).backends_added == ("speech/b",)
        live.reloader.read = lambda: parse("[pools]\n", "reload.toml")
        with pytest.raises(CannotReloadError, match=r"reload\.toml:1: ") as refusal:
            await live.reloader.reload(live.proxy)
        assert not isinstance(refusal.value, NotNowError)
        assert len(live.journal.said("reload-refused")) == len(refusal.value.faults)
        nursery.cancel_scope.cancel()


async def test_names_of_new_hosts_are_known_before_anyone_is_sent_there() -> None:
    Book(**{"asr-1": ["127.0.0.1"]})
    async with SpeechServer("a") as a, SpeechServer("b") as b, trio.open_nursery() as nursery:
        live = await Live(nursery, config(V1, a)).start()
        live.next = config(V1, Named("b", Address("asr-1.example", b.address.port)))
        await live.reloader.reload(live.proxy)
        assert live.proxy.names.hosts == {"asr-1.example"}
        async with RtspCaller(live.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        assert [note.event for note in live.journal.notes] == ["name-found", "reloaded"]
        live.next = config(V1, a)
        await live.reloader.reload(live.proxy)
        assert (live.proxy.names.hosts, live.proxy.names.known) == (frozenset(), {})
        nursery.cancel_scope.cancel()


async def test_a_pool_that_stands_in_from_now_on() -> None:
    async with SpeechServer("a") as a, SpeechServer("far") as far, trio.open_nursery() as nursery:
        spare = f'[pools.spare]\nhealth.probe = "none"\nbackends.far.rtsp = "{far.address}"\n'
        live = await Live(nursery, config(FIRST + V1 + spare, a, backend="max_sessions = 1")).start()
        async with RtspCaller(live.address) as caller:
            first = await caller.setup("speechsynth")
            with pytest.raises(Refused):
                await caller.setup("speechsynth")
            leaning = FIRST + 'fallback = "spare"\n' + V1
            live.become(leaning + spare, a, backend="max_sessions = 1")
            second = await caller.setup("speechsynth")
            assert [session.id for session in far.sessions] == [second.id]
            live.become(FIRST + V1, a, backend="max_sessions = 1")
            with pytest.raises(Refused):
                await caller.setup("speechsynth")
            for session in (first, second):
                assert await session.teardown() == 200
        nursery.cancel_scope.cancel()


async def test_the_file_drains_and_disables() -> None:
    async with SpeechServer("a") as a, SpeechServer("b") as b, trio.open_nursery() as nursery:
        live = await Live(nursery, config(FIRST + V1, a, b)).start()
        async with RtspCaller(live.address) as caller:
            await caller.setup("speechsynth")
            live.become(FIRST + V1, a, b, backend='state = "draining"')
            assert len(a.sessions) == 1
            with pytest.raises(Refused, match="503"):
                await caller.setup("speechsynth")
            live.become(FIRST + V1, a, b, backend='state = "disabled"')
            await live.journal.ended.count(2)
            assert live.journal.ends == ["proxy/setup", "operator/active"]
        live.become(FIRST + V1, a, b)
        async with RtspCaller(live.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        nursery.cancel_scope.cancel()
