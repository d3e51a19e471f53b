"""Messages of one session that are held until it is clear what becomes of them: the first and the last, within bounds."""

from collections import deque

import attrs

from mrcpbalance.sessions import Hop, Overheard
from mrcpbalance.traces import Endpoint

OVERHEAD = 200  # octets that a message costs beyond its own


@attrs.frozen
class Way:
    """Both ends of what carried a message, ours first."""

    tcp: bool
    local: Endpoint
    remote: Endpoint


@attrs.define(eq=False)
class Budget:
    """Octets that all held messages may take together."""

    limit: int
    used: int = 0


@attrs.define(eq=False)
class Held:
    """What is held of one session: the first half of what it may, and then the latest."""

    budget: Budget
    most: int  # octets
    left_out: int = 0  # messages
    _first: list[Overheard] = attrs.field(factory=list)
    _last: deque[Overheard] = attrs.field(factory=deque)
    _octets: list[int] = attrs.field(factory=lambda: [0, 0])  # of both
    _ways: dict[object, Way] = attrs.field(factory=dict)  # of connections whose ends were seen
    _made_up: int = 0

    def add(self, message: Overheard) -> None:
        """Hold one more; the oldest but the first ones makes room."""
        self.meet(message)
        cost, half = len(message.data) + OVERHEAD, self.most // 2
        if self.budget.used + cost > self.budget.limit or cost > half:
            self.left_out += 1
            return
        self.budget.used += cost
        if not self._last and self._octets[0] + cost <= half:
            self._first.append(message)
            self._octets[0] += cost
            return
        self._last.append(message)
        self._octets[1] += cost
        while self._octets[1] > half:
            self._forget(len(self._last.popleft().data) + OVERHEAD)
            self.left_out += 1

    def _forget(self, cost: int) -> None:
        self._octets[1] -= cost
        self.budget.used -= cost

    def take(self) -> list[Overheard]:
        """Give what is held, in order, and hold nothing more of it."""
        taken = [*self._first, *self._last]
        self._first.clear()
        self._last.clear()
        self.budget.used -= sum(self._octets)
        self._octets = [0, 0]
        return taken

    def meet(self, message: Overheard) -> bool:
        """Remember the ends of a message's way as soon as they are known; tell whether they are."""
        way = message.way
        if isinstance(way, Hop) or way in self._ways:
            return True
        if not way.local_port or not way.peer_port:
            return False
        self._ways[way] = Way(
            tcp=True,
            local=Endpoint(way.local, way.local_port),
            remote=Endpoint(way.peer, way.peer_port),
        )
        return True

    def way(self, message: Overheard) -> Way:
        """Give a message's way; ends of a connection that never stood are made up."""
        way = message.way
        if isinstance(way, Hop):
            local, remote = way.local, way.remote
            return Way(
                tcp=False, local=Endpoint(local.host, local.port), remote=Endpoint(remote.host, remote.port)
            )
        if not self.meet(message):
            self._made_up += 1
            made_up = Way(tcp=True, local=Endpoint("", self._made_up), remote=Endpoint(way.peer, 0))
            self._ways[way] = made_up
        return self._ways[way]
