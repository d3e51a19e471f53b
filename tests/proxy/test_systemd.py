"""What systemd hears of us."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import parse
from mrcpbalance.proxy import Proxy
from mrcpbalance.proxy.systemd import Manager
from tests.proxy.test_sockets import POOL
from tests.scenarios.running import Running

WATCHDOGS: dict[str, tuple[Mapping[str, str], int]] = {
    "none": ({}, 0),
    "ours": ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid())}, 2),
    "anybody's": ({"WATCHDOG_USEC": "8000000"}, 2),
    "another's": ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1"}, 0),
    "nonsense": ({"WATCHDOG_USEC": "soon"}, 0),
    "zero": ({"WATCHDOG_USEC": "0"}, 0),
}


class Ear:
    """Hears what is sent to systemd."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name.startswith("@") else name)
        self.sock.setblocking(False)

    def manager(self, **more: str) -> Manager:
        return Manager.of({"NOTIFY_SOCKET": self.name, **more})

    def heard(self) -> list[list[str]]:
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.sock.recv(999).decode().split("\n"))
        return found


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(f"@{tmp_path}" if request.param == "abstract" else str(tmp_path / "notify"))
    with ear.sock:
        yield ear


def proxy() -> Proxy:
    listener = '[listeners.l]\npool = "p"\nprotocol = "rtsp"\nbind = "127.0.0.1:0"\n'
    return Proxy.of(parse(POOL + listener, "f"), Running(), lambda _session, _now: None)


@pytest.mark.parametrize(("more", "answers"), WATCHDOGS.values(), ids=WATCHDOGS)
async def test_ready_and_alive(ear: Ear, more: Mapping[str, str], answers: int) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(ear.manager(**more).attend, trio.Event(), proxy())
        assert ear.heard() == [["READY=1", f"MAINPID={os.getpid()}", "STATUS=0 sessions"]]
        await trio.sleep(11)
        nursery.cancel_scope.cancel()
    heard = ear.heard()
    assert len(heard) == 2
    assert sum("WATCHDOG=1" in states for states in heard) == answers
    assert all(states[-1] == "STATUS=0 sessions" for states in heard)


async def test_stopping(ear: Ear) -> None:
    async with trio.open_nursery() as nursery:
        stop, running = trio.Event(), proxy()
        await nursery.start(ear.manager().attend, stop, running)
        ear.heard()
        running.register.open("mrcpv1", "192.0.2.9", "p", 0.0)
        running.draining = True
        stop.set()
        await trio.sleep(1)
        longer = "EXTEND_TIMEOUT_USEC=15000000"
        assert ear.heard() == [["STATUS=draining, 1 session left", "STOPPING=1", longer]]
        await trio.sleep(10)  # it goes on asking for time as long as it lives
        assert ear.heard() == [["STATUS=draining, 1 session left", longer]] * 2
        nursery.cancel_scope.cancel()


def test_reloading(ear: Ear) -> None:
    manager, before = ear.manager(), time.monotonic_ns() // 1000
    manager.reloading()
    manager.reloaded("reloaded")
    (state, since), done = ear.heard()
    assert state == "RELOADING=1"
    assert before <= int(since.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert done == ["READY=1", "STATUS=reloaded"]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
async def test_nobody_asked_or_nobody_hears(environment: Mapping[str, str]) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(Manager.of(environment).attend, trio.Event(), proxy())
        Manager.of(environment).reloading()
        await trio.sleep(20)
        nursery.cancel_scope.cancel()
