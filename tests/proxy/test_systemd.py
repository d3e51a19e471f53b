"""What systemd hears of us."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from mrcpbalance.proxy.systemd import tell_systemd

WATCHDOGS: dict[str, tuple[Mapping[str, str], list[bytes]]] = {
    "none": ({}, []),
    "ours": ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, [b"WATCHDOG=1"] * 2),
    "anybody's": ({"WATCHDOG_USEC": "10000000"}, [b"WATCHDOG=1"] * 2),
    "another's": ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, []),
    "nonsense": ({"WATCHDOG_USEC": "soon"}, []),
    "zero": ({"WATCHDOG_USEC": "0"}, []),
}


@pytest.mark.parametrize("abstract", [False, True])
@pytest.mark.parametrize(("more", "answers"), WATCHDOGS.values(), ids=WATCHDOGS)
async def test_ready_and_alive(
    more: Mapping[str, str], answers: list[bytes], abstract: bool, tmp_path: Path
) -> None:
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if abstract else name)
        sock.setblocking(False)
        async with trio.open_nursery() as nursery:

            async def companion(*, task_status: trio.TaskStatus[None]) -> None:
                await tell_systemd(None, environment={"NOTIFY_SOCKET": name, **more}, task_status=task_status)

            await nursery.start(companion)
            assert sock.recv(99) == b"READY=1"
            await trio.sleep(12)
            nursery.cancel_scope.cancel()
        heard = []
        while True:
            try:
                heard.append(sock.recv(99))
            except BlockingIOError:
                break
        assert heard == answers


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
async def test_nobody_asked_or_nobody_hears(environment: Mapping[str, str]) -> None:
    await tell_systemd(None, environment=environment)
