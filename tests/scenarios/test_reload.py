"""SIGHUP ends no session and refuses none, whatever the file says; a faulty file changes nothing."""

import signal
from collections import Counter
from pathlib import Path

import pytest
import trio

from mrcpbalance.simulator import RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.by_hand import refusing_address
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.operating import ADMIN, Operator, sip_address
from tests.scenarios.running import V1, with_backends
from tests.scenarios.serving import serving

pytestmark = pytest.mark.real_time
RELOADS = 20


async def test_reloads_under_load_cost_no_session(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer("a") as a, SpeechServer("b") as b, SpeechServer("c") as c:
        one, other = with_backends(V1, a, b), with_backends(V1, b, c, backend="weight = 2")
        file.write_text(one)
        async with serving("--config", str(file)) as served, RtspCaller(served.address) as keeper:
            kept = [await keeper.setup("speechsynth") for _ in range(10)]
            done = 0

            async def call() -> None:
                nonlocal done
                async with RtspCaller(served.address) as caller:
                    while True:
                        assert await (await caller.setup("speechsynth")).teardown() == 200
                        done += 1

            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(call)
                for number in range(1, RELOADS + 1):
                    file.write_text(other if number % 2 else one)
                    served.signal(signal.SIGHUP)
                    await served.log.until(lambda _: len(served.said("reloaded")) >= number)  # noqa: B023 - used at once
                nursery.cancel_scope.cancel()
            assert done > RELOADS
            for session in kept:
                assert await session.teardown() == 200
        ends = {str(line["end"]) for line in served.said("session-end")}
        assert ends <= {"client/teardown", "client/active", "client/setup"}  # the last two of those cancelled


async def test_a_faulty_file_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer("a") as a:
        file.write_text(with_backends(V1, a))
        async with serving("--config", str(file)) as served, RtspCaller(served.address) as caller:
            session = await caller.setup("speechsynth")
            file.write_text(with_backends(V1, a).replace("[listeners.front]", "[listeners.front]\nspeed = 1"))
            served.signal(signal.SIGHUP)
            refused = await served.until("reload-refused")
            assert f"{file}:3: listeners.front.speed: unknown key" in str(refused["fault"])
            assert await session.teardown() == 200
            assert await (await caller.setup("speechsynth")).teardown() == 200


async def test_an_operator_reloads_and_is_told_what_came_of_it(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    async with SpeechServer("a") as a, SpeechServer("b") as b:
        file.write_text(with_backends(V1 + ADMIN, a))
        async with serving("--config", str(file)) as served, RtspCaller(served.address) as caller:
            operator = await Operator.of(served)
            session = await caller.setup("speechsynth")
            file.write_text(with_backends(V1 + ADMIN, b))
            done = await operator.run("reload")
            assert (done.status, done.err) == (0, "")
            assert done.out.split("\n")[1:3] == ["  backend added: speech/b", "  backend taken out: speech/a"]
            rows = {row[0]: row[1:3] for row in (await operator.run("status")).table[1:]}
            assert rows == {"speech/b": ["up", "0"], "speech/a": ["draining (taken out)", "1"]}
            file.write_text(with_backends(V1 + ADMIN, b).replace("rtsp", "rstp"))
            done = await operator.run("reload")
            assert (done.status, done.out) == (1, "")
            assert f"{file}:3: listeners.front.protocol: " in done.err
            assert done.err.splitlines()[-1].startswith("mrcpbalance: nothing was changed: ")
            assert await session.teardown() == 200
            assert [row[0] for row in (await operator.run("status")).table[1:]] == ["speech/b"]


async def test_reloads_that_move_listeners_cost_no_session_and_no_call(tmp_path: Path) -> None:
    """One SIP listener moves with every reload, another changes what it tells; backends come, go and come back."""
    file, places = tmp_path / "proxy.toml", [await refusing_address() for _ in range(2)]
    async with (
        SpeechServer("a") as a,
        SpeechServer("b") as b,
        SipServer("c") as c,
        SipServer("d") as d,
    ):

        def write(number: int) -> None:
            moving = SIP.replace("front", "moving").replace("127.0.0.1:0", str(places[number % 2]))
            told = 'advertise = "localhost"\n' if number % 2 else ""
            file.write_text(
                V1
                + SIP.replace("front", "phone")
                + told
                + moving
                + with_backends("", *((a, b, c) if number % 2 else (b, c, d)))
            )

        write(0)
        async with (
            serving("--config", str(file), listeners=3) as served,
            RtspCaller(served.addresses[0]) as keeper,
            SipCaller(sip_address(served, "phone")) as phone,
        ):
            done, held, over = Counter[str](), [], trio.Event()
            kept = [await keeper.setup("speechsynth") for _ in range(5)]

            async def set_up() -> None:
                async with RtspCaller(served.addresses[0]) as caller:
                    while not over.is_set():
                        assert await (await caller.setup("speechsynth")).teardown() == 200
                        done["sessions"] += 1

            async def call() -> None:
                while not over.is_set():
                    one = await phone.invite("speechrecog")
                    assert (await one.refresh()).status == 200
                    assert await one.bye() == 200
                    done["calls"] += 1

            async with trio.open_nursery() as callers:
                async with trio.open_nursery() as nursery:
                    for _ in range(2):
                        nursery.start_soon(set_up)
                        nursery.start_soon(call)
                    for number in range(1, RELOADS + 1):
                        before = SipCaller(places[(number - 1) % 2])
                        await callers.start(before.run)
                        held.append(await before.invite("speechrecog"))
                        write(number)
                        served.signal(signal.SIGHUP)
                        await served.log.until(lambda _: len(served.said("reloaded")) >= number)  # noqa: B023 - used at once
                    for one in held:
                        assert (await one.refresh()).status == 200
                        assert (await one.channels["speechrecog"].request("GET-PARAMS")).status == 200
                        assert await one.bye() == 200
                    for session in kept:
                        assert await session.teardown() == 200
                    over.set()
                callers.cancel_scope.cancel()
            assert min(done.values()) > RELOADS
            assert served.said("reload-refused") == []
        ends = Counter(str(line["end"]) for line in served.said("session-end"))
        told = (
            f"{RELOADS} reloads: {dict(done)} done meanwhile, {len(held) + len(kept)} held; ends {dict(ends)}"
        )
        print(told)  # noqa: T201 - figures for `-s`
        assert ends.keys() == {"client/teardown"}
