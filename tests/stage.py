"""A stage for plays with a protocol core: the shell's part is played here, without sockets, tasks or a clock."""

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from mrcpbalance.config import Address, Limits, ListenerConfig, PoolConfig, Timeouts
from mrcpbalance.pool import Pool, link
from mrcpbalance.sessions import Overheard, Register, Routes, Session, Tally
from mrcpbalance.sessions.context import Context, Core
from mrcpbalance.sessions.ports import CloseReason, DatagramOwner, Owner


class StagePort:
    """One connection: what its owner did with it, and what the peer at the other end does."""

    def __init__(self, stage: "Stage", peer: str, owner: Owner | None = None) -> None:
        self.stage = stage
        self.peer = peer
        self.peer_port = 5062
        self.local = "192.0.2.1"
        self.local_port = 1554
        self.guarded = True
        self._paused = False
        self.state = "open"  # finished, closed, aborted
        self.all_read = False  # when it was closed, the peer had answered everything
        self._owner = owner
        self._sent: list[bytes] = []

    @property
    def owner(self) -> Owner:
        assert self._owner is not None
        return self._owner

    @owner.setter
    def owner(self, owner: Owner) -> None:
        self._owner = owner

    def paused(self) -> bool:
        return self._paused

    # The owner's side.

    def send(self, data: bytes) -> None:
        assert data, "nothing is no message"
        if self.state == "open":
            self._sent.append(bytes(data))

    def finish(self) -> None:
        if self.state == "open":
            self.state = "finished"

    def close(self, *, all_read: bool = False) -> None:
        if self.state in ("open", "finished"):
            self.state, self.all_read = "closed", all_read

    def abort(self) -> None:
        if self.state != "aborted":
            self.state = "aborted"

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    # The peer's side.

    def heard(self) -> bytes:
        """Everything that was sent to this peer since it was last asked."""
        heard = b"".join(self._sent)
        self._sent.clear()
        return heard

    def connects(self) -> None:
        self.owner.connected(self.stage.now)

    def says(self, data: bytes) -> None:
        self.owner.received(data, self.stage.now)

    def finishes(self) -> None:
        self.owner.finished(self.stage.now)

    def goes(self, reason: CloseReason = CloseReason.RESET) -> None:
        self.owner.lost(reason, self.stage.now)


class StageSocket:
    """A socket for datagrams: what was sent, and to whom."""

    def __init__(self, local: Address) -> None:
        self.local = local
        self.closed = False
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, data: bytes, to: Address) -> None:
        self.sent.append((data, to))

    def close(self) -> None:
        self.closed = True


class Ear:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[Overheard] = []
        self.ends: list[tuple[Session, float]] = []

    def overheard(self, session: Session, message: Overheard) -> None:
        self.heard.append(message)

    def ended(self, session: Session, now: float) -> None:
        self.ends.append((session, now))

    def told(self) -> list[tuple[str, bytes]]:
        """Whose messages there were since it was last asked, and their octets."""
        told = [(message.direction.value, message.data) for message in self.heard]
        self.heard.clear()
        return told

    def lines(self) -> list[str]:
        """Whose messages there were since it was last asked, by the first two words of each."""
        return [f"{who} {b' '.join(data.split(None, 2)[:2]).decode('latin-1')}" for who, data in self.told()]


class StageAlarm:
    """A deadline that rings when the stage's time comes to it."""

    def __init__(self, ring: Callable[[float], None]) -> None:
        self.ring = ring
        self.at: float | None = None

    def set(self, at: float) -> None:
        self.at = at

    def clear(self) -> None:
        self.at = None


class Stage:
    """The shell, the journal and the tables that a core is given; time passes when `passes` is called."""

    def __init__(
        self,
        pool: PoolConfig,
        listener: ListenerConfig,
        *,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.now: float = 1000.0
        self.dialled: list[StagePort] = []
        self.sockets: list[StageSocket] = []
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.ended: list[Session] = []
        self.draining = False
        self.left: list[Core] = []
        self.names: dict[str, list[str]] = {}  # the addresses of a host name
        self.missing: list[tuple[str, str]] = []  # those that didn't answer, and why
        self.unreachable: set[str] = set()  # hosts that there is no way to
        self.pools: dict[str, Pool] = {}
        self._alarms: list[StageAlarm] = []
        numbers: Final = itertools.count(1)
        self.context = Context(
            shell=self,
            journal=self,
            register=Register(
                (limits or Limits()).sessions,
                lambda: f"s{next(numbers)}",
                lambda session, _: self.ended.append(session),
            ),
            tally=Tally(),
            routes=Routes.of(attrs.evolve(listener, match=()), {pool.name: Pool(pool, random=lambda: 0.0)}),
            timeouts=timeouts or Timeouts(),
            limits=limits or Limits(),
            listener=listener,
            draining=lambda: self.draining,
            left=self.left.append,
            mint=lambda octets: f"{next(numbers):0{2 * octets}x}",
        )

    # What a core asks of the shell.

    def dial(self, address: Address, owner: Owner, *, within: float) -> StagePort:
        assert within == self.context.timeouts.connect
        port = StagePort(self, address.host, owner)
        self.dialled.append(port)
        return port

    def datagrams(self, bind: Address, owner: DatagramOwner) -> StageSocket:
        socket = StageSocket(Address(bind.host, bind.port or 40_000 + len(self.sockets)))
        self.sockets.append(socket)
        return socket

    def places(self, address: Address) -> Sequence[Address]:
        numbers = self.names.get(address.host, [address.host])
        return [Address(number, address.port) for number in numbers]

    def missed(self, place: Address, why: str) -> None:
        self.missing.append((place.host, why))

    def own_address(self, address: Address) -> str:
        if address.host in self.unreachable:
            return ""
        return "2001:db8::1" if ":" in address.host else "192.0.2.1"

    def alarm(self, ring: Callable[[float], None]) -> StageAlarm:
        alarm = StageAlarm(ring)
        self._alarms.append(alarm)
        return alarm

    def note(self, event: str, /, **fields: object) -> None:
        self.notes.append((event, fields))

    def also(self, *pools: PoolConfig) -> None:
        """Let there be other pools, too; only from now on the listener goes by its matches."""
        own = self.context.pool
        self.pools = {own.name: own, **{pool.name: Pool(pool, random=lambda: 0.0) for pool in pools}}
        link(self.pools)
        self.context.routes = Routes.of(self.context.listener, self.pools)

    # What a play does and sees.

    def listen(self) -> Ear:
        """Observe every session that begins from now on."""
        ear = Ear()
        self.context.register.choosers += (lambda _: ear,)
        return ear

    def passes(self, seconds: float) -> None:
        """Let time pass; whatever is due rings at its own time, in order."""
        until = self.now + seconds
        while True:
            due = [alarm for alarm in self._alarms if alarm.at is not None and alarm.at <= until]
            if not due:
                break
            alarm = min(due, key=lambda alarm: alarm.at or 0.0)
            self.now = max(self.now, alarm.at or 0.0)
            alarm.at = None
            alarm.ring(self.now)
        self.now = until

    def at(self, host: str) -> StagePort:
        """The newest connection to the backend at this host."""
        return next(port for port in reversed(self.dialled) if port.peer == host)

    @property
    def ends(self) -> list[str]:
        """How each session ended, in order."""
        return [str(session.end) for session in self.ended]

    @property
    def taken(self) -> dict[str, int]:
        """How many seats are taken on each backend."""
        return {name: backend.sessions for name, backend in self.context.pool.backends.items()}
