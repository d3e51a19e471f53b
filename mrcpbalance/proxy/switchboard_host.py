"""Run trio as the guest of a loop that waits for the switchboard's epoll itself.

`run` is `trio.run` with the two changed over: traffic wakes this loop, while trio waits in a thread of its own and is
woken only for what is its own. That spares trio's way round for every handful of messages, which tells most when there
are few at a time. Nothing else changes; a switchboard works the same under plain `trio.run`.
"""

import collections
import os
import select
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Never, Protocol, TypeVar

import trio

from ._link_epoll import IN

if TYPE_CHECKING:
    import outcome

    from ._link_desk import Handler

T = TypeVar("T")

_here = threading.local()  # the host that runs in this thread, if any


class Carried(Protocol):
    """A switchboard, as its host sees it."""

    epoll: select.epoll

    def seat(self, descriptor: int, handler: "Handler") -> None:
        """Say who acts on what the epoll tells of a descriptor."""

    def turn(self, timeout: float | None) -> None:
        """Wait for something to happen, and do what it asks for."""


class _Kept:
    """What was raised in a turn, whatever it is: to be raised in trio's task that waits for it."""

    fault: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, fault: BaseException | None, _traceback: object) -> bool:
        self.fault = fault
        return True


class Host:
    """The loop: it turns one switchboard at most, and calls what trio wants called."""

    def __init__(self) -> None:
        self._bell: Final = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._idle = select.poll()
        self._idle.register(self._bell, IN)
        self._calls: collections.deque[Callable[[], object]] = collections.deque()
        self._carried: Carried | None = None
        self._stopped = trio.Event()
        self._kept = _Kept()

    @trio.lowlevel.enable_ki_protection
    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run an async function to its end."""
        done: list[outcome.Outcome[T]] = []
        _here.host = self
        try:
            trio.lowlevel.start_guest_run(
                main, run_sync_soon_threadsafe=self._soon, done_callback=done.append
            )
            while not done:
                self._turn()
        finally:
            _here.host = None
            os.close(self._bell)
        return done[0].unwrap()

    async def carry(self, switchboard: Carried) -> Never:
        """Turn a switchboard until cancelled; raises what ended a turn by force."""
        switchboard.epoll.register(self._bell, IN)
        switchboard.seat(self._bell, self)
        self._carried, self._stopped, self._kept = switchboard, trio.Event(), _Kept()
        try:
            await self._stopped.wait()
        finally:
            self._carried = None
        assert self._kept.fault is not None, "nothing else stops it"
        raise self._kept.fault

    @property
    def is_free(self) -> bool:
        """Tell whether it turns no switchboard yet."""
        return self._carried is None

    def ready(self, _event: int, /) -> None:
        """Hear the bell; what it was rung for is called after this turn."""
        os.eventfd_read(self._bell)

    def _soon(self, call: Callable[[], object]) -> None:
        self._calls.append(call)
        os.eventfd_write(self._bell, 1)

    def _turn(self) -> None:
        if self._carried is None:
            self._idle.poll()
            self.ready(IN)
        else:
            with self._kept:
                self._carried.turn(None)
            if self._kept.fault is not None:
                self._carried = None
                self._stopped.set()
        for _ in range(len(self._calls)):
            self._calls.popleft()()


def host_here() -> Host | None:
    """Give the host that runs in this thread and is free."""
    host: Host | None = getattr(_here, "host", None)
    return host if host is not None and host.is_free else None


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run an async function as `trio.run` does, with a host for its switchboard."""
    return Host().run(main)
