"""A new process takes the addresses over while the old one finishes: no session fails for it, held ones included."""

import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from mrcpbalance.proxy.sockets import listening_socket
from mrcpbalance.proxy.switchboard_datagrams import datagram_socket
from mrcpbalance.simulator import Pace, RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.operating import Operator
from tests.scenarios.serving import Serving, run_serve
from tests.scenarios.upgrading import ADMIN, SHARED, TEXT, V1, V2, WAYS, Generations, Load, configured

pytestmark = pytest.mark.real_time(within=120)
UPGRADES = 5
AT_WORK = 24  # sessions that begin and end after each, with the old process still there
SHORT = Pace(result=1.0)  # seconds; a caller on a connection is quiet for as long, so that it may be closed


async def held_across(upgrade: Callable[[], Awaitable[None]]) -> None:
    """Hold a session of each kind while the upgrade happens; then they must be as alive as ever."""
    async with (
        RtspCaller(V1) as one,
        SipCaller(V2, transport="udp") as by_udp,
        SipCaller(V2, transport="tcp") as by_tcp,
    ):
        session = await one.setup("speechsynth")
        calls = [await caller.invite("speechsynth") for caller in (by_udp, by_tcp)]
        await upgrade()
        assert (await session.request("STOP")).status == 200
        for call in calls:
            assert (await call.refresh()).status == 200
            assert (await call.channels["speechsynth"].request("STOP")).status == 200
            await call.add("speechrecog")
        assert await session.teardown() == 200
        assert [await call.bye() for call in calls] == [200, 200]
        assert by_udp.anomalies == by_tcp.anomalies == []


async def upgraded(
    generations: Generations, file: str, load: Load, end: Callable[[Generations, Serving], Awaitable[Serving]]
) -> None:
    """Upgrade several times under load, the old processes ending in their own time."""
    running = await generations.start("--config", file)
    async with trio.open_nursery() as nursery, load.running():
        for _ in range(UPGRADES):
            old = running

            async def upgrade() -> None:
                nonlocal running
                running = await end(generations, old)  # noqa: B023 - called at once
                await old.until("draining")  # noqa: B023 - called at once
                assert (await Operator(str(ADMIN)).get("/readyz")).status == 200  # the new one's
                await load.more(AT_WORK)

            await held_across(upgrade)
            nursery.start_soon(generations.end, old)
    await generations.end(running)
    print(f"\n{UPGRADES} upgrades: {dict(load.done)} sessions, failed {len(load.failed)},")  # noqa: T201 - with -s
    print(f"slowest {load.slowest:.2f} s")  # noqa: T201
    assert load.failed == []
    assert set(load.done) == {"rtsp", *(f"sip/{way}" for way in WAYS)}


async def test_upgrades_under_load_cost_no_session(tmp_path: Path) -> None:
    async with SpeechServer("a", pace=SHORT) as rtsp, SipServer("b", pace=SHORT) as sip:
        file = str(configured(tmp_path / "proxy.toml", SHARED, rtsp, sip))

        async def replace(generations: Generations, old: Serving) -> Serving:
            return await generations.start("--config", file, "--replace", str(old.pid))

        async with trio.open_nursery() as nursery:
            await upgraded(Generations(nursery), file, Load(), replace)


async def test_upgrades_with_inherited_sockets_cost_no_session(tmp_path: Path) -> None:
    async with SpeechServer("a", pace=SHORT) as rtsp, SipServer("b", pace=SHORT) as sip:
        file = str(configured(tmp_path / "proxy.toml", TEXT, rtsp, sip))
        with contextlib.ExitStack() as kept:  # as systemd keeps them
            sockets = [
                listening_socket(V1, shared=False),
                listening_socket(V2, shared=False),
                datagram_socket(V2),
                listening_socket(ADMIN, shared=False),
            ]
            for sock in sockets:
                kept.enter_context(sock)

            async def replace(generations: Generations, old: Serving) -> Serving:
                new = await generations.start("--config", file)
                old.signal(signal.SIGTERM)
                return new

            async with trio.open_nursery() as nursery:
                await upgraded(Generations(nursery, sockets), file, Load(), replace)


async def test_a_process_that_cannot_begin_replaces_nobody(tmp_path: Path) -> None:
    async with (
        SpeechServer("a", pace=SHORT) as rtsp,
        SipServer("b", pace=SHORT) as sip,
        trio.open_nursery() as nursery,
    ):
        generations = Generations(nursery)
        file = configured(tmp_path / "proxy.toml", SHARED, rtsp, sip)
        running = await generations.start("--config", str(file))
        elsewhere = tmp_path / "elsewhere.toml"
        elsewhere.write_text(file.read_text().replace(str(V2), "192.0.2.1:5060"))
        status, out, err = await run_serve(["--config", str(elsewhere), "--replace", str(running.pid)])
        assert (status, out) == (1, "")
        assert "listeners.v2.bind: can't listen on 192.0.2.1:5060" in err
        async with RtspCaller(V1) as caller, SipCaller(V2) as phone:
            for _ in range(AT_WORK):
                assert await (await caller.setup("speechsynth")).teardown() == 200
            assert await (await phone.invite("speechsynth")).bye() == 200
        await generations.end(running)


@pytest.mark.parametrize(
    ("more", "pid", "status", "told"),
    [
        ("", "1", 2, "--replace needs process.reuse_port = true in the configuration of both processes"),
        ("[process]\nreuse_port = true\n", "4194305", 1, "mrcpbalance: no process 4194305: "),
    ],
)
async def test_what_cannot_be_replaced(tmp_path: Path, more: str, pid: str, status: int, told: str) -> None:
    async with SpeechServer("a") as rtsp, SipServer("b") as sip:
        file = configured(tmp_path / "proxy.toml", TEXT, rtsp, sip, more)
        found, out, err = await run_serve(["--config", str(file), "--replace", pid])
        assert (found, out) == (status, "")
        assert told in err
