"""What systemd is told when it started us (sd_notify(3)): ready, alive, reloading, stopping, and how many sessions there are."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

import attrs
import trio

from .proxy import Proxy

_MICROSECONDS: Final = 1_000_000
ANSWERS: Final = 2  # in each of the watchdog's times
EVERY: Final = 5.0  # seconds from one status to the next, at most
PATIENCE: Final = 3  # of these times, in which a process that drains must be heard again


@attrs.define(eq=False)
class Manager:
    """Whoever started us, and wants to be told; nobody, where the environment names none."""

    address: str = ""
    watchdog: float | None = None  # seconds in which it must hear of us

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Manager":
        """Find out from the environment."""
        return cls(environment.get("NOTIFY_SOCKET", ""), _watchdog(environment))

    def reloading(self) -> None:
        """Say that another configuration is being read."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self, status: str) -> None:
        """Say that we are through with that, and what came of it."""
        self._send("READY=1", f"STATUS={status}")

    async def attend(
        self,
        stop: trio.Event,
        proxy: Proxy,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Say that we are ready, then how we are until cancelled; once `stop` is set, that we end (a companion)."""
        self._send("READY=1", f"MAINPID={os.getpid()}", _status(proxy))
        task_status.started()
        if not self.address:
            return
        every = EVERY if self.watchdog is None else min(EVERY, self.watchdog / ANSWERS)
        stopping = False
        while True:
            with trio.move_on_after(every):
                await (trio.Event() if stopping else stop).wait()
            states = [_status(proxy)] if self.watchdog is None else ["WATCHDOG=1", _status(proxy)]
            if stop.is_set():
                states += [] if stopping else ["STOPPING=1"]
                states.append(f"EXTEND_TIMEOUT_USEC={round(every * PATIENCE * _MICROSECONDS)}")
                stopping = True
            self._send(*states)

    def _send(self, *states: str) -> None:
        """Send states; an abstract address begins with "@". That nobody hears it is no reason not to serve."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock,
            contextlib.suppress(OSError),
        ):
            sock.sendto("\n".join(states).encode(), address)


def _status(proxy: Proxy) -> str:
    count = len(proxy.register)
    sessions = f"{count} session{'' if count == 1 else 's'}"
    return f"STATUS=draining, {sessions} left" if proxy.draining else f"STATUS={sessions}"


def _watchdog(environment: Mapping[str, str]) -> float | None:
    for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    usec = environment.get("WATCHDOG_USEC", "")
    return int(usec) / _MICROSECONDS if for_us and usec.isdecimal() and int(usec) else None
