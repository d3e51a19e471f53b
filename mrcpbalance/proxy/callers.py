"""The caller connections of the process: how many there may be, and how they all come to their end."""

from collections import Counter
from collections.abc import Callable

import attrs

from mrcpbalance.config import Limits
from mrcpbalance.pool import Backend
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.context import Core
from mrcpbalance.sessions.ports import Port


def _raise(fault: Exception, _where: str) -> None:
    raise fault


@attrs.define(eq=False)
class Callers:
    """Every live caller connection, by its core."""

    limits: Limits
    live: dict[Core, str] = attrs.field(factory=dict)  # and the address it came from
    sources: Counter[str] = attrs.field(factory=Counter)
    refused: int = 0
    report: Callable[[Exception, str], None] = _raise  # gets what a core raises; the others go on

    def room(self, source: str) -> str | None:
        """Tell which limit, if any, one more connection from this address would break."""
        if len(self.live) >= self.limits.connections:
            return "limits.connections"
        if self.sources[source] >= self.limits.connections_per_source:
            return "limits.connections_per_source"
        return None

    def joined(self, core: Core, port: Port) -> None:
        """Count a connection in."""
        self.live[core] = port.peer
        self.sources[port.peer] += 1

    def left(self, core: Core) -> None:
        """Count a connection out."""
        source = self.live.pop(core, None)
        if source is not None:
            self.sources[source] -= 1
            if not self.sources[source]:
                del self.sources[source]

    def protocols(self) -> dict[str, int]:
        """Count the connections by what they speak."""
        counts = Counter(core.protocol for core in self.live)
        return dict(counts)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """End the sessions that live on one backend, cleanly."""
        for core in list(self.live):
            self._tell(core.leave, backend, end, now)

    def make_way(self, by: float, now: float) -> None:
        """Close the connections that nobody needs: who opens another finds the process that has taken over."""
        for core in list(self.live):
            self._tell(core.make_way, by, now)

    def stop(self, now: float) -> None:
        """End all, cleanly."""
        for core in list(self.live):
            self._tell(core.stop, End(Who.OPERATOR, Phase.ACTIVE), now)

    def _tell(self, told: Callable[..., None], *arguments: object) -> None:
        try:
            told(*arguments)
        except Exception as fault:  # noqa: BLE001 - one core's fault must not keep the others from their end
            self.report(fault, told.__qualname__)
