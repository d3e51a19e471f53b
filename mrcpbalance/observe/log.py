"""The process log: one line an event to stderr, written by a thread of its own."""

import os
import sys
from typing import Final, Self

from mrcpbalance.config import LogConfig

from ._render import renderer
from ._writer import QUEUE_LIMIT, LineWriter

STDERR: Final = 2
FLUSH_WITHIN: Final = 1.0  # seconds that the end of the process may wait for a log that nobody reads


class Log:
    """The journal every room writes to (`mrcpbalance.sessions.ports.Journal`).

    `note` costs its caller a few microseconds and never waits: a stalled, closed or full log stops nothing.
    """

    __slots__ = ("_writer",)

    def __init__(self, config: LogConfig, fd: int, *, limit: int = QUEUE_LIMIT) -> None:
        """Write to a copy of this descriptor; at most `limit` lines wait for it."""
        colors = os.isatty(fd) and not os.environ.get("NO_COLOR")
        # A copy, so that a number closed and reused elsewhere can't turn log lines into traffic.
        self._writer = LineWriter(os.dup(fd), renderer(config, colors=colors), limit=limit)

    @classmethod
    def to_stderr(cls, config: LogConfig) -> Self:
        """Write to the process's stderr, or nowhere when it was started without one."""
        if sys.__stderr__ is not None:
            return cls(config, STDERR)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            return cls(config, nowhere)
        finally:
            os.close(nowhere)

    @property
    def dropped(self) -> int:
        """How many lines never got out so far."""
        return self._writer.dropped

    def note(self, event: str, /, **fields: object) -> None:
        """Write one line: `event` names what happened, `level` (info, warning, error) whether someone must look.

        Values are rendered later and must not change after the call. `exc_info=error` adds its traceback.
        """
        self._writer.put(event, fields)

    def close(self, within: float = FLUSH_WITHIN) -> bool:
        """Write what waits, for at most `within` seconds; tell whether the writer came to its end.

        Later notes are lost.
        """
        return self._writer.stop(within)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
