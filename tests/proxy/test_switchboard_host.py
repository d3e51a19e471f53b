"""trio as the guest of the switchboard's loop: all goes on as under `trio.run`."""

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from mrcpbalance.proxy.switchboard_host import host_here, run
from tests.proxy.switchboard_kit import FAIL_SAFE, Recorder, adopted, relay, switchboard

if TYPE_CHECKING:
    from mrcpbalance.proxy.switchboard import Switchboard


def test_octets_alarms_and_tasks() -> None:
    async def main() -> str:
        with trio.fail_after(FAIL_SAFE):
            async with switchboard() as board:
                assert host_here() is None  # it has its switchboard
                _, _, one, other = relay(board)
                for number in range(100):
                    await one.send(b"%3d" % number)
                    assert await other.receive(3) == b"%3d" % number
                rung = trio.Event()
                board.alarm(lambda _now: rung.set()).set(board.fresh() + 0.01)
                await rung.wait()
                await trio.to_thread.run_sync(lambda: None)
                one.close()
                other.close()
                await board.wait_quiet()
        return "done"

    assert run(main) == "done"
    assert host_here() is None


def test_without_a_switchboard() -> None:
    async def main() -> int:
        assert host_here() is not None
        await trio.sleep(0.001)
        return 7

    assert run(main) == 7


def test_a_second_switchboard_goes_trios_way() -> None:
    async def main() -> None:
        with trio.fail_after(FAIL_SAFE):
            async with switchboard() as first, switchboard() as second:
                for board in (first, second):
                    link, peer = adopted(board, Recorder())
                    link.send(b"hello")
                    assert await peer.receive(5) == b"hello"

    run(main)


def test_one_switchboard_after_another() -> None:
    async def main() -> None:
        with trio.fail_after(FAIL_SAFE):
            for _ in range(2):
                async with switchboard() as board:
                    link, peer = adopted(board, Recorder())
                    link.send(b"hello")
                    assert await peer.receive(5) == b"hello"

    run(main)


def test_what_fails_in_a_task_is_raised() -> None:
    async def main() -> None:
        async with switchboard():
            raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError):
        run(main)


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_swallowed(fault: type[BaseException]) -> None:
    boards: list[Switchboard] = []

    def stops() -> None:
        raise fault

    async def main() -> None:
        with trio.fail_after(FAIL_SAFE):
            async with switchboard() as board:
                boards.append(board)
                _, peer = adopted(board, Recorder(received=stops))
                await peer.send(b"x")
                await trio.sleep_forever()

    with pytest.RaisesGroup(fault, flatten_subgroups=True):
        run(main)
    assert boards[0].epoll.closed


def test_a_signal_reaches_its_receiver() -> None:
    async def main() -> int:
        with trio.fail_after(FAIL_SAFE), trio.open_signal_receiver(signal.SIGUSR1) as signals:
            async with switchboard():
                timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
                timer.start()
                async for number in signals:
                    timer.join()
                    return number
        raise AssertionError

    assert run(main) == signal.SIGUSR1


def test_an_interrupt_ends_it() -> None:
    async def main() -> None:
        with trio.fail_after(FAIL_SAFE):
            async with switchboard():
                threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
                await trio.sleep_forever()

    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # tests in the background start with it ignored
    try:
        with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True, allow_unwrapped=True):
            run(main)
    finally:
        signal.signal(signal.SIGINT, before)


def test_no_descriptor_is_left_open() -> None:
    async def main() -> None:
        async with switchboard():
            pass

    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    run(main)
    before = opened()
    run(main)
    assert opened() == before
