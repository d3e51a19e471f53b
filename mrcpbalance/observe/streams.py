"""Answers that are written while they are sent: long lists, and events as they happen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT: Final = 10.0  # seconds of silence after which a comment is sent, so that a lost client is noticed


class Written(Response):
    """JSON that is written while it is sent. starlette's own way brings another concurrency library, loaded in mid-traffic."""

    media_type = "application/json"

    def __init__(self, parts: AsyncIterator[str]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self._parts:
            await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Octets(Response):
    """Octets as they come, until there are no more or the client is gone.

    `parts` waits for the next ones; b"" is the end. `left` is called once, whatever happened.
    """

    media_type = "application/octet-stream"

    def __init__(self, parts: Callable[[], Awaitable[bytes]], left: Callable[[], None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._parts = parts
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send them."""
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_gone, receive, nursery.cancel_scope)
                while data := await self._next():
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                nursery.cancel_scope.cancel()
        finally:
            self._left()

    async def _next(self) -> bytes:
        return await self._parts()

    @staticmethod
    async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()


class Events(Octets):
    """Server-sent events, already written; a comment where there are none for a while."""

    media_type = "text/event-stream"

    async def _next(self) -> bytes:
        with trio.move_on_after(HEARTBEAT):
            return await self._parts()
        return b": still here\n\n"


class Packets(Octets):
    """A capture."""

    media_type = "application/x-pcapng"
