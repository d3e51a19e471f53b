"""Guards against sessions that share a connection being taken for one: each must live on one backend, all of it."""

import contextlib
import itertools
from collections import Counter

import pytest
import trio

from mrcpbalance.simulator import Event, RtspCaller, SpeechServer, hex_ids
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

GRAMMAR = {"Content-Type": "application/srgs+xml", "Content-Id": "<menu>"}
URIS = {"Content-Type": "text/uri-list"}
WHOLE = ["START-OF-SPEECH", "RECOGNITION-COMPLETE"]


async def talk(caller: RtspCaller, name: str) -> int:
    """Live a session in which every request bears its mark; what was told to it must be known to the end."""
    marks = (f"{name}/{number}" for number in itertools.count(1))
    marked = {"Logging-Tag": next(marks)}
    session = await caller.setup("speechrecog", {"X-Mark": marked["Logging-Tag"]})
    await session.request("SET-PARAMS", {"Sensitivity-Level": name, "Logging-Tag": next(marks)})
    await session.request("DEFINE-GRAMMAR", GRAMMAR | {"Logging-Tag": next(marks)}, b"<grammar/>")
    for _ in range(2):
        answer = await session.request("RECOGNIZE", URIS | {"Logging-Tag": next(marks)}, b"session:menu")
        assert answer.state == "IN-PROGRESS"
        events: list[Event] = [await session.event(), await session.event()]
        assert [event.name for event in events] == WHOLE
    asked = await session.request(
        "GET-PARAMS", {"Sensitivity-Level": "", "Logging-Tag": (last := next(marks))}
    )
    assert asked.mrcp is not None
    assert asked.mrcp.get("Sensitivity-Level") == name
    assert await session.teardown() == 200
    return int(last.rpartition("/")[2])


def marks_on(server: SpeechServer, name: str) -> list[int]:
    """List the marks of a session in the order the server saw them."""
    asked = [entry.raw for entry in server.transcript if entry.sender == "caller"]
    found = [raw.partition(b": %b/" % name.encode())[2] for raw in asked]
    return [int(mark.partition(b"\r\n")[0]) for mark in found if mark]


async def all_at_once(caller: RtspCaller, names: list[str]) -> None:
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(talk, caller, name)


async def test_twelve_sessions_of_one_connection_over_three_servers(proxy: Proxy) -> None:
    names = [f"s{number:02}" for number in range(12)]
    servers = [SpeechServer(name) for name in "abc"]
    a, b, c = servers
    async with a, b, c, proxy(V1, a, b, c) as running, RtspCaller(running.address) as caller:
        await all_at_once(caller, names)
        await running.ended.count(12)
    seen = {name: [marks for server in servers if (marks := marks_on(server, name))] for name in names}
    assert seen == {name: [[1, 2, 3, 4, 5, 6]] for name in names}
    assert Counter(session.backend for session in running.ended) == {"a": 4, "b": 4, "c": 4}
    assert [server.connections_total for server in servers] == [1, 1, 1]
    assert running.ends == ["client/teardown"] * 12
    assert {(one.messages_to_backend, one.messages_to_client) for one in running.ended} == {(5, 9)}
    assert caller.anomalies == [error for server in servers for error in server.errors] == []


@pytest.mark.parametrize("connections", [1, 2])
async def test_servers_that_give_out_the_same_ids(proxy: Proxy, connections: int) -> None:  # E-01, E-02
    names = [f"s{number:02}" for number in range(12)]
    a, b = (SpeechServer(name, new_id=hex_ids(7)) for name in "ab")
    async with a, b, proxy(V1, a, b) as running, contextlib.AsyncExitStack() as callers:
        connected = [
            await callers.enter_async_context(RtspCaller(running.address)) for _ in range(connections)
        ]
        async with trio.open_nursery() as nursery:
            for number, caller in enumerate(connected):
                nursery.start_soon(all_at_once, caller, names[number::connections])
        await running.ended.count(12)
        assert [caller.anomalies for caller in connected] == [[]] * connections
    assert set(a.transcript.sessions()) == set(b.transcript.sessions())
    for name in names:
        assert sorted((marks_on(a, name), marks_on(b, name))) == [[], [1, 2, 3, 4, 5, 6]]
    assert running.ends == ["client/teardown"] * 12
