"""Guards against a host name with several addresses being used as if it had one: no turns, no next one, moved sessions."""

import pytest

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    EchoServer,
    FramedCaller,
    FramedServer,
    RtspCaller,
    SipCaller,
    SipServer,
    SpeechServer,
)
from tests.proxy.test_names import Book
from tests.scenarios.by_hand import calling
from tests.scenarios.mrcpv2 import OVER_TCP, SIP, front
from tests.scenarios.running import MRCP, TCP, V1, Named, Running, running

pytestmark = pytest.mark.real_time

HERE, THERE, SIX = "127.0.0.1", "127.0.0.2", "::1"
AGAIN = '[timeouts]\nresolve = "100ms"\n'


def named(server: SpeechServer | SipServer | FramedServer | EchoServer) -> Named:
    """Know a server's port, and its host by name."""
    return Named("a", Address("asr-1.example", server.address.port))


def at(host: str, server: SpeechServer | SipServer | FramedServer | EchoServer) -> Address:
    """Give the same port at another address."""
    return Address(host, server.address.port)


def used(proxy: Running) -> list[str]:
    """Tell where the backend of each session was that was answered, in the order of their ends."""
    return [session.address for session in proxy.ended if session.answered_at is not None]


async def test_connections_take_turns_and_what_belongs_together_stays_together() -> None:
    Book(**{"asr-1": [HERE, THERE, SIX]})
    async with (
        SpeechServer("here") as here,
        SpeechServer("there", bind=at(THERE, here)) as there,
        SpeechServer("six", bind=at(SIX, here)) as six,
        running(V1, named(here)) as proxy,
    ):
        for _ in range(6):
            async with RtspCaller(proxy.address) as caller:
                first, second = await caller.setup("speechsynth"), await caller.setup("speechrecog")
                for session in (first, second):
                    assert await session.teardown() == 200
        assert used(proxy) == [host for host in (HERE, THERE, SIX) * 2 for _ in range(2)]
        assert [server.sessions_total for server in (here, there, six)] == [4, 4, 4]


async def test_an_address_that_dies_costs_only_its_own_sessions() -> None:
    Book(**{"asr-1": [HERE, THERE]})
    async with (
        SpeechServer("here") as here,
        SpeechServer("there", bind=at(THERE, here)) as there,
        running(V1, named(here)) as proxy,
        RtspCaller(proxy.address) as one,
        RtspCaller(proxy.address) as other,
    ):
        first, second = await one.setup("speechsynth"), await other.setup("speechsynth")
        there.kill()
        await proxy.ended.count(1)
        assert proxy.ends == ["backend/active"]
        for _ in range(4):
            async with RtspCaller(proxy.address) as caller:
                assert await (await caller.setup("speechsynth")).teardown() == 200
        assert await first.teardown() == 200
        assert used(proxy) == [THERE] + [HERE] * 5
        assert len(proxy.said("address-avoided")) == 1
        assert proxy.said("attempt-failed") == []
        assert second.id


async def test_addresses_that_change() -> None:
    book = Book(**{"asr-1": [HERE]})
    async with (
        SpeechServer("here") as here,
        SpeechServer("there", bind=at(THERE, here)) as there,
        running(V1 + AGAIN, named(here)) as proxy,
        RtspCaller(proxy.address) as keeper,
    ):
        kept = await keeper.setup("speechsynth")
        book.entries["asr-1"] = [THERE]
        await proxy.notes.until(lambda note: note.fields.get("addresses") == (THERE,))
        async with RtspCaller(proxy.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        del book.entries["asr-1"]
        gone = await proxy.until("name-not-found")
        assert gone["kept"] == (THERE,)
        async with RtspCaller(proxy.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200
        assert await kept.teardown() == 200
        assert used(proxy) == [THERE, THERE, HERE]
        assert there.sessions_total == 2
        assert len(proxy.said("name-not-found")) == 1


@pytest.mark.parametrize("backend", ["", OVER_TCP])
async def test_calls_take_turns_and_an_address_that_is_dead_is_passed_over(backend: str) -> None:
    Book(**{"asr-1": [HERE, THERE, "127.0.0.3"]})
    async with (
        SipServer("here") as here,
        SipServer("there", bind=at(THERE, here)) as there,
        running(SIP, named(here), backend=backend, key="sip") as proxy,
        SipCaller(front(proxy)) as caller,
    ):
        for _ in range(5):
            call = await caller.invite("speechrecog")
            assert (await call.channels["speechrecog"].request("GET-PARAMS")).status == 200
            await call.bye()
        await proxy.ended.count(5)
        assert used(proxy) == [HERE, THERE, HERE, THERE, HERE]
        assert proxy.ends == ["client/teardown"] * 5
        assert len(there.transcript) > 0
        assert [avoided["address"] for avoided in proxy.said("address-avoided")] == [
            f"127.0.0.3:{here.address.port}"
        ]
        assert proxy.said("attempt-failed") == []


async def test_framed_channels_and_passthrough() -> None:
    Book(**{"asr-1": ["127.0.0.3", HERE]})
    async with FramedServer("a") as a, running(MRCP, named(a), key="mrcp") as proxy:
        for _ in range(2):
            async with FramedCaller(proxy.address) as caller:
                channel = await caller.open("speechsynth")
                await channel.teardown()
        await proxy.ended.count(2)
        assert used(proxy) == [HERE, HERE]
    async with EchoServer("b") as b, running(TCP, named(b), key="tcp") as proxy:
        for _ in range(2):
            async with calling(proxy.address) as raw:
                await raw.says(b"hello")
                await raw.hears(b"hello")
        await proxy.ended.count(2)
        assert used(proxy) == [HERE, HERE]
        assert len(proxy.said("address-avoided")) == 1


async def test_probes_keep_new_sessions_away_from_a_dead_address() -> None:
    Book(**{"asr-1": [HERE, THERE]})
    health = '[pools.speech.health]\ninterval = "50ms"\ninterval_down = "50ms"\n'
    async with (
        SpeechServer("here") as here,
        running(V1 + health, named(here)) as proxy,
    ):
        await proxy.until("address-avoided")
        async with SpeechServer("there", bind=at(THERE, here)):
            back = await proxy.until("address-back")
            assert back["address"] == f"{THERE}:{here.address.port}"
            here.offline = True
            await proxy.notes.until(lambda note: note.fields.get("address") == f"{HERE}:{here.address.port}")
            for _ in range(3):
                async with RtspCaller(proxy.address) as caller:
                    assert await (await caller.setup("speechsynth")).teardown() == 200
        down = await proxy.until("backend-down")
        assert down["reason"] == f"{HERE}: DESCRIBE answered 503; {THERE}: Connection refused"
        assert used(proxy) == [THERE] * 3
