"""The deadlines of one caller connection, on one alarm.

Deadlines only ever move later while traffic flows, so nothing is set per message: the alarm rings at the earliest time
anything could be due, and what is due is looked up then.
"""

import math
from collections.abc import Iterable
from typing import Final, Protocol

import attrs

from mrcpbalance.config import Timeouts

from .ports import Alarm, Shell

QUIET: Final = 0.1  # seconds in which a peer says nothing, so that nothing should be on its way


class Watched(Protocol):
    """A caller connection, as its watch sees it."""

    gone: bool

    def idle(self) -> bool:
        """Tell whether it holds no session and nothing is open on it."""

    def dispensable(self) -> bool:
        """Tell whether nobody would miss it: whoever opens another finds the process that has taken over."""

    def slow(self, now: float) -> None:
        """Act on a caller that took too long for one message (G-3)."""

    def silent(self, now: float) -> None:
        """Act on a connection that holds nothing and has been silent for too long."""

    def out_of_time(self, now: float) -> None:
        """Act on the last moment of a connection that is about to end."""

    def look(self, now: float) -> None:
        """Do what else is due."""

    def dues(self) -> Iterable[float]:
        """Tell when else something is due."""


@attrs.define(eq=False, weakref_slot=False)
class Watch:
    """When a caller connection must be looked at again; called by its alarm."""

    watched: Watched
    timeouts: Timeouts
    accepted: float
    heard: float | None = None  # when the caller last sent octets
    partial_since: float | None = None  # since when a message is incomplete
    hurried: float = math.inf
    way_by: float = math.inf
    rings_at: float = math.inf
    alarm: Alarm = attrs.field(init=False)

    @classmethod
    def of(cls, watched: Watched, shell: Shell, timeouts: Timeouts, now: float) -> "Watch":
        """Start watching a connection that was just accepted."""
        watch = cls(watched, timeouts, now)
        watch.alarm = shell.alarm(watch)
        watch.by(now + timeouts.first_message)
        return watch

    def by(self, at: float) -> None:
        """Look at the connection at this time at the latest."""
        if at < self.rings_at:
            self.rings_at = at
            self.alarm.set(at)

    def partial(self, *, pending: bool, now: float) -> None:
        """Note whether the caller owes the rest of a message."""
        if not pending:
            self.partial_since = None
        elif self.partial_since is None:
            self.partial_since = now
            self.by(now + self.timeouts.message)

    def hurry(self, at: float) -> None:
        """End the connection at this time, answered or not."""
        if not self.watched.gone:
            self.hurried = min(self.hurried, at)
            self.by(at)

    def make_way(self, by: float, now: float) -> None:
        """End the connection once nobody needs it and its peer is quiet, lest something be on its way; by then at the latest."""
        self.way_by = by
        self.by(now)

    def _make_way(self, now: float) -> None:
        free = self.heard is not None and self.watched.dispensable()
        quiet_from = now if self.heard is None else self.heard + QUIET
        if free and (now >= quiet_from or now >= self.way_by):
            self.watched.silent(now)
        elif now >= self.way_by:
            self.way_by = math.inf
        else:
            self.by(min(quiet_from if free else now + QUIET, self.way_by))

    def stop(self) -> None:
        """Watch no longer."""
        self.alarm.clear()
        self.rings_at = -math.inf

    def __call__(self, now: float) -> None:
        """Do what is due, and say when to look again."""
        self.rings_at = math.inf
        watched = self.watched
        if self.hurried <= now:
            watched.out_of_time(now)
        elif self._message_due() <= now:
            watched.slow(now)
        elif self._idle_due() <= now:
            watched.silent(now)
        if not watched.gone and self.way_by < math.inf:
            self._make_way(now)
        if not watched.gone:
            watched.look(now)
        if not watched.gone:
            due = min(self.hurried, self._message_due(), self._idle_due(), *watched.dues())
            if due < math.inf:
                self.by(due)

    def _message_due(self) -> float:
        return math.inf if self.partial_since is None else self.partial_since + self.timeouts.message

    def _idle_due(self) -> float:
        if self.heard is None:
            return self.accepted + self.timeouts.first_message
        return self.heard + self.timeouts.connection_idle if self.watched.idle() else math.inf
