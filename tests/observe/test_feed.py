"""News for watchers: in order, bounded, and what is lost is told."""

import json
from typing import Final

import trio
import trio.testing

from mrcpbalance.config import AdminConfig
from mrcpbalance.observe.feed import ENDS, Feed
from mrcpbalance.observe.keeping import EVERY, keep_feed
from mrcpbalance.observe.streams import HEARTBEAT, Events
from tests.observe.admin_stage import AdminStage

QUEUE: Final = 256
News = list[tuple[str, object]]


def read(data: bytes) -> News:
    """Read server-sent events."""
    found = []
    for block in data.decode().split("\n\n")[:-1]:
        name, _, text = block.partition("\n")
        found.append((name.removeprefix("event: "), json.loads(text.removeprefix("data: "))))
    return found


def test_news_come_in_order_and_only_once() -> None:
    feed = Feed()
    feed.backend("speech", "asr-1", "mrcpv1", "down", "nobody was there")
    watcher = feed.join(QUEUE)
    feed.backend("speech", "asr-1", "mrcpv1", "up", "")
    feed.session_ended({"session": "1"})
    up = {"pool": "speech", "backend": "asr-1", "protocol": "mrcpv1", "state": "up", "reason": ""}
    assert read(watcher.take()) == [("backend", up), ("session-end", {"session": "1"})]
    assert watcher.take() == b""
    feed.leave(watcher)
    feed.session_ended({"session": "2"})
    assert (watcher.take(), feed.watchers) == (b"", set())


def test_who_reads_nothing_loses_news_and_is_told() -> None:
    feed = Feed()
    watcher = feed.join(QUEUE)
    for number in range(QUEUE + 3):
        feed.backend("speech", str(number), None, "up", "")
    *told, last = read(watcher.take())
    assert (len(told), last) == (QUEUE, ("lost", {"lost": 3}))


def test_more_ends_than_anybody_reads_are_only_counted() -> None:
    feed = Feed()
    watcher = feed.join(QUEUE)
    for number in range(ENDS + 5):
        feed.session_ended({"session": str(number)})
    *told, last = read(watcher.take())
    assert (len(told), last) == (ENDS, ("lost", {"lost": 5}))
    feed.show(b"")  # a second later
    feed.session_ended({"session": "again"})
    assert read(watcher.take()) == [("session-end", {"session": "again"})]


async def test_what_is_shown_is_the_latest() -> None:
    watcher = Feed().join(QUEUE)
    watcher.show(b"event: a\ndata: 1\n\n")
    watcher.show(b"event: a\ndata: 2\n\n")
    await watcher.wait()
    assert read(watcher.take()) == [("a", 2)]
    watcher.show(b"")
    with trio.move_on_after(1) as patience:
        await watcher.wait()
    assert patience.cancelled_caught
    watcher.lost = 1
    watcher.show(b"")
    await watcher.wait()
    assert read(watcher.take()) == [("lost", {"lost": 1})]


async def test_pools_are_shown_when_they_changed_and_only_while_somebody_watches() -> None:
    stage = AdminStage()
    feed = stage.console.feed
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_feed, stage.console)
        await trio.sleep(3 * EVERY)
        watcher = feed.join(QUEUE)
        await watcher.wait()
        assert [name for name, _ in read(watcher.take())] == ["pools"]
        with trio.move_on_after(3 * EVERY) as nothing_new:
            await watcher.wait()
        assert nothing_new.cancelled_caught
        stage.session(backend="asr-1")
        began = trio.current_time()
        await watcher.wait()
        assert trio.current_time() - began <= EVERY
        ((name, pools),) = read(watcher.take())
        assert isinstance(pools, dict)
        assert (name, pools["pools"][0]["backends"][0]["sessions"]) == ("pools", 1)
        nursery.cancel_scope.cancel()


async def test_orders_are_news() -> None:
    stage = AdminStage()
    watcher = stage.console.feed.join(QUEUE)
    await stage.post("/api/v1/pools/speech/backends/asr-1/drain")
    ((name, told),) = read(watcher.take())
    assert isinstance(told, dict)
    assert (name, told["state"], told["protocol"]) == ("backend", "draining", None)
    assert told["reason"] == "ordered to drain"


async def test_one_watcher_too_many() -> None:
    stage = AdminStage()
    stage.console.admin = AdminConfig(event_streams=1)
    stage.console.feed.join(QUEUE)
    refused = await stage.get("/api/v1/events")
    assert (refused.status, "admin.event_streams" in refused.error) == (503, True)


class Client:
    """Who asked for a stream, as the web server has it."""

    def __init__(self, stay: float) -> None:
        self.stay = stay
        self.said: list[bytes] = []

    async def receive(self) -> dict[str, object]:
        await trio.sleep(self.stay)
        return {"type": "http.disconnect"}

    async def send(self, message: object) -> None:
        assert isinstance(message, dict)
        self.said.append(message.get("body", b"start"))


async def test_a_silent_stream_is_kept_alive_until_its_client_goes() -> None:
    client, left = Client(stay=2.5 * HEARTBEAT), trio.Event()

    async def never() -> bytes:
        await trio.sleep(1000)
        return b"too late"

    await Events(never, left.set)({}, client.receive, client.send)
    assert client.said == [b"start", b": still here\n\n", b": still here\n\n"]
    assert left.is_set()


async def test_a_stream_without_more_to_tell_ends() -> None:
    client, left = Client(stay=1000), trio.Event()
    parts = [b"1", b"2", b""]

    async def news() -> bytes:
        await trio.lowlevel.checkpoint()
        return parts.pop(0)

    await Events(news, left.set)({}, client.receive, client.send)
    assert client.said == [b"start", b"1", b"2", b""]
    assert left.is_set()
