"""Recordings of the proxy that runs in this process, for its admin interface; what they need is imported with the first one."""

import time
from collections.abc import Mapping
from random import SystemRandom
from typing import TYPE_CHECKING

import attrs

from mrcpbalance.config import RecordConfig
from mrcpbalance.observe.recordings import RecordError
from mrcpbalance.proxy import Proxy
from mrcpbalance.sessions import Session

if TYPE_CHECKING:
    from mrcpbalance.recording import Live, Recorder


@attrs.define(eq=False)
class Taken:
    """A recording that an operator takes."""

    recorder: "Recorder"
    live: "Live"

    async def next(self) -> bytes:
        """Wait for the next octets of its file; none at its end."""
        return await self.live.next()

    def leave(self) -> None:
        """End it."""
        self.recorder.leave(self.live)


@attrs.define(eq=False)
class Recordings:
    """The recordings of one proxy."""

    config: RecordConfig
    proxy: Proxy
    recorder: "Recorder | None" = None

    def take(self, asked: Mapping[str, str]) -> Taken:
        """Begin one of sessions that begin from now on; raises `RecordError`."""
        from mrcpbalance.recording import RefusedError  # noqa: PLC0415 - costs time and memory

        recorder = self.recorder = self.recorder or self._make()
        try:
            return Taken(recorder, recorder.take(asked))
        except RefusedError as refusal:
            raise RecordError(str(refusal), busy=refusal.busy) from None

    def _make(self) -> "Recorder":
        from mrcpbalance.recording import Budget, Recorder  # noqa: PLC0415 - costs time and memory

        fresh, clock = self.proxy.switchboard.fresh, self.proxy.switchboard.clock
        return Recorder(
            self.config,
            self.proxy.register,
            Budget(self.config.memory),
            SystemRandom().random,
            fresh,
            lambda at: at + time.time() - clock(),
        )

    def rows(self) -> list[dict[str, object]]:
        """Tell of those that are being taken."""
        return [] if self.recorder is None else self.recorder.rows()

    def file_of(self, session: Session) -> str | None:
        """Give the file in which a live session will be kept, if that is certain."""
        if self.config.directory is None:
            return None
        from mrcpbalance.recording import recording_of  # noqa: PLC0415 - there already

        return recording_of(session)
