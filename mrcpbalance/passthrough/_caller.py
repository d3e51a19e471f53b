"""The owners of a connection that nobody here understands: its octets go to one backend, untouched, both ways."""

from typing import ClassVar

import attrs

from mrcpbalance.pool import Backend, Pool, Seat, Waiter, Want
from mrcpbalance.sessions import Asked, End, Phase, Session, StickTable, Who
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Alarm, CloseReason, Port


@attrs.define(eq=False)
class Leg:
    """The owner of the connection to the backend."""

    caller: "Caller"
    backend: Backend
    port: Port = attrs.field(init=False)
    stands: bool = False

    def connected(self, now: float) -> None:
        """Let the octets flow."""
        self.stands = True
        self.caller.flow(self, now)

    def received(self, data: bytes, now: float) -> None:
        """Pass octets to the client."""
        caller = self.caller
        caller.touched = now
        record = caller.record
        record.bytes_to_client += len(data)
        if record.tap is not None:
            record.tap.to_client("tcp", data, self.port, data, caller.port, now)
        caller.port.send(data)

    def finished(self, now: float) -> None:
        """Pass the end of the backend's octets on."""
        self.caller.one_way(Who.BACKEND, self.caller.port, now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Try another backend if none stood yet, else end."""
        self.caller.leg_lost(self, reason, now)

    def crashed(self, now: float) -> None:
        """End the session on both sides."""
        self.caller.crashed(now)


@attrs.define(eq=False)
class Caller:
    """The owner of the client's connection. Nothing is read from it until the backend's connection stands."""

    protocol: ClassVar[str] = "tcp"

    context: Context
    port: Port
    record: Session
    pool: Pool
    want: Want
    table: StickTable | None
    early: bytes  # what was read before it was clear that nobody understands it
    touched: float
    alarm: Alarm = attrs.field(init=False)
    leg: Leg | None = None
    tried: tuple[Backend, ...] = ()
    waiter: Waiter | None = None  # while no backend is eligible
    ended_early: bool = False  # the client sent all it had before the backend's connection stood
    finished_by: Who | None = None  # who sent the end of its octets first
    gone: bool = False

    @classmethod
    def start(
        cls, context: Context, port: Port, now: float, *, table: StickTable | None = None, early: bytes = b""
    ) -> "Caller | None":
        """Take over a connection, to be `dial`led for; None when there may be no more sessions: it is reset."""
        route = context.routes.choose(Asked(source=port.peer))
        record = context.begin("tcp", port.peer, route, now)
        if record is None:
            context.tally.count("sessions.limit")
            port.abort()
            return None
        want = Want("tcp", None, port.peer, only_tcp=context.listener.protocol == "tcp")
        caller = cls(context, port, record, route.pool, want, table, early, now)
        if table is not None:
            table.hold(port.peer)
        caller.alarm = context.shell.alarm(caller._ring)
        port.guarded = False  # a peer may take its time: `idle` is the limit
        port.pause()
        return caller

    def dial(self, now: float) -> None:
        """Try the next backend; without one the connection is closed."""
        self._next(Who.PROXY, now)

    def _next(self, blame: Who, now: float) -> None:
        seat = None
        if not self.context.draining():
            seat = self._seat(now)
        if seat is not None:
            self._try(seat, now)
        elif not self._wait(blame, now):
            self._give_up(blame, now)

    def _wait(self, blame: Who, now: float) -> bool:
        """Wait for a backend, if that may be."""
        if self.context.draining():
            return False

        def refused(now: float) -> None:
            self._give_up(blame, now)

        self.waiter = self.pool.wait(
            self.want,
            now=now,
            tried=self.tried,
            bell=self.context.shell.alarm,
            placed=self._try,
            refused=refused,
        )
        return self.waiter is not None

    def _try(self, seat: Seat, now: float) -> None:
        backend = seat.backend
        self.tried = (*self.tried, backend)
        self.record.seat = seat
        self.record.attempts += 1
        if self.table is not None:  # before the connection stands, so that its siblings go there too
            self.table.put(self.want.source, self.pool.label(backend), now)
        self.leg = leg = Leg(self, backend)
        address = backend.address("tcp")
        assert address is not None, "the pool offers only backends that take part"
        leg.port = self.context.shell.dial(address, leg, within=self.context.timeouts.connect)
        leg.port.guarded = False

    def _seat(self, now: float) -> Seat | None:
        label = None if self.table is None else self.table.get(self.want.source, now)
        stuck = None if label is None else self.pool.find(label)
        if stuck is not None and stuck not in self.tried:
            seat = self.pool.take_from(stuck, self.want, now=now)
            if seat is not None:
                return seat
        return self.pool.take(self.want, now=now, tried=self.tried)

    def _give_up(self, blame: Who, now: float) -> None:
        if not self.tried and not self.context.draining():
            self.context.none_eligible(self.pool, self.want, now)
        self.farewell(End(blame, Phase.SETUP), now)

    def flow(self, leg: Leg, now: float) -> None:
        """Begin: the backend's connection stands."""
        leg.backend.answered("tcp", now)
        self.touched = now
        self.record.address = leg.port.peer
        self.context.register.answered(self.record, now)
        self.alarm.set(now + self.context.timeouts.idle)
        if self.early:
            early, self.early = self.early, b""
            self.received(early, now)
        self.port.resume()
        if self.ended_early:
            self.one_way(Who.CLIENT, leg.port, now)

    def leg_lost(self, leg: Leg, reason: CloseReason, now: float) -> None:
        """Try another backend if this one never stood, else end."""
        if leg.stands:
            self.farewell(End(self.finished_by or Who.BACKEND, Phase.ACTIVE), now)
            return
        leg.backend.failed("tcp", now)
        self.context.try_failed(self.record, leg.backend, reason.value)
        assert self.record.seat is not None, "a backend that was dialled gave its seat"
        self.record.seat.release()
        self._next(Who.TIMEOUT if reason is CloseReason.CONNECT_TIMEOUT else Who.BACKEND, now)

    def connected(self, now: float) -> None:
        """Nothing to do: a client's connection stands from the start."""

    def received(self, data: bytes, now: float) -> None:
        """Pass octets to the backend."""
        leg = self.leg
        if leg is None or not leg.stands:
            self.early += data
            return
        self.touched = now
        record = self.record
        record.bytes_to_backend += len(data)
        if record.tap is not None:
            record.tap.to_backend("tcp", data, self.port, data, leg.port, now)
        leg.port.send(data)

    def finished(self, now: float) -> None:
        """Pass the end of the client's octets on."""
        if self.leg is not None and self.leg.stands:
            self.one_way(Who.CLIENT, self.leg.port, now)
        else:
            self.ended_early = True

    def one_way(self, who: Who, other: Port, now: float) -> None:
        """Go on in one direction only, or end when neither is left."""
        self.touched = now
        if self.finished_by is None:
            self.finished_by = who
            other.finish()
        else:
            other.finish()
            self.farewell(End(self.finished_by, Phase.ACTIVE), now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """End: the client's connection is gone."""
        self.farewell(End(self.finished_by or Who.CLIENT, Phase.ACTIVE), now)

    def crashed(self, now: float) -> None:
        """End on both sides."""
        self.farewell(End(Who.PROXY, Phase.ACTIVE), now)

    def stop(self, end: End, now: float) -> None:
        """End now, by an operator's word or at the end of a drain."""
        self.farewell(end, now)

    def make_way(self, by: float, now: float) -> None:
        """Stay: it is a session."""

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """End, if it lives on this backend."""
        if self.leg is not None and self.leg.backend is backend:
            self.farewell(end, now)

    def _ring(self, now: float) -> None:
        due = self.touched + self.context.timeouts.idle
        if due <= now:
            self.farewell(End(Who.TIMEOUT, Phase.ACTIVE), now)
        else:
            self.alarm.set(due)

    def farewell(self, end: End, now: float) -> None:
        """Close both connections; what was received is still delivered."""
        if self.gone:
            return
        if self.record.answered_at is None:  # whatever befell it, it never started
            end = End(end.who, Phase.SETUP)
        self.gone = True
        self.alarm.clear()
        if self.waiter is not None:
            self.waiter.leave()
        self.context.register.end(self.record, end, now)
        if self.table is not None:
            self.table.release(self.want.source, now)
        if self.leg is not None:
            self.leg.port.close()
        self.port.close()
        self.context.left(self)
