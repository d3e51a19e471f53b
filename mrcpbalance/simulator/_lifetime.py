"""How simulated peers live: as a task under somebody's nursery, or in an `async with` of their own."""

from types import TracebackType
from typing import Self

import trio


class Lifetime:
    """A peer that runs until its body ends, or until whoever entered it leaves.

    Use one of the two: `await nursery.start(peer.run)` or `async with peer:`. What the body of the `async with`
    raises comes out as it is, not wrapped in a group, unless a task of the peer failed first.
    """

    _within: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED) -> None:
        """Live; reports to `task_status` once the peer is ready to be used."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Start, and wait until ready."""
        self._manager = trio.open_nursery()
        self._within = await self._manager.__aenter__()
        try:
            await self._within.start(self.run)
        except BaseException as error:
            await self._leave(error)  # noqa: ASYNC102 - a nursery's own exit, which cancels what it waits for
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End, and wait until every task of the peer has ended."""
        return await self._leave(error)  # noqa: ASYNC102 - as above

    async def _leave(self, error: BaseException | None) -> bool | None:
        assert self._within is not None
        self._within.cancel_scope.cancel()
        if error is None or isinstance(error, Exception):
            # Kept from the nursery, which would wrap it into a group and so hide it from `except` and pytest.raises.
            await self._manager.__aexit__(None, None, None)
            return False
        return await self._manager.__aexit__(type(error), error, error.__traceback__)
