"""A listener moves to other sockets at a reload, or goes: callers and calls that are there stay."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from mrcpbalance.config import Address, Config
from mrcpbalance.proxy.reload import CannotReloadError, apply
from mrcpbalance.simulator import EchoServer, Refused, RtspCaller, SipCaller, SipServer, SpeechServer
from tests.proxy.test_reload import Live, config
from tests.scenarios.by_hand import calling, refusing_address
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.running import TCP, V1, Running

pytestmark = pytest.mark.real_time

LATE = 0.2


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrcpbalance.proxy.retiring.LOOK", 0.02)
    monkeypatch.setattr("mrcpbalance.proxy.retiring.LATE", LATE)


@contextlib.asynccontextmanager
async def live(first: Config) -> AsyncIterator[Live]:
    async with trio.open_nursery() as nursery:
        yield await Live(nursery, first).start()
        nursery.cancel_scope.cancel()


def at(text: str, address: Address) -> str:
    return text.replace("127.0.0.1:0", str(address))


def heard_at(journal: Running, listener: str = "front") -> Address:
    """Tell where a listener is since it was last moved, as the log does."""
    told = [note["addresses"] for note in journal.said("listening") if note["listener"] == listener][-1]
    assert isinstance(told, list)
    host, _, port = told[0].rpartition(":")
    return Address(host, int(port))


def is_free(address: Address, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            if kind == socket.SOCK_STREAM:
                probe.listen()
        except OSError:
            return False
        return True


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - nobody tells when a socket closes
            await trio.sleep(0.02)


async def until_free(address: Address, kind: socket.SocketKind = socket.SOCK_DGRAM) -> None:
    await until(lambda: is_free(address, kind))


async def test_callers_stay_when_their_listener_moves() -> None:
    async with SpeechServer("a") as a, live(config(V1, a)) as running:
        elsewhere = await refusing_address()
        async with RtspCaller(running.address) as caller:
            session = await caller.setup("speechsynth")
            changes = running.become(at(V1, elsewhere), a)
            assert (changes.listeners_changed, changes.listeners_added, changes.listeners_removed) == (
                ("front",),
                (),
                (),
            )
            assert heard_at(running.journal) == elsewhere
            with pytest.raises(OSError, match="onnect"):
                await trio.open_tcp_stream(running.address.host, running.address.port)
            async with RtspCaller(elsewhere) as other:
                assert await (await other.setup("speechsynth")).teardown() == 200
            assert await (await caller.setup("speechsynth")).teardown() == 200, "new sessions too"
            assert await session.teardown() == 200


async def test_it_stays_where_it_is_when_the_new_place_is_taken() -> None:
    async with SpeechServer("a") as a, SpeechServer("b") as b, live(config(V1, a)) as running:
        before = running.proxy.config
        taken = [
            at(V1, b.address),
            f"{V1}\n[listeners.second]\nprotocol = 'rtsp'\nbind = '{b.address}'\npool = 'speech'\n",
        ]
        for text in taken:
            with pytest.raises(CannotReloadError, match=r"\.bind: can't listen on"):
                running.become(text.replace("127.0.0.1:0", f"127.0.0.1:{running.address.port}"), a)
        assert running.proxy.config is before
        assert running.journal.said("listening") == []
        async with RtspCaller(running.address) as caller:
            assert await (await caller.setup("speechsynth")).teardown() == 200


async def test_another_protocol_at_the_same_place() -> None:
    async with EchoServer("e") as echo, SpeechServer("a") as a, live(config(TCP, echo)) as running:
        async with calling(running.address) as raw:
            await raw.says(b"hello")
            await raw.hears(b"hello")
            changes = running.become(V1, a)
            assert changes.listeners_changed == ("front",)
            assert heard_at(running.journal) == running.address
            async with RtspCaller(running.address) as caller:
                assert await (await caller.setup("speechsynth")).teardown() == 200
            await raw.says(b"again")
            await raw.hears(b"again")
        assert running.become(V1, a).listeners_changed == ()


async def test_listeners_that_change_names_or_places() -> None:
    one, two = await refusing_address(), await refusing_address()
    both = "[listeners.{}]\nprotocol = 'rtsp'\nbind = '{}'\npool = 'speech'\n[listeners.{}]\nprotocol = 'rtsp'\nbind = '{}'\npool = 'speech'\n"
    async with SpeechServer("a") as a, live(config(both.format("front", one, "back", two), a)) as running:
        for text in (
            both.format("front", two, "back", one),
            both.format("main", two, "back", one),
            both.format("back", two, "front", one),
        ):
            running.become(text, a)
            for address in (one, two):
                async with RtspCaller(address) as caller:
                    assert await (await caller.setup("speechsynth")).teardown() == 200
        running.become(f"[listeners.front]\nprotocol = 'rtsp'\nbind = '{one}'\npool = 'speech'\n", a)
        await until_free(two, socket.SOCK_STREAM)


def sip_config(text: str, server: SipServer) -> Config:
    return config(text, server, key="sip")


async def test_calls_go_on_when_their_listener_is_taken_out() -> None:
    other = await refusing_address()
    async with SipServer("a") as a, live(sip_config(SIP, a)) as running:
        proxy, address = running.proxy, running.address
        async with SipCaller(address) as caller, SipCaller(address, transport="tcp") as by_tcp:
            calls = [await caller.invite("speechrecog"), await by_tcp.invite("speechrecog")]
            (agent,) = proxy.agents
            rest = sip_config(at(SIP.replace("front", "rest"), other), a)
            apply(proxy, rest)
            for one in (caller, by_tcp):
                with pytest.raises(Refused, match="503"):
                    await one.invite("speechrecog")
            assert (await caller.options()).status == 503
            for call in calls:
                assert (await call.refresh()).status == 200
                await call.add("speechsynth")
                assert (await call.channels["speechsynth"].request("GET-PARAMS")).status == 200
            assert await calls[0].bye() == 200
            await trio.sleep(2 * LATE)
            assert not is_free(address, socket.SOCK_DGRAM), "the other call may still need it"
            assert await calls[1].bye() == 200
            await until_free(address)
            await until(lambda: agent not in proxy.agents)
            assert agent.live_calls() == []
        assert [str(session.end) for session in running.journal.ended if session.answered_at] == [
            "client/teardown"
        ] * 2


async def test_calls_go_on_when_their_listener_moves() -> None:
    async with SipServer("a") as a, live(sip_config(SIP, a)) as running:
        elsewhere = await refusing_address()
        address = running.address
        async with SipCaller(address) as caller, SipCaller(elsewhere) as newcomer:
            call = await caller.invite("speechrecog")
            apply(running.proxy, sip_config(at(SIP, elsewhere), a))
            with pytest.raises(Refused, match="503"):
                await caller.invite("speechrecog")
            new = await newcomer.invite("speechrecog")
            assert (await call.refresh()).status == (await new.refresh()).status == 200
            for one in (call, new):
                assert (await one.channels["speechrecog"].request("GET-PARAMS")).status == 200
            assert await call.bye() == 200
            await until_free(address)
            assert (await new.refresh()).status == 200
            assert await new.bye() == 200
        assert len(running.proxy.agents) == 1


async def test_a_listener_comes_back_while_calls_still_live_there() -> None:
    other, address = await refusing_address(), await refusing_address()
    front, back = at(SIP, address), at(SIP.replace("front", "rest"), other)
    async with SipServer("a") as a, live(sip_config(front, a)) as running:
        rest, both = sip_config(back, a), sip_config(back + front, a)
        async with SipCaller(address) as caller, SipCaller(address, transport="tcp") as by_tcp:
            calls = [await caller.invite("speechrecog"), await by_tcp.invite("speechrecog")]
            apply(running.proxy, rest)
            await until_free(address, socket.SOCK_STREAM)
            changes = apply(running.proxy, both)
            assert changes.listeners_added == ("front",)
            assert heard_at(running.journal).host == address.host
            calls += [await caller.invite("speechrecog")]
            apply(running.proxy, rest)
            apply(running.proxy, rest)
            for call in calls[:2]:
                assert await call.bye() == 200
            await trio.sleep(2 * LATE)
            assert (await calls[2].refresh()).status == 200, "though the calls of the first time are over"
            assert await calls[2].bye() == 200
            await until_free(address)
        await until(lambda: len(running.proxy.agents) == 1)


async def test_a_listener_moves_there_and_back() -> None:
    elsewhere, address = await refusing_address(), await refusing_address()
    async with SipServer("a") as a, live(sip_config(at(SIP, address), a)) as running:
        async with SipCaller(address) as caller, SipCaller(elsewhere) as other:
            calls = [await caller.invite("speechrecog")]
            apply(running.proxy, sip_config(at(SIP, elsewhere), a))
            calls += [await other.invite("speechrecog")]
            apply(running.proxy, sip_config(at(SIP, address), a))
            calls += [await caller.invite("speechrecog")]
            with pytest.raises(Refused, match="503"):
                await other.invite("speechrecog")
            for call in calls:
                assert (await call.refresh()).status == 200
                assert await call.bye() == 200
            await until_free(elsewhere)
            assert await (await caller.invite("speechrecog")).bye() == 200
        await until(lambda: not running.proxy.doors["front"].retiring)


async def test_what_callers_are_told_changes_for_new_calls() -> None:
    async with (
        SipServer("a") as a,
        live(sip_config(SIP, a)) as running,
        SipCaller(running.address) as caller,
    ):
        old = await caller.invite("speechrecog")
        assert running.proxy.agents[0].network.own.host == "127.0.0.1"
        changes = apply(running.proxy, sip_config(SIP + 'advertise = "localhost"\n', a))
        assert changes.listeners_changed == ("front",)
        new = await caller.invite("speechrecog")
        assert (old.dialog.remote_target, new.dialog.remote_target) == (
            b"sip:%s" % str(running.address).encode(),
            b"sip:localhost:%d" % running.address.port,
        )
        assert await old.bye() == await new.bye() == 200


async def test_control_goes_straight_to_backends_and_back() -> None:
    async with (
        SipServer("a") as a,
        live(sip_config(SIP, a)) as running,
        SipCaller(running.address) as caller,
    ):
        old = await caller.invite("speechrecog")
        control = running.proxy.agents[0].control_address
        apply(running.proxy, sip_config(SIP + 'control = "direct"\n', a))
        assert (await old.channels["speechrecog"].request("GET-PARAMS")).status == 200
        new = await caller.invite("speechrecog")
        assert b"%d TCP/MRCPv2" % a.control_port in new.answer
        assert await old.bye() == await new.bye() == 200
        await until_free(control, socket.SOCK_STREAM)
        apply(running.proxy, sip_config(SIP, a))
        again = await caller.invite("speechrecog")
        assert b"%d TCP/MRCPv2" % a.control_port not in again.answer
        assert await again.bye() == 200


async def test_from_sip_to_another_protocol_and_back() -> None:
    async with SipServer("a") as a, SpeechServer("b") as b:
        both = f'[pools.speech.backends.c]\nrtsp = "{b.address}"\n'
        async with live(sip_config(SIP + both, a)) as running:
            async with (
                SipCaller(running.address) as caller,
                SipCaller(running.address, transport="tcp") as by_tcp,
            ):
                calls = [await caller.invite("speechrecog"), await by_tcp.invite("speechrecog")]
                apply(running.proxy, sip_config(V1 + both, a))
                async with RtspCaller(running.address) as rtsp:
                    assert await (await rtsp.setup("speechsynth")).teardown() == 200
                for one in (caller, by_tcp):
                    with pytest.raises(Refused, match="503"):
                        await one.invite("speechrecog")
                for call in calls:
                    assert (await call.refresh()).status == 200
                    assert await call.bye() == 200
            await until_free(running.address)
            apply(running.proxy, sip_config(SIP + both, a))
            async with SipCaller(running.address) as caller:
                assert await (await caller.invite("speechrecog")).bye() == 200
