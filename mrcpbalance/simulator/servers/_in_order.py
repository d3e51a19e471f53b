"""What a session and a channel share: their requests wait in a bounded queue and are answered one after another."""

from typing import Final, Generic, TypeVar

import trio

QUEUED: Final = 64  # requests waiting behind the one in progress; with more the connection isn't read

M = TypeVar("M")


class InOrder(Generic[M]):
    """Requests that are handled in the order they came, until one of them sets `ending`."""

    def __init__(self) -> None:
        self.ending = False
        self._put, self._queue = trio.open_memory_channel[M](QUEUED)
        self._nursery: trio.Nursery | None = None

    @property
    def nursery(self) -> trio.Nursery:
        """Where tasks go that end with this one."""
        assert self._nursery is not None, "runs"
        return self._nursery

    async def put(self, request: M) -> None:
        """Queue a request; waits when too many do."""
        try:
            await self._put.send(request)
        except trio.BrokenResourceError:  # it ended meanwhile
            await self.too_late(request)

    def put_nowait(self, request: M) -> bool:
        """Queue a request; False when too many wait, or when it is too late."""
        try:
            self._put.send_nowait(request)
        except (trio.WouldBlock, trio.BrokenResourceError):
            return False
        return True

    async def run(self) -> None:
        """Handle request after request."""
        async with trio.open_nursery() as self._nursery:
            with self._queue:
                while not self.ending:
                    await self.handle(await self._queue.receive())
                await self._turn_away()
            self._nursery.cancel_scope.cancel()

    async def handle(self, request: M) -> None:
        """Answer a request."""
        raise NotImplementedError

    async def too_late(self, request: M) -> None:
        """Answer a request that came behind the last one."""
        raise NotImplementedError

    async def _turn_away(self) -> None:
        while True:
            try:
                request = self._queue.receive_nowait()
            except trio.WouldBlock:
                return
            await self.too_late(request)
