"""What a backend sends unasked: event requests, whose answers must find their way back, and interleaved frames."""

from typing import TYPE_CHECKING

import attrs

from mrcpbalance.sessions import Direction
from mrcpwire import rtsp, transport

from . import _edits, _metering
from ._replies import Fault, alive
from ._session import RtspSession
from ._turns import Lane

if TYPE_CHECKING:
    from ._caller import Caller
    from ._leg import Leg


# An event that the caller has not answered yet: its CSeq (None: the backend sent none, any answer fits),
# where it came from, whose it is. A tuple, as one is made for every event that passes.
Owed = tuple[bytes | None, "Leg", RtspSession]


@attrs.define(eq=False, weakref_slot=False)
class Events:
    """The events on one caller connection, and its interleaved channels (R-02)."""

    caller: "Caller"
    owed: list[Owed] = attrs.field(factory=list)
    channels: dict[int, RtspSession] | None = None
    held_back: list["Leg"] | None = None  # backend connections not read because too much waits for its turn

    def happened(self, leg: "Leg", request: rtsp.Request, now: float) -> None:
        """Pass a backend's request on to the caller of its session."""
        caller = self.caller
        session = caller.sessions.get(request.session or b"")
        if session is None or session.leg is not leg or session.aliased:
            session = self._session_of(leg, request)
            if session is None:
                self._unclaimed(leg, request)
                return
        session.touched = now
        came = request.raw
        if leg.edits or session.aliased:
            request = _edits.event(session, leg.backend, request)
        owed, data = self.owed, request.raw
        if len(owed) >= caller.context.limits.requests_per_connection:
            del owed[0]
            caller.context.tally.count("rtsp.event-never-answered")
        owed.append((request.cseq, leg, session))
        record = session.record
        record.bytes_to_client += len(data)
        if len(data) > request.body_at:
            record.messages_to_client += 1
            if session.begun and leg.meter is not None:
                _metering.happened(session.begun, leg.meter, request, now)
        if record.tap is not None:
            record.tap.to_client("rtsp", came, leg.port, data, caller.port, now)
        if leg.held is None:
            caller.port.send(data)
        else:
            caller.turns.event(leg, data)
            self.hold_back(leg)

    def _session_of(self, leg: "Leg", request: rtsp.Request) -> RtspSession | None:
        """Find a session by its backend's id, where its caller may know it by another (E-02)."""
        for session in self.caller.sessions.values():
            if session.leg is leg and session.backend_id == request.session:
                return session
        return None

    def _unclaimed(self, leg: "Leg", request: rtsp.Request) -> None:
        """Answer what belongs to no session here: a misrouted request must not stay open."""
        cseq = request.cseq or b"0"
        if request.session is None and request.method == b"OPTIONS":
            leg.tell(alive(cseq, None))
            return
        self.caller.context.tally.count("rtsp.event-without-session")
        leg.tell(Fault.NO_SESSION.reply(cseq, request.session))

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Pass a caller's answer to an event back to where the event came from (R-24)."""
        for at, (cseq, leg, session) in enumerate(self.owed):
            if cseq is None or cseq == response.cseq:
                del self.owed[at]
                session.touched = now
                came = response.raw
                if session.aliased and response.session is not None:
                    response = rtsp.with_session(response, session.backend_id)
                if not response.reason:
                    response = rtsp.with_reason(response)
                data, record = response.raw, session.record
                record.bytes_to_backend += len(data)
                if record.tap is not None:
                    record.tap.to_backend("rtsp", came, self.caller.port, data, leg.port, now)
                if not leg.gone:
                    leg.tell(data)
                return
        self.caller.context.tally.count("rtsp.unmatched-response")

    def settle(self, now: float) -> None:
        """Answer the open events for a caller that is gone."""
        for cseq, leg, session in self.owed:
            if not leg.gone:
                data = Fault.NO_SESSION.reply(cseq or b"0", session.backend_id)
                session.record.hear(Direction.TO_BACKEND, "rtsp", data, leg.port, now)
                leg.tell(data)
        self.owed.clear()

    # Back-pressure: what waits for its turn is bounded.

    def hold_back(self, lane: Lane) -> None:
        """Stop reading a backend connection when too many octets wait for their turn."""
        if self.caller.turns.octets <= self.caller.context.limits.unsent:
            return
        leg = next(leg for leg in self.caller.legs if leg is lane)
        if self.held_back is None:
            self.held_back = []
        if leg not in self.held_back:
            self.held_back.append(leg)
            leg.port.pause()

    def let_go(self) -> None:
        """Read again from all that were held back."""
        for leg in self.held_back or ():
            leg.port.resume()
        self.held_back = None

    # Interleaved frames.

    def open_channels(self, session: RtspSession, response: rtsp.Response) -> None:
        """Note which channels a SETUP negotiated."""
        pair = transport.interleaved(response.headers.get(b"Transport") or b"")
        if pair is not None:
            if self.channels is None:
                self.channels = {}
            for channel in range(pair[0], min(pair[1], 255) + 1):
                self.channels[channel] = session

    def frame(self, frame: rtsp.Interleaved) -> None:
        """Pass a caller's frame to the session that negotiated its channel."""
        session = (self.channels or {}).get(frame.channel)
        if session is None or session.leg is None:
            self.caller.context.tally.count("rtsp.frame-without-session")
            return
        session.record.bytes_to_backend += len(frame.raw)
        session.leg.tell(frame.raw)

    def backend_frame(self, leg: "Leg", frame: rtsp.Interleaved) -> None:
        """Pass a backend's frame to the caller, if one of its sessions negotiated that channel."""
        session = (self.channels or {}).get(frame.channel)
        if session is None or session.leg is not leg:
            self.caller.context.tally.count("rtsp.frame-without-session")
            return
        session.record.bytes_to_client += len(frame.raw)
        self.caller.turns.event(leg, frame.raw)
        self.hold_back(leg)

    def forget(self, session: RtspSession) -> None:
        """Forget the channels of a session that ended."""
        if self.channels is not None:
            self.channels = {
                channel: one for channel, one in self.channels.items() if one is not session
            } or None
