"""A stage whose datagrams are lost, doubled and overtaken, whose connections break, and whose peers act by themselves."""

import functools
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason, DatagramOwner, Owner
from mrcpwire import sip
from tests.mrcpv2.sip_stage import OWN, SipStage
from tests.stage import StagePort, StageSocket

DELAY: Final = 0.01  # seconds from one end of a connection to the other
LOSSES: Final = 2  # how often the same datagram is lost at most, so that what is sent again comes through


class End(Protocol):
    """Who has the other end of one of the proxy's connections."""

    def octets(self, line: "Line", data: bytes) -> None:
        """Take what the proxy sent."""

    def lost(self, line: "Line") -> None:
        """Take it that the proxy closed it, or never let it stand."""

    def notes(self, data: bytes, *, by_proxy: bool) -> None:
        """Take note of what the proxy says or hears at this moment."""


class Peer(End, Protocol):
    """A party that datagrams are sent to, and connections for SIP opened."""

    def datagram(self, data: bytes, source: Address) -> None:
        """Take a datagram."""


class WalkSocket(StageSocket):
    """A socket of the proxy; what it sends goes into the network."""

    def __init__(self, walk: "Network", local: Address) -> None:
        super().__init__(local)
        self.walk = walk

    def send(self, data: bytes, to: Address) -> None:
        self.walk.sends(self, data, to)


class WalkPort(StagePort):
    """The proxy's end of a connection."""

    line: "Line"

    def send(self, data: bytes) -> None:
        assert data
        self.line.end.notes(bytes(data), by_proxy=True)
        if self.state == "open":
            self.line.out(bytes(data))

    def close(self, *, all_read: bool = False) -> None:
        super().close(all_read=all_read)
        self.line.closed()

    def abort(self) -> None:
        super().abort()
        self.line.closed()


class Line:
    """A TCP connection between the proxy and somebody."""

    def __init__(self, walk: "Network", port: WalkPort, end: End, *, stands: bool) -> None:
        self.walk = walk
        self.port = port
        self.end = end
        self.stands = stands
        self.gone = False
        self._early: list[bytes] = []
        port.line = self
        walk.lines.append(self)

    # The proxy's doings.

    def out(self, data: bytes) -> None:
        if self.stands:
            self.walk.after(DELAY, functools.partial(self._deliver, data))
        else:
            self._early.append(data)

    def closed(self) -> None:
        self.walk.after(DELAY, self._lose)

    def _deliver(self, data: bytes) -> None:
        if not self.gone:
            self.end.octets(self, data)

    def _lose(self) -> None:
        if not self.gone:
            self.gone = True
            self.end.lost(self)

    # The other end's doings.

    def stand(self) -> None:
        if self.port.state == "open":
            self.stands = True
            for data in self._early:
                self.out(data)
            self.port.connects()

    def fail(self, reason: CloseReason) -> None:
        """Never stand."""
        if self.port.state == "open":
            self.gone = True
            self.port.state = "gone"
            self.port.goes(reason)

    def says(self, data: bytes) -> None:
        self.walk.after(DELAY, functools.partial(self._arrive, data))

    def _arrive(self, data: bytes) -> None:
        if not self.gone and self.port.state == "open":
            self.end.notes(data, by_proxy=False)
            self.port.says(data)

    def breaks(self, *, reset: bool) -> None:
        """Be lost, on both sides at once; the other end knows."""
        if self.gone:
            return
        self.gone = True
        if self.port.state != "open":
            return
        if reset:
            self.port.state = "gone"
            self.port.goes(CloseReason.RESET)
        else:
            self.port.finishes()


class Network(SipStage):
    """Time, what is on its way, and what the proxy said and heard."""

    def __init__(self, fates: Iterable[tuple[float, ...]], transport: str, *, direct: bool) -> None:
        super().__init__(
            backend={"sip_transport": transport}, listener={"control": "direct"} if direct else {}
        )
        self.front = WalkSocket(self, OWN)
        self.agent.network.hear(self.front)
        self.by_port: dict[int, WalkSocket] = {OWN.port: self.front}
        self.peers: dict[str, Peer] = {}
        self.control: dict[int, Callable[[Line], None]] = {}  # who takes connections on a port
        self.lines: list[Line] = []
        self.invited: set[bytes] = set()  # INVITEs that the proxy heard, by branch
        self.calls_heard: set[bytes] = set()  # those that are to begin a call
        self.finals: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)  # by branch and method
        self._fates = itertools.cycle(fates)
        self._losses: Counter[tuple[int, bytes]] = Counter()
        self._serial = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._clock = self.alarm(self._next)

    # Time.

    def after(self, wait: float, what: Callable[[], object]) -> None:
        """Have something happen after so many seconds."""
        heapq.heappush(self._agenda, (self.now + wait, next(self._serial), what))
        self._clock.set(self._agenda[0][0])

    def _next(self, _now: float) -> None:
        what = heapq.heappop(self._agenda)[2]
        if self._agenda:
            self._clock.set(self._agenda[0][0])
        what()

    # Datagrams.

    def datagrams(self, bind: Address, owner: DatagramOwner) -> WalkSocket:
        socket = WalkSocket(self, Address(bind.host, 40_000 + len(self.by_port)))
        self.by_port[socket.local.port] = socket
        return socket

    def sends(self, socket: WalkSocket, data: bytes, to: Address) -> None:
        """Take a datagram of the proxy."""
        self.said(data)
        self._carry(0, data, functools.partial(self.peers[to.host].datagram, data, socket.local))

    def hears(self, source: Address, to: tuple[str, int], data: bytes) -> None:
        """Take a datagram for the proxy."""
        self._carry(1, data, functools.partial(self._arrive, self.by_port[to[1]], data, source))

    def _arrive(self, socket: WalkSocket, data: bytes, source: Address) -> None:
        self.heard_by_proxy(data)
        self.agent.datagram(socket, data, source, self.now)

    def _carry(self, direction: int, data: bytes, deliver: Callable[[], object]) -> None:
        fate = next(self._fates)
        if not fate:
            self._losses[direction, data] += 1
            if self._losses[direction, data] > LOSSES:
                fate = (DELAY,)
        for delay in fate:
            self.after(delay, deliver)

    # Connections.

    def dial(self, address: Address, owner: Owner, *, within: float) -> WalkPort:
        port = WalkPort(self, address.host, owner)
        port.peer_port = address.port
        if address.port in self.control:
            self.control[address.port](Line(self, port, _NOBODY, stands=False))
        else:
            line = Line(self, port, self.peers[address.host], stands=False)
            self.after(DELAY, line.stand)
        return port

    def calls(self, peer: Peer, address: Address) -> Line:
        """Open a connection for SIP to the proxy."""
        port = WalkPort(self, address.host)
        port.peer_port = address.port
        line = Line(self, port, peer, stands=True)
        port.owner = self.agent.accept(port, self.now)
        return line

    # What is seen of the proxy.

    def said(self, data: bytes) -> None:
        """Note a final response."""
        message = sip.parse_datagram(data, sip.Limits())
        if isinstance(message, sip.Response) and message.status >= 200:
            self.finals[message.vias[0].branch or b"", message.cseq[1]].add(data)

    def heard_by_proxy(self, data: bytes) -> None:
        """Note an INVITE."""
        message = sip.parse_datagram(data, sip.Limits())
        if isinstance(message, sip.Request) and message.method == b"INVITE":
            branch = message.vias[0].branch or b""
            self.invited.add(branch)
            if message.to.tag is None:
                self.calls_heard.add(branch)


class _Nobody:
    def octets(self, line: Line, data: bytes) -> None:
        raise AssertionError("nobody is there")

    def lost(self, line: Line) -> None:
        pass

    def notes(self, data: bytes, *, by_proxy: bool) -> None:
        pass


_NOBODY: Final = _Nobody()
