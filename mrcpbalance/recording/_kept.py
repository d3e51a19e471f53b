"""Recordings that are kept in a directory, a file for each session, those of the sessions that ended last only."""

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
import trio

from mrcpbalance.config import RecordConfig
from mrcpbalance.sessions import Overheard, Register, Session
from mrcpbalance.sessions.ports import Journal

from ._held import Budget, Held
from ._wish import Wish
from ._writing import Scribe

LATE: Final = 0.5  # seconds after a session's end for which the last answers are waited for
QUEUE: Final = 1_000  # sessions that wait to be written
PREFIX: Final = "mrcpbalance-"


@attrs.define(eq=False)
class Keeper:
    """Chooses sessions, observes them, and has those kept that are wanted once they have ended."""

    config: RecordConfig
    directory: Path
    journal: Journal
    budget: Budget
    chance: Callable[[], float]
    now: Callable[[], float]  # the cores' clock
    wall: Callable[[float], float]  # calendar time of a moment on it
    wish: Wish = attrs.field(init=False)
    send: "trio.MemorySendChannel[Record]" = attrs.field(init=False)
    receive: "trio.MemoryReceiveChannel[Record]" = attrs.field(init=False)
    _next: "Record | None" = None

    def __attrs_post_init__(self) -> None:
        self.wish = Wish(failed=self.config.sessions == "failed", sample=self.config.sample)
        self.send, self.receive = trio.open_memory_channel(QUEUE)

    def choose(self, session: Session) -> "Record | None":
        """Observe a session that begins if it may be kept."""
        if self.chance() * 100 >= self.wish.sample:
            return None
        at = self.wall(session.opened_at)
        began = datetime.fromtimestamp(at, UTC)
        name = f"{PREFIX}{began:%Y%m%dT%H%M%S.%f}-{session.id}.pcapng"
        held = Held(self.budget, self.config.session_size)
        return Record(self, session, self.directory / name, held, at - session.opened_at)

    async def run(
        self, register: Register, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Write files until cancelled."""
        register.choosers += (self.choose,)
        task_status.started()
        try:
            async for record in self.receive:
                self._next = record
                await trio.sleep(max(0.0, record.due - self.now()))
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(self._write, record)
                self._next = None
        finally:
            self._write_the_rest()

    def _write_the_rest(self) -> None:
        """Write what waits when the process ends: nobody else is kept waiting by then."""
        rest = [] if self._next is None else [self._next]
        with contextlib.suppress(trio.WouldBlock):
            while True:
                rest.append(self.receive.receive_nowait())
        for record in rest:
            self._write(record)

    def _write(self, record: "Record") -> None:
        try:
            self._keep(record)
        except OSError as error:
            self.journal.note(
                "recording-failed",
                level="warning",
                session=record.session.id,
                file=str(record.file),
                reason=error.strerror,
            )

    def _keep(self, record: "Record") -> None:
        scribe = Scribe(record.offset, self.config.bodies)
        data = scribe.begin() + scribe.all_of(record.session, record.held)
        descriptor = os.open(record.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - nobody else may read it, from the start
            file.write(data)
            ended = record.due - LATE + record.offset
            os.utime(descriptor, (ended, ended))
        kept = sorted(self.directory.glob(f"{PREFIX}*.pcapng"), key=_age)
        for old in kept[: -self.config.keep]:
            old.unlink(missing_ok=True)


def _age(file: Path) -> tuple[float, str]:
    """Order files by the ends of their sessions: a long one that fails is news, however early it began."""
    try:
        return file.stat().st_mtime, file.name
    except FileNotFoundError:  # somebody took it away
        return 0.0, file.name


@attrs.define(eq=False)
class Record:
    """The observer of one session that may be kept."""

    keeper: Keeper
    session: Session
    file: Path
    held: Held
    offset: float  # from the cores' clock to the calendar's
    due: float = 0.0  # when to write it
    dropped: bool = False

    @property
    def kept(self) -> bool:
        """Tell whether there will be a file, as far as that is clear."""
        return not self.dropped and self.keeper.wish.wants(self.session) is True

    def overheard(self, _session: Session, message: Overheard) -> None:
        """Hold a message."""
        if not self.dropped:
            self.held.add(message)

    def ended(self, session: Session, now: float) -> None:
        """Have the file written if it is wanted."""
        if self.kept:
            self.due = now + LATE
            try:
                self.keeper.send.send_nowait(self)
            except trio.WouldBlock:
                self.keeper.journal.note(
                    "recording-failed", level="warning", session=session.id, reason="busy"
                )
                self.dropped = True
        else:
            self.dropped = True
        if self.dropped:
            self.held.take()


def recording_of(session: Session) -> str | None:
    """Give the file in which a session is or will be kept; None while there is none."""
    for observer in () if session.tap is None else session.tap.observers:
        if isinstance(observer, Record) and observer.kept:
            return str(observer.file)
    return None
