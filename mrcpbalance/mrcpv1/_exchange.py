"""A request inside a session: sent to the session's backend, answered from there."""

from typing import TYPE_CHECKING

from mrcpbalance.sessions import Direction
from mrcpwire import rtsp

from . import _edits, _metering, _outcomes
from ._replies import Fault
from ._session import RtspSession
from ._turns import Turn

if TYPE_CHECKING:
    from ._leg import Leg


class Exchange(Turn):
    """A request that was forwarded and the turn of its answer, in one."""

    __slots__ = ("announces", "leg")

    session: RtspSession

    def __init__(self, request: rtsp.Request, due: float, session: RtspSession, leg: "Leg") -> None:
        # What Turn does too, written out: one is made for every request that passes.
        self.cseq = request.cseq or b""
        self.due = due
        self.session = session
        self.done = False
        self.out = None
        self.lane = None
        self.leg = leg
        self.announces = request.method == b"ANNOUNCE"

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Pass the answer on, unless the caller was already told that none came."""
        if self.done:
            self.late(response, now)
        else:
            self.leg.caller.answer(self, self.passed(response, now), now, self.leg)

    def passed(self, response: rtsp.Response, now: float, came: bytes | None = None) -> bytes:
        """Count an answer, and give it as the caller knows the session; `came` is what it was before it was edited."""
        session = self.session
        session.touched = now
        data = response.raw
        record = session.record
        if self.announces and len(data) > response.body_at:
            record.messages_to_client += 1
            if session.begun and self.leg.meter is not None:
                _metering.answered(session.begun, self.leg.meter, response, now)
        if session.aliased or not response.reason:
            data = _edits.answer(session, response)
        record.bytes_to_client += len(data)
        if record.tap is not None:
            leg = self.leg
            record.tap.to_client("rtsp", came or response.raw, leg.port, data, leg.caller.port, now)
        return data

    def late(self, response: rtsp.Response, now: float) -> None:
        """Count an answer that comes too late."""
        self.leg.caller.context.tally.count("rtsp.late-response")
        self.session.record.hear(Direction.FROM_BACKEND, "rtsp", response.raw, self.leg.port, now)

    def leg_lost(self, now: float) -> None:
        """Answer for the backend, which can't any more (R-22)."""
        if not self.done:
            self.leg.caller.refuse(self, Fault.BACKEND_LOST, now)


class AddResource(Exchange):
    """A further SETUP of a session: another resource, or another transport of one it has."""

    __slots__ = ("new", "resource", "uri")

    def __init__(
        self, request: rtsp.Request, due: float, session: RtspSession, leg: "Leg", *, resource: str, new: bool
    ) -> None:
        super().__init__(request, due, session, leg)
        self.uri = request.uri
        self.resource = resource
        self.new = new  # a seat for the resource was taken

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Keep the resource, or give its seat back; keep the media addresses truthful (R-20)."""
        if self.done:
            self.late(response, now)
            _outcomes.resource_settled(self, response)
            return
        caller, came = self.leg.caller, response.raw
        if _outcomes.succeeded(response):
            response = _edits.media_to_caller(response, self.leg.port.peer)
            caller.events.open_channels(self.session, response)
        data = self.passed(response, now, came)
        _outcomes.resource_settled(self, response)
        caller.answer(self, data, now, self.leg)


class Teardown(Exchange):
    """A TEARDOWN: of one resource, or of all."""

    __slots__ = ("uri",)

    def __init__(self, request: rtsp.Request, due: float, session: RtspSession, leg: "Leg") -> None:
        super().__init__(request, due, session, leg)
        self.uri = request.uri

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Release what the backend released (R-25), and pass its answer on."""
        if self.done:
            self.late(response, now)  # it was taken for done
            return
        data = self.passed(response, now)
        _outcomes.teardown_settled(self, response, now)
        self.leg.caller.answer(self, data, now, self.leg)

    def given_up(self, now: float) -> None:
        """Take it for done: a silent backend must not keep a session that its caller has left."""
        _outcomes.teardown_given_up(self, now)
