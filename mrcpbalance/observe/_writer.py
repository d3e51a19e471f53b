"""The thread that writes log lines, and the bounded queue before it: who logs never waits for who reads."""

import os
import select
import threading
from collections.abc import Callable, Mapping
from itertools import accumulate
from queue import Empty, SimpleQueue
from time import sleep, time
from typing import Final

import attrs

QUEUE_LIMIT: Final = 4096  # lines: a few seconds of a very busy proxy, a few MB
# Seconds between writes, when nothing waits: at many lines a second each would wake this thread, and stop the others.
GATHER: Final = 0.01
BATCH: Final = 64  # lines a write call: what a stalled reader holds outside the queue


@attrs.frozen
class Entry:
    """One event as it was noted; it is rendered later, so its values must not change any more."""

    at: float  # wall clock, seconds
    event: str
    fields: Mapping[str, object]
    told: int = 0  # dropped lines this entry tells of


class LineWriter:
    """Writes entries to a descriptor, in order, from a thread of its own, which closes it at its end.

    When the queue is full the newest entries are dropped; the next line that gets out tells how many. Whatever
    the descriptor does (stall, EPIPE, ENOSPC) is never felt by who calls `put`. `render` must not raise.
    """

    __slots__ = ("_dropped", "_fd", "_limit", "_lock", "_queue", "_render", "_thread", "_torn", "_untold")

    def __init__(self, fd: int, render: Callable[[Entry], bytes], *, limit: int = QUEUE_LIMIT) -> None:
        self._fd = fd
        self._render = render
        self._limit = limit
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()  # None is the end
        self._lock = threading.Lock()  # guards the two counters
        self._dropped = 0
        self._untold = 0
        self._torn = False  # the last write stopped inside a line
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many entries never got out so far."""
        return self._dropped

    def put(self, event: str, fields: Mapping[str, object]) -> None:
        """Hand over one event; returns at once, from any thread."""
        if self._queue.qsize() >= self._limit:
            self._drop(1)
            return
        if self._untold and (notice := self._notice()):
            self._queue.put(notice)  # stands where the dropped lines would have stood
        self._queue.put(Entry(time(), event, fields))

    def stop(self, within: float) -> bool:
        """Write what is queued, for at most `within` seconds; tell whether the queue was emptied."""
        self._queue.put(None)
        self._thread.join(within)
        return not self._thread.is_alive()

    def _drop(self, lines: int) -> None:
        with self._lock:
            self._dropped += lines
            self._untold += lines

    def _notice(self) -> Entry | None:
        """Make the line that tells how many were dropped since the last such line."""
        with self._lock:
            lines, self._untold = self._untold, 0
        if not lines:
            return None
        return Entry(time(), "log-lines-dropped", {"level": "warning", "lines": lines}, lines)

    def _run(self) -> None:
        more = True
        while more:
            entries, more = self._next_batch()
            written = self._write([self._render(entry) for entry in entries])
            for entry in entries[written:]:
                self._lose(entry)
            if more and self._queue.empty():
                sleep(GATHER)
        os.close(self._fd)

    def _next_batch(self) -> tuple[list[Entry], bool]:
        """Wait for entries; the second value is false when the end was among them."""
        entries: list[Entry] = []
        entry = self._queue.get()
        while entry is not None:
            entries.append(entry)
            if len(entries) == BATCH and not self._queue.empty():
                return entries, True
            try:
                entry = self._queue.get_nowait()
            except Empty:
                break
        if notice := self._notice():
            entries.append(notice)
        return entries, entry is not None

    def _lose(self, entry: Entry) -> None:
        if not entry.told:
            self._drop(1)
            return
        with self._lock:
            self._untold += entry.told  # counted already; to be told again

    def _write(self, lines: list[bytes]) -> int:
        """Write lines until one fails; tell how many got out whole."""
        if not lines:
            return 0
        lead = b"\n" if self._torn else b""
        data = lead + b"".join(lines)
        sent = self._write_all(memoryview(data))
        if sent:
            self._torn = not data[:sent].endswith(b"\n")
        ends = accumulate(map(len, lines), initial=len(lead))
        return max(sum(end <= sent for end in ends) - 1, 0)

    def _write_all(self, data: memoryview) -> int:
        """Write until all is written or the descriptor fails, waiting for ever if need be; tell how much it took."""
        sent = 0
        while sent < len(data):
            try:
                sent += os.write(self._fd, data[sent:])
            except BlockingIOError:  # whoever shares the descriptor made it non-blocking
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
            except OSError:
                break
        return sent
