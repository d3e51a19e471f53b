"""News for those who watch: told once, written once, kept for each watcher in a bounded queue.

Who doesn't keep up, or would have to hear of more sessions than a person can read, is told how much was lost.
"""

import json
from collections import deque
from typing import Final

import attrs
import trio

ENDS: Final = 50  # ended sessions told of in a second


def event(name: str, data: object) -> bytes:
    """Write one server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@attrs.define(eq=False)
class Watcher:
    """Somebody who watches. What is `shown` replaces what was shown before and is still unread; `told` is queued."""

    limit: int  # news that wait for it
    lost: int = 0  # news it will never hear of, since it was last told
    _shown: bytes = b""
    _told: deque[bytes] = attrs.field(factory=deque)
    _news: trio.Event = attrs.field(factory=trio.Event)

    def show(self, data: bytes) -> None:
        """Have it see how things stand; with nothing to show, have it hear how much it lost, if so."""
        self._shown = data or self._shown
        if self._shown or self.lost:
            self._news.set()

    def tell(self, data: bytes) -> None:
        """Have it hear this."""
        if len(self._told) >= self.limit:
            self.lost += 1
        else:
            self._told.append(data)
            self._news.set()

    async def wait(self) -> None:
        """Wait until there is something to take."""
        await self._news.wait()

    def take(self) -> bytes:
        """Take everything there is, written as events; nothing when there is none."""
        parts = [*self._told, self._shown]
        if self.lost:
            parts.append(event("lost", {"lost": self.lost}))
        self._told.clear()
        self._shown, self.lost, self._news = b"", 0, trio.Event()
        return b"".join(parts)


@attrs.define(eq=False)
class Feed:
    """All who watch. Telling costs next to nothing while there are none."""

    watchers: set[Watcher] = attrs.field(factory=set)
    _ends: int = 0  # told of since the last look
    _came: trio.Event = attrs.field(factory=trio.Event)

    def join(self, limit: int) -> Watcher:
        """Let somebody watch from now on, until `leave`; so many news may wait for it."""
        watcher = Watcher(limit)
        self.watchers.add(watcher)
        self._came.set()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Let somebody go."""
        self.watchers.discard(watcher)
        if not self.watchers:
            self._came = trio.Event()

    async def wait_watched(self) -> None:
        """Wait until somebody watches."""
        await self._came.wait()

    def backend(self, pool: str, backend: str, protocol: str | None, state: str, reason: str) -> None:
        """Tell that a backend's state changed; without a protocol in all of them, as an operator ordered."""
        if self.watchers:
            self._tell(
                "backend",
                {"pool": pool, "backend": backend, "protocol": protocol, "state": state, "reason": reason},
            )

    def session_ended(self, line: dict[str, object]) -> None:
        """Tell what the log says of a session that ended; of too many in a second only that there were more."""
        if self._ends >= ENDS:
            for watcher in self.watchers:
                watcher.lost += 1
        else:
            self._ends += 1
            self._tell("session-end", line)

    def show(self, data: bytes) -> None:
        """Show everybody how things stand, nothing if that is as before; called about every second."""
        self._ends = 0
        for watcher in self.watchers:
            watcher.show(data)

    def _tell(self, name: str, data: object) -> None:
        written = event(name, data)
        for watcher in self.watchers:
            watcher.tell(written)
