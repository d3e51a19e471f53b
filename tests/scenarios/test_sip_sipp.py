"""Guards against a SIP of our own making: sipp places calls and answers them, at 50 a second, by UDP and TCP, with loss."""

import zlib
from typing import Final

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.mrcpv2 import Agent
from mrcpbalance.proxy.switchboard_datagrams import Datagrams
from mrcpbalance.sessions.ports import DatagramPort
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import SIP, front
from tests.scenarios.running import FIRST, Running
from tests.scenarios.sipp_peers import answering, calling

pytestmark = pytest.mark.real_time

PATIENCE: Final = 25.0  # seconds; fail-safe


def over(transport: str) -> str:
    return f'sip_transport = "{transport}"'


async def all_ended(running: Running, how: str, calls: int) -> None:
    """Wait until every call has ended, all of them in this way."""
    with trio.fail_after(PATIENCE):
        await running.ended.count(calls)
    assert running.ends == [how] * calls


@pytest.mark.parametrize(
    ("callers", "backends", "calls"),
    [("udp", "udp", 200), ("tcp", "tcp", 200), ("udp", "tcp", 50), ("tcp", "udp", 50)],
)
async def test_calls_at_fifty_a_second(proxy: Proxy, callers: str, backends: str, calls: int) -> None:
    async with (
        answering("uas", calls, transport=backends) as server,
        proxy(SIP, server, backend=over(backends), key="sip") as running,
    ):
        outcome = await calling(front(running), "uac", calls, transport=callers)
        assert outcome.succeeded, outcome.screen
        await all_ended(running, "client/teardown", calls)
        assert await server.succeeded()


class Losses:
    """Loses every fourth datagram, whoever sends it, the first time it is sent."""

    def __init__(self) -> None:
        self.lost: set[bytes] = set()

    def lose(self, data: bytes) -> bool:
        if data in self.lost or zlib.crc32(data) % 4:
            return False
        self.lost.add(data)
        return True


async def test_calls_over_a_network_that_loses_datagrams(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, send, hear = Losses(), Datagrams.send, Agent.datagram

    def sends(self: Datagrams, data: bytes, to: Address) -> None:
        if not losses.lose(data):
            send(self, data, to)

    def hears(self: Agent, port: DatagramPort, data: bytes, source: Address, now: float) -> None:
        if not losses.lose(data):
            hear(self, port, data, source, now)

    monkeypatch.setattr(Datagrams, "send", sends)
    monkeypatch.setattr(Agent, "datagram", hears)
    calls = 40
    async with (
        answering("uas", 2 * calls) as server,  # a try may get lost and be made again
        proxy(SIP, server, key="sip") as running,
    ):
        outcome = await calling(front(running), "uac", calls, hold=1.6)  # no 2xx is under way any more then
        assert outcome.succeeded, outcome.screen
        await all_ended(running, "client/teardown", calls)
    assert len(losses.lost) > calls


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_that_are_cancelled(proxy: Proxy, transport: str) -> None:  # S-06
    calls = 25
    async with (
        answering("uas_rings", calls, transport=transport) as server,
        proxy(SIP, server, backend=over(transport), key="sip") as running,
    ):
        outcome = await calling(front(running), "uac_cancels", calls, transport=transport)
        assert outcome.succeeded, outcome.screen
        await all_ended(running, "client/setup", calls)
        assert await server.succeeded()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_that_are_refreshed_from_both_sides(proxy: Proxy, transport: str) -> None:  # S-07, S-08
    calls = 25
    async with (
        answering("uas_refreshes", calls, transport=transport) as server,
        proxy(SIP, server, backend=over(transport), key="sip") as running,
    ):
        outcome = await calling(front(running), "uac_refreshes", calls, transport=transport)
        assert outcome.succeeded, outcome.screen
        await all_ended(running, "client/teardown", calls)
        assert await server.succeeded()


@pytest.mark.parametrize("how", ["503", "480", "silent"])
async def test_calls_beside_a_backend_that_takes_none(proxy: Proxy, how: str) -> None:  # S-03
    calls = 25
    async with (
        answering(f"uas_{how}", 10 * calls) as server,
        answering("uas", calls, name="b", host="127.0.0.4") as other,
        proxy(FIRST + SIP, server, other, key="sip") as running,
    ):
        outcome = await calling(front(running), "uac", calls)
        assert outcome.succeeded, outcome.screen
        await all_ended(running, "client/teardown", calls)
        assert await other.succeeded()
    assert {session.backend for session in running.ended} == {"b"}
    tried_twice = [session for session in running.ended if session.attempts == 2]
    assert len(tried_twice) == calls if how == "480" else tried_twice  # what fails is left out after a while
