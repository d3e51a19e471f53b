"""Guards against trouble with what stands before us in the field: haproxy, which passes connections on as they are."""

import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import Answer, ConnectionLost, RtspCaller, RtspSession, SpeechServer
from tests.peers import need
from tests.scenarios.children import child_process
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

URIS = {"Content-Type": "text/uri-list"}
CONFIG = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
listen front
    bind fd@{descriptor}
    server proxy {proxy} check inter 20ms
"""


@contextlib.asynccontextmanager
async def haproxy(proxy: Address, folder: Path) -> AsyncIterator[tuple[Address, trio.Process]]:
    """Run haproxy on a free port, with the proxy as its only server."""
    program = need("haproxy")
    file = folder / "haproxy.cfg"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        file.write_text(CONFIG.format(descriptor=sock.fileno(), proxy=proxy))
        command = [program, "-db", "-q", "-f", str(file)]
        async with child_process(
            command, stdout=None, stderr=subprocess.DEVNULL, pass_fds=[sock.fileno()]
        ) as child:
            yield Address(*sock.getsockname()[:2]), child


async def recognise(session: RtspSession) -> None:
    answer: Answer = await session.request("RECOGNIZE", URIS, b"builtin:grammar/digits")
    assert answer.mrcp is not None
    assert (await session.events.completion(answer.mrcp.request_id)).name == "RECOGNITION-COMPLETE"


async def test_sessions_of_one_connection_are_spread_and_end_with_it(proxy: Proxy, tmp_path: Path) -> None:
    a, b = SpeechServer("a"), SpeechServer("b")
    async with a, b, proxy(V1, a, b) as running, haproxy(running.address, tmp_path) as (front, child):
        async with RtspCaller(front) as caller:
            sessions = [await caller.setup("speechrecog") for _ in range(6)]
            async with trio.open_nursery() as nursery:
                for session in sessions:
                    nursery.start_soon(recognise, session)
            assert (len(a.sessions), len(b.sessions)) == (3, 3)
            assert await sessions.pop().teardown() == 200
            child.kill()
            with pytest.raises(ConnectionLost):
                await sessions[0].event()
            assert caller.anomalies == []
        await running.ended.count(6)
        assert sorted(running.ends) == ["client/active"] * 5 + ["client/teardown"]
        for server in (a, b):
            await server.transcript.until(lambda entry: entry.name == "closed")
            assert server.sessions == []
        assert len(running.notes) == 0  # its checks, which connect and leave, are no misdeeds
