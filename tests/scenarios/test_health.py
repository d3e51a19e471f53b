"""Servers killed, stopped, offline and flapping under load: no caller is refused while another server has room.

Prints its figures: `nox -s faults`.
"""

import contextlib
import signal
from pathlib import Path
from typing import Final

import pytest
import trio

from mrcpbalance.simulator import ConnectionLost, Refused, RtspCaller, RtspSession, SpeechServer
from tests.scenarios.running import V1, Told, with_backends
from tests.scenarios.serving import Serving, serving
from tests.scenarios.speech_process import speech_process

pytestmark = pytest.mark.real_time
SESSIONS: Final = 200
TURNS: Final = '[pools.speech]\npolicy = "round-robin"\n'
HEALTH: Final = """
[pools.speech.health]
interval = "250ms"
interval_down = "100ms"
timeout = "250ms"
[timeouts]
setup = "500ms"
"""


class Load:
    """Steady new sessions, each on a connection of its own."""

    def __init__(self, served: Serving) -> None:
        self.served = served
        self.done = Told[float]()  # how long each set-up took
        self.failed: list[str] = []

    async def run(self) -> None:
        while True:
            async with RtspCaller(self.served.address) as caller:
                began = trio.current_time()
                try:
                    session = await caller.setup("speechsynth")
                except (Refused, ConnectionLost) as error:
                    self.failed.append(repr(error))
                    continue
                self.done.add(trio.current_time() - began)
                with contextlib.suppress(ConnectionLost):  # it sat on the victim
                    await session.teardown()


def tell(what: str, **figures: object) -> None:
    print(f"{what}: {', '.join(f'{name} {figure}' for name, figure in figures.items())}")  # noqa: T201


async def hold(served: Serving, nursery: trio.Nursery, count: int) -> list[RtspSession]:
    """Open sessions, each on a connection of its own, for as long as the nursery lives."""
    held: list[RtspSession] = []

    async def one(*, task_status: trio.TaskStatus[None]) -> None:
        async with RtspCaller(served.address) as caller:
            held.append(await caller.setup("speechsynth"))
            task_status.started()
            await trio.sleep_forever()

    for _ in range(count):
        await nursery.start(one)
    return held


@pytest.mark.parametrize("fault", ["killed", "stopped"])
async def test_a_server_that_dies_under_load(fault: str, tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with speech_process("victim") as victim, SpeechServer("b") as b, SpeechServer("c") as c:
        file.write_text(with_backends(TURNS + V1 + HEALTH, victim, b, c))
        async with serving("--config", str(file)) as served, trio.open_nursery() as nursery:
            held = await hold(served, nursery, SESSIONS)
            elsewhere = [
                session for session in held if session.id in {its.id for its in (*b.sessions, *c.sessions)}
            ]
            load = Load(served)
            for _ in range(4):
                nursery.start_soon(load.run)
            await load.done.count(50)
            began = trio.current_time()
            getattr(victim, "kill" if fault == "killed" else "stop")()
            await served.until("backend-down", backend="victim")
            ejected = trio.current_time() - began
            await load.done.count(len(load.done) + 200)
            for session in elsewhere:
                assert await session.teardown() == 200
            assert load.failed == []
            assert len(elsewhere) >= SESSIONS // 2
            assert ejected < 2.0
            tell(
                f"server {fault}",
                sessions_elsewhere_lost=0,
                failed_setups=len(load.failed),
                ejected_after_s=round(ejected, 2),
                longest_setup_s=round(max(load.done), 2),
            )
            nursery.cancel_scope.cancel()


async def test_a_server_that_goes_offline_and_returns(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer("a") as a, SpeechServer("b") as b:
        file.write_text(with_backends(V1 + HEALTH, a, b))
        async with serving("--config", str(file)) as served, trio.open_nursery() as nursery:
            load = Load(served)
            for _ in range(4):
                nursery.start_soon(load.run)
            for flap in range(1, 4):
                began = trio.current_time()
                a.offline = True
                await served.log.until(lambda _: len(served.said("backend-down")) >= flap)  # noqa: B023 - used at once
                down = trio.current_time() - began
                a.offline = False
                began = trio.current_time()
                await served.log.until(lambda _: len(served.said("backend-up")) >= flap)  # noqa: B023
                tell("flapped", down_after_s=round(down, 2), up_after_s=round(trio.current_time() - began, 2))
            assert load.failed == []
            nursery.cancel_scope.cancel()


async def test_a_queue_bridges_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    queue = '[pools.speech]\nqueue_size = 10\nqueue_timeout = "5s"\n'
    async with SpeechServer("a") as a:
        file.write_text(with_backends(queue + V1 + HEALTH, a))
        async with serving("--config", str(file)) as served:
            a.offline = True
            await served.until("backend-down")
            async with RtspCaller(served.address) as caller, trio.open_nursery() as nursery:
                answered = trio.Event()

                async def call() -> None:
                    session = await caller.setup("speechsynth")
                    answered.set()
                    assert await session.teardown() == 200

                nursery.start_soon(call)
                with trio.move_on_after(0.3):
                    await answered.wait()
                assert not answered.is_set()
                a.offline = False
                with trio.fail_after(3):
                    await answered.wait()
            served.signal(signal.SIGTERM)
            assert await served.wait() == 0
