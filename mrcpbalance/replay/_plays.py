"""Which groups a server has still to play, and which it plays now."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import trio

from mrcpbalance.traces import Protocol, Session
from mrcpbalance.traces.replay import Group, Script
from mrcpbalance.traces.sessions import Parsed

from ._outside import Outside
from ._play import Play, Result


class Plays:
    """Each group is to be played so many times, each request outside sessions to be answered as often."""

    def __init__(self, script: Script, times: int, done: Callable[[Result], None]) -> None:
        self.live: list[Play] = []
        self._done = done
        self._groups: Sequence[Group] = script.without_asides
        self._outside = Outside(script.asides, times)
        self._called = False  # somebody did
        self._times = times
        self._begun: Counter[Group] = Counter()
        self._finished = 0
        self._changed = trio.Event()

    def take(self, protocol: Protocol, likeness: Callable[[Group], int]) -> Group | None:
        """Choose the group that is most like what came, of those played least; None where there is none left."""
        left = [one for one in self._groups if one.protocol is protocol and self._begun[one] < self._times]
        alike = [(likeness(one), -self._begun[one], -number, one) for number, one in enumerate(left)]
        found = max((entry for entry in alike if entry[0]), default=None, key=lambda entry: entry[:3])
        if found is None:
            return None
        self._begun[found[3]] += 1
        self._called = True
        return found[3]

    def asked(self, protocol: Protocol, parsed: Parsed) -> Session | None:
        """Find the captured request outside sessions that came; None where the capture has none like it."""
        found = self._outside.asked(protocol, parsed, self._done)
        self._called |= found is not None
        self._stir()
        return found

    def copy(self, group: Group) -> int:
        """Tell which time it is that a group is played, from 0."""
        return self._begun[group] - 1

    def began(self, play: Play) -> None:
        """Take note of a beginning."""
        self.live.append(play)
        self._stir()

    def ended(self, play: Play) -> None:
        """Take note of an end."""
        self.live.remove(play)
        self._finished += 1
        self._stir()

    async def wait(self, patience: float) -> None:
        """Wait until all is played, or nobody has called for so many seconds after the first."""
        while self._finished < len(self._groups) * self._times or self._outside.left:
            self._changed = trio.Event()
            idle = patience if self._called and not self.live else math.inf
            with trio.move_on_after(idle) as limit:
                await self._changed.wait()
            if limit.cancelled_caught:
                return

    def absent(self) -> None:
        """Report what nobody called for."""
        self._outside.absent(self._done)
        for group in self._groups:
            for copy in range(self._begun[group], self._times):
                for session in group.sessions:
                    self._done(
                        Result(
                            session=session,
                            role="server",
                            copy=copy,
                            compared=0,
                            differences=(),
                            stopped="nobody called",
                            left_out=sum(session in step.sessions for step in group.steps),
                        )
                    )

    def _stir(self) -> None:
        self._changed.set()
