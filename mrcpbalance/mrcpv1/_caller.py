"""The owner of a caller's RTSP connection: it holds the sessions, gives each request its turn, and ends things in order."""

import functools
from collections.abc import Iterator
from typing import ClassVar

import attrs

from mrcpbalance.pool import Backend
from mrcpbalance.sessions import Direction, End, Phase, Who
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import CloseReason, Port
from mrcpbalance.sessions.watch import Watch
from mrcpwire import RemoteProtocolError, rtsp

from . import _requests
from ._events import Events
from ._leg import Leg, say_goodbye
from ._placement import Placement
from ._replies import Fault
from ._session import RtspSession, State, Step
from ._turns import Lane, Turn, Turns


@functools.lru_cache(8)  # one object for all connections under the same configuration
def _limits(
    start_line: int, header_section: int, header_lines: int, header_line: int, message: int
) -> rtsp.Limits:
    return rtsp.Limits(
        start_line=start_line,
        header_section=header_section,
        header_lines=header_lines,
        header_line=header_line,
        message=message,
    )


@attrs.define(eq=False, weakref_slot=False)
class Caller:
    """One caller connection with its sessions, and the connections to the backends they live on."""

    protocol: ClassVar[str] = "mrcpv1"

    context: Context
    port: Port
    limits: rtsp.Limits
    receiver: rtsp.Receiver
    turns: Turns
    watch: Watch = attrs.field(init=False)
    events: Events = attrs.field(init=False)
    sessions: dict[bytes, RtspSession] = attrs.field(factory=dict)  # by the id the caller knows
    legs: tuple[
        Leg, ...
    ] = ()  # tuples, as an empty list for each connection would cost more than making a new one
    placements: tuple[Placement, ...] = ()
    former: dict[bytes, None] | None = None  # ids of sessions that ended here, oldest first
    misses: int = 0  # requests with ids that nobody here ever had
    choked: bool = False  # too many requests open: the rest waits unread
    closing: End | None = None  # no further request is taken; the connection ends when all are answered
    gone: bool = False

    @classmethod
    def of(cls, context: Context, port: Port, now: float) -> "Caller":
        """Take over a connection that was just accepted."""
        most = context.limits
        limits = _limits(
            most.start_line, most.header_section, most.header_lines, most.header_line, most.message
        )
        caller = cls(context, port, limits, rtsp.Receiver(limits), Turns(port))
        caller.events = Events(caller)
        caller.watch = Watch.of(caller, context.shell, context.timeouts, now)
        return caller

    # What the shell tells.

    def connected(self, now: float) -> None:
        """Nothing to do: a caller's connection stands from the start."""

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the caller."""
        if self.closing is None:
            self.watch.heard = now
            self.receiver.receive_data(data)
            self.pump(now)

    def pump(self, now: float) -> None:
        """Handle what was received, as far as the number of open requests allows."""
        receiver, turns = self.receiver, self.turns.open
        most = self.context.limits.requests_per_connection
        try:
            while (
                self.closing is None and len(turns) < most and (message := receiver.next_event()) is not None
            ):
                if isinstance(message, rtsp.Request):
                    _requests.handle(self, message, now)
                elif isinstance(message, rtsp.Response):
                    self.events.answered(message, now)
                else:
                    self.events.frame(message)
        except RemoteProtocolError as error:
            self._caller_broke(error, now)
            return
        if len(turns) >= most:
            self.choked = True
            self.port.pause()
        pending = receiver.pending and not self.choked
        if pending or self.watch.partial_since is not None:
            self.watch.partial(pending=pending, now=now)

    def finished(self, now: float) -> None:
        """Answer what is open, then end: the caller sends nothing more."""
        if self.receiver.pending and not self.choked and self.closing is None:
            self._complain("client-broke-protocol", "rtsp.cut-short", "R-22", b"")
        self.close_when_answered(End(Who.CLIENT, Phase.ACTIVE), now)
        self.watch.hurry(now + self.context.timeouts.linger)

    def lost(self, reason: CloseReason, now: float) -> None:
        """End everything: nobody is left to be answered (R-22)."""
        who = Who.TIMEOUT if reason is CloseReason.STALLED else Who.CLIENT
        self.farewell(End(who, Phase.ACTIVE), now)

    def crashed(self, now: float) -> None:
        """Answer 500 to whatever is open and end everything."""
        self.shut(Fault.OWN_FAULT, End(Who.PROXY, Phase.ACTIVE), now)

    # What the watch tells.

    def idle(self) -> bool:
        """Tell whether it holds no session and nothing is open on it."""
        return not self.sessions and not self.turns.open

    def slow(self, now: float) -> None:
        """Answer 408 to a message that doesn't come to its end (G-3)."""
        self._complain("client-broke-protocol", "rtsp.message-timeout", "G-3", b"")
        self._last_words(b"0", Fault.MESSAGE_TIMEOUT.reply(b"0"), now)

    def silent(self, now: float) -> None:
        """End a connection that nobody uses."""
        self.close_when_answered(End(Who.TIMEOUT, Phase.ACTIVE), now)

    def out_of_time(self, now: float) -> None:
        """End a connection that was given a last moment."""
        self.shut(Fault.TIMEOUT, self.closing or End(Who.TIMEOUT, Phase.ACTIVE), now)

    def look(self, now: float) -> None:
        """Answer what a backend left open for too long, end what has been silent for too long."""
        late = now - self.context.timeouts.message
        for placement in self.placements:
            if placement.due <= now:
                placement.overdue(now)
        for leg in self.legs:
            if leg.partial_since is not None and leg.partial_since <= late:
                self.leg_broke(leg, "rtsp.message-timeout", "G-3", now)
        for turn in [turn for turn in self.turns.open if not turn.done and turn.due <= now]:
            self.context.tally.count("rtsp.request-timeout")
            self.refuse(turn, Fault.TIMEOUT, now)
            turn.given_up(now)
        for session in [session for session in self.sessions.values() if session.expires <= now]:
            say_goodbye(session, now)
            self.end(session, Who.TIMEOUT, now)

    def dues(self) -> Iterator[float]:
        """Tell when one of these is due next."""
        message = self.context.timeouts.message
        yield from (placement.due for placement in self.placements)
        yield from (leg.partial_since + message for leg in self.legs if leg.partial_since is not None)
        yield from (turn.due for turn in self.turns.open if not turn.done)
        yield from (session.expires for session in self.sessions.values())

    # Answers.

    def answer(self, turn: Turn, data: bytes, now: float, lane: Lane | None = None) -> None:
        """Send an answer in its turn, then go on with what had to wait."""
        self.turns.answer(turn, data, lane)
        if self.turns.octets:
            if lane is not None:
                self.events.hold_back(lane)
        elif self.events.held_back is not None:
            self.events.let_go()
        if self.closing is not None:
            if not self.turns.open:
                self.farewell(self.closing, now)
        elif self.choked and len(self.turns.open) * 2 <= self.context.limits.requests_per_connection:
            self.choked = False
            self.port.resume()
            self.pump(now)

    def refuse(self, turn: Turn, fault: Fault, now: float) -> None:
        """Answer a request ourselves."""
        session = turn.session
        data = fault.reply(turn.cseq, session.client_id or None if session is not None else None)
        if session is not None:
            session.record.bytes_to_client += len(data)
            session.record.hear(Direction.TO_CLIENT, "rtsp", data, self.port, now)
        self.answer(turn, data, now)

    def turn(self, cseq: bytes, now: float, session: RtspSession | None = None) -> Turn:
        """Give a request its turn."""
        turn = Turn(cseq, now + self.context.timeouts.request, session)
        self.turns.open.append(turn)
        return turn

    # Backend connections.

    def leg_to(self, backend: Backend) -> Leg:
        """Give the connection to this backend, dialling when there is none (R-21)."""
        for leg in self.legs:
            if leg.backend is backend:
                return leg
        leg = Leg(self, backend, rtsp.Receiver(self.limits))
        address = backend.address("rtsp")
        assert address is not None, "the pool offers only backends that speak the protocol"
        leg.port = self.context.shell.dial(address, leg, within=self.context.timeouts.connect)
        self.legs = (*self.legs, leg)
        return leg

    def leg_lost(self, leg: Leg, reason: CloseReason, now: float) -> None:
        """Answer for a backend connection that is gone, then end the sessions that lived on it (R-22)."""
        self.legs = tuple(other for other in self.legs if other is not leg)
        lived = [session for session in self.sessions.values() if session.leg is leg]
        active = sum(session.state is State.ACTIVE for session in lived)
        awaited, leg.awaited = leg.awaited, []
        if awaited or active:
            leg.backend.failed("rtsp", now)
            self._mourn(leg, reason, len(awaited), active)
        for entry in awaited:
            entry.leg_lost(now)
        for session in lived:
            self.end(session, Who.BACKEND, now)
        if (
            active
            and not self.placements
            and not any(one.state is State.ACTIVE for one in self.sessions.values())
        ):
            self.close_when_answered(End(Who.BACKEND, Phase.ACTIVE), now)

    def _mourn(self, leg: Leg, reason: CloseReason, requests: int, sessions: int) -> None:
        self.context.journal.note(
            "backend-connection-lost",
            level="warning",
            pool=leg.backend.pool,
            backend=leg.backend.name,
            client=self.port.peer,
            reason=reason.value,
            open_requests=requests,
            sessions=sessions,
        )

    def leg_broke(self, leg: Leg, code: str, rule: str, now: float, excerpt: bytes = b"") -> None:
        """Give up a backend connection that no longer speaks RTSP."""
        self._complain("backend-broke-protocol", code, rule, excerpt, backend=leg.backend.name)
        leg.port.abort()
        leg.lost(CloseReason.RESET, now)

    def _caller_broke(self, error: RemoteProtocolError, now: float) -> None:
        self._complain("client-broke-protocol", error.code, error.rule, error.excerpt)
        self._last_words(
            error.cseq or b"0", rtsp.reply(error.status_hint or 400, cseq=error.cseq or b"0"), now
        )

    def _complain(self, event: str, code: str, rule: str, excerpt: bytes, backend: str = "") -> None:
        context = self.context
        context.tally.count(code, rule)
        context.journal.note(
            event,
            level="warning",
            listener=context.listener.name,
            client=self.port.peer,
            backend=backend,
            code=code,
            rule=rule,
            excerpt=excerpt,
        )

    def _last_words(self, cseq: bytes, reply: bytes, now: float) -> None:
        self.watch.partial(pending=False, now=now)
        turn = self.turn(cseq, now)
        self.closing = End(Who.CLIENT, Phase.ACTIVE)
        self.answer(turn, reply, now)

    # Ends.

    def end(self, session: RtspSession, who: Who, now: float) -> None:
        """End one session for good, at once; its caller was answered before."""
        if session.state is State.GRACE:
            session.step(Step.EXPIRED)
        else:
            phase = Phase.TEARDOWN if session.teardowns else Phase.ACTIVE
            if session.state is State.INIT:
                phase = Phase.SETUP
            session.step(Step.CUT)
            self.context.register.end(session.record, End(who, phase), now)
        self.forget(session)

    def forget(self, session: RtspSession) -> None:
        """Drop a session from this connection's tables."""
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]
            self.events.forget(session)
            if not self.gone:
                self._note_former(session.client_id)
        session.leg = None

    def _note_former(self, name: bytes) -> None:
        """Remember an id, so that to ask for it later is no guess: its caller may not know yet that it is gone."""
        if self.former is None:
            self.former = {}
        self.former[name] = None
        if len(self.former) > self.context.limits.sessions_per_connection:
            del self.former[next(iter(self.former))]

    def had(self, name: bytes | None) -> bool:
        """Tell whether a session here has this id, or had it."""
        return name in self.sessions or (self.former is not None and name in self.former)

    def close_when_answered(self, end: End, now: float) -> None:
        """Take no further request, and end once every open one is answered."""
        if self.closing is None and not self.gone:
            self.closing = end
            if not self.turns.open:
                self.farewell(end, now)

    def stop(self, end: End, now: float) -> None:
        """End everything by an operator's word, or when the time to drain is over."""
        self.shut(Fault.UNAVAILABLE, end, now)

    def shut(self, fault: Fault, end: End, now: float) -> None:
        """Answer every open request with this fault and end every session and the connection, now."""
        self.closing = end
        seeking = [placement.session for placement in self.placements if placement.session is not None]
        for placement in self.placements:
            placement.cancel()
        for turn in list(self.turns.open):
            if not turn.done and not self.gone:
                self.refuse(turn, fault, now)
        for session in seeking:
            self.end(session, end.who, now)
        self.farewell(end, now)

    def dispensable(self) -> bool:
        """Tell whether nothing on it has still to come to an end."""
        return not self.turns.open and all(held.record.end for held in self.sessions.values())

    def make_way(self, by: float, now: float) -> None:
        """Close it when it holds nothing."""
        self.watch.make_way(by, now)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """End the sessions that live on a backend, in order; the others live on."""
        for leg in self.legs:
            if leg.backend is not backend:
                continue
            lived = [session for session in self.sessions.values() if session.leg is leg]
            for turn in [turn for turn in self.turns.open if turn.session in lived]:
                if not turn.done:
                    self.refuse(turn, Fault.UNAVAILABLE, now)
            for session in lived:
                say_goodbye(session, now)
                self.end(session, end.who, now)
            pending, leg.awaited = leg.awaited, []  # that nobody answers these is no failure of the backend
            leg.port.close()
            leg.lost(CloseReason.ENDED, now)
            for entry in pending:
                entry.leg_lost(now)
            if lived and not self.placements and not self.sessions:
                self.close_when_answered(end, now)

    def farewell(self, end: End, now: float) -> None:
        """End every session, tell their backends, and close all connections."""
        if self.gone:
            return
        self.gone = True
        self.closing = end
        self.watch.stop()
        for placement in self.placements:
            placement.cancel()
            if placement.session is not None:
                self.end(placement.session, end.who, now)
        self.events.settle(now)
        for session in list(self.sessions.values()):
            say_goodbye(session, now)
            self.end(session, end.who, now)
        for leg in self.legs:
            leg.close()
        self.legs = ()
        self.port.close()
        self.context.left(self)
