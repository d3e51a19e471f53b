"""What systemd is told when it started us (sd_notify(3)): that we are ready, and time and again that we live."""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

import trio

_MICROSECONDS: Final = 1_000_000
ANSWERS: Final = 2  # in each of the watchdog's times


async def tell_systemd(
    _proxy: object,
    *,
    environment: Mapping[str, str] = os.environ,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Say that we are ready, then answer the watchdog if there is one; nothing where nobody asked (a companion)."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address:
        _send(address, b"READY=1")
    task_status.started()
    wait = _watchdog(environment)
    while address and wait is not None:
        await trio.sleep(wait)
        _send(address, b"WATCHDOG=1")


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """Tell how often to answer, in seconds; None where there is no watchdog for this process."""
    for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    time = environment.get("WATCHDOG_USEC", "")
    return int(time) / _MICROSECONDS / ANSWERS if for_us and time.isdecimal() and int(time) else None


def _send(address: str, state: bytes) -> None:
    """Send a state; an abstract address begins with "@". That nobody hears it is no reason not to serve."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock,
        contextlib.suppress(OSError),
    ):
        sock.sendto(state, "\0" + address[1:] if address.startswith("@") else address)
