"""Guards against the sockets of one client being spread over backends where a stick table should hold them together."""

import os

import pytest

from mrcpbalance.config import Address
from mrcpbalance.simulator import EchoServer
from tests.scenarios.by_hand import Line, calling
from tests.scenarios.conftest import Proxy

pytestmark = pytest.mark.real_time

# A range of ports can't be left to the kernel as port 0 is, so it is taken on an address that is this run's own.
OWN = f"127.77.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
CONFIG = f"""
[pools.speech]
policy = "round-robin"
[listeners.range]
protocol = "tcp"
bind = "{OWN}:8001-8003"
pool = "speech"
stick_table = "clients"
[listeners.other]
protocol = "tcp"
bind = "127.0.0.1:0"
pool = "speech"
stick_table = "clients"
[listeners.loose]
protocol = "tcp"
bind = "127.0.0.1:0"
pool = "speech"
[stick_tables.clients]
size = 3
"""


async def server_of(line: Line) -> str:
    """Ask a server for its name: it greets with it."""
    return (await line.take(1)).decode()


async def ask(address: Address, source: str) -> str:
    async with calling(address, source=source) as line:
        return await server_of(line)


async def test_three_sockets_and_a_second_listener_go_where_the_first_went(proxy: Proxy) -> None:
    a, b = (EchoServer(name, greeting=name.encode()) for name in "ab")
    async with a, b, proxy(CONFIG, a, b) as running:
        sockets = [*running.addresses["range"], *running.addresses["other"]]
        assert [address.port for address in sockets[:3]] == [8001, 8002, 8003]
        seen = {}
        for source in ("127.0.0.21", "127.0.0.22", "127.0.0.23"):
            seen[source] = "".join([await ask(address, source) for address in sockets])
        assert set(seen.values()) == {"aaaa", "bbbb"}
        assert sorted(seen.values()) in (["aaaa", "aaaa", "bbbb"], ["aaaa", "bbbb", "bbbb"])
        (loose,) = running.addresses["loose"]
        assert sorted([await ask(loose, "127.0.0.21") for _ in range(4)]) == ["a", "a", "b", "b"]
        assert await ask(sockets[0], "127.0.0.21") == seen["127.0.0.21"][0]


async def test_sockets_opened_at_once_stay_together(proxy: Proxy) -> None:
    a, b = (EchoServer(name, greeting=name.encode()) for name in "ab")
    async with a, b, proxy(CONFIG, a, b) as running:
        sockets = running.addresses["range"]
        for source in ("127.0.0.31", "127.0.0.32"):
            async with (
                calling(sockets[0], source=source) as one,
                calling(sockets[1], source=source) as two,
                calling(sockets[2], source=source) as three,
            ):
                names = [await server_of(line) for line in (one, two, three)]
                assert len(set(names)) == 1


async def test_a_client_moves_only_when_its_backend_is_gone(proxy: Proxy) -> None:
    a, b = (EchoServer(name, greeting=name.encode()) for name in "ab")
    async with a, b, proxy(CONFIG, a, b) as running:
        (address,) = running.addresses["other"]
        first = await ask(address, "127.0.0.41")
        gone, left = (a, b) if first == "a" else (b, a)
        gone.kill()
        assert [await ask(address, "127.0.0.41") for _ in range(3)] == [left.name] * 3
