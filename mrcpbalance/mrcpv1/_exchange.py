"""A request inside a session: sent to the session's backend, answered from there."""

from typing import TYPE_CHECKING

import attrs

from mrcpwire import rtsp

from . import _edits, _outcomes
from ._replies import Fault
from ._session import RtspSession
from ._turns import Turn

if TYPE_CHECKING:
    from ._caller import Caller
    from ._leg import Leg


@attrs.define(eq=False, kw_only=True)
class Exchange(Turn):
    """A request that was forwarded and the turn of its answer, in one."""

    caller: "Caller"
    leg: "Leg"
    session: RtspSession
    method: bytes

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Pass the answer on, unless the caller was already told that none came."""
        if self.done:
            self.caller.context.tally.count("rtsp.late-response")
            self.settled(response, now)
            return
        session = self.session
        session.touched = now
        data = _edits.answer(session, self.edited(response))
        record = session.record
        record.bytes_to_client += len(data)
        if len(response.raw) > response.body_at and self.method == b"ANNOUNCE":
            record.messages_to_client += 1
        self.settled(response, now)
        self.caller.answer(self, data, now, self.leg)

    def edited(self, response: rtsp.Response) -> rtsp.Response:
        """Change what must change in the answer besides the session id."""
        return response

    def settled(self, response: rtsp.Response, now: float) -> None:
        """Draw the consequences of the answer; an ordinary request has none."""

    def leg_lost(self, now: float) -> None:
        """Answer for the backend, which can't any more (R-22)."""
        if not self.done:
            self.caller.refuse(self, Fault.BACKEND_LOST, now)


@attrs.define(eq=False, kw_only=True)
class AddResource(Exchange):
    """A further SETUP of a session: another resource, or another transport of one it has."""

    uri: bytes
    resource: str
    new: bool  # a seat for the resource was taken

    def edited(self, response: rtsp.Response) -> rtsp.Response:
        """Keep the media addresses truthful (R-20)."""
        if not _outcomes.succeeded(response):
            return response
        response = _edits.media_to_caller(response, self.leg.port.peer)
        self.caller.events.open_channels(self.session, response)
        return response

    def settled(self, response: rtsp.Response, now: float) -> None:
        """Keep the resource, or give its seat back."""
        _outcomes.resource_settled(self, response)


@attrs.define(eq=False, kw_only=True)
class Teardown(Exchange):
    """A TEARDOWN: of one resource, or of all."""

    uri: bytes
    taken_for_done: bool = False

    def settled(self, response: rtsp.Response, now: float) -> None:
        """Release what the backend released (R-25)."""
        if not self.taken_for_done:
            _outcomes.teardown_settled(self, response, now)

    def given_up(self, now: float) -> None:
        """Take it for done: a silent backend must not keep a session that its caller has left."""
        self.taken_for_done = True
        _outcomes.teardown_given_up(self, now)
