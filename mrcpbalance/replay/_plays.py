"""Which groups a server has still to play, and which it plays now."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import trio

from mrcpbalance.traces import Protocol
from mrcpbalance.traces.replay import Group

from ._play import Play, Result


class Plays:
    """Each group is to be played so many times."""

    def __init__(self, groups: Sequence[Group], times: int) -> None:
        self.live: list[Play] = []
        self._groups = groups
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
        return found[3]

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
        while self._finished < len(self._groups) * self._times:
            self._changed = trio.Event()
            idle = patience if self._begun and not self.live else math.inf
            with trio.move_on_after(idle) as limit:
                await self._changed.wait()
            if limit.cancelled_caught:
                return

    def absent(self, done: Callable[[Result], None]) -> None:
        """Report what nobody called for."""
        for group in self._groups:
            for copy in range(self._begun[group], self._times):
                for session in group.sessions:
                    done(
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
