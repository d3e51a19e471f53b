"""One backend connection of one caller connection (R-21): what was asked there, and whose answer comes back (R-24)."""

from typing import TYPE_CHECKING, Final, Protocol

import attrs

from mrcpbalance.pool import Backend
from mrcpbalance.sessions import Direction, Meter
from mrcpbalance.sessions.ports import CloseReason, Port
from mrcpwire import RemoteProtocolError, rtsp

from ._session import RtspSession, State

if TYPE_CHECKING:
    from ._caller import Caller
    from ._turns import Turn

OWN_CSEQ: Final = b"2147483647"  # of requests that no caller made


class Awaited(Protocol):
    """A request that went to a backend and waits for its answer there."""

    cseq: bytes

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Take the final answer."""

    def leg_lost(self, now: float) -> None:
        """No answer will come: the connection is gone."""


@attrs.define(eq=False)
class Unheard:
    """A request of our own (a keep-alive, a TEARDOWN of what nobody wants); its answer is dropped."""

    cseq: bytes

    def answered(self, response: rtsp.Response, now: float) -> None:
        """Drop it."""

    def leg_lost(self, now: float) -> None:
        """Nobody waits."""


@attrs.define(eq=False, weakref_slot=False)
class Leg:
    """The owner of a connection to a backend."""

    caller: "Caller"
    backend: Backend
    receiver: rtsp.Receiver
    port: Port = attrs.field(init=False)
    edits: bool = attrs.field(init=False)  # something of every request changes on its way
    meter: Meter | None = attrs.field(init=False)
    awaited: list[Awaited] = attrs.field(factory=list)
    held: "Turn | None" = None
    told: bool = False  # something that nobody answers was sent after the last request
    partial_since: float | None = None
    stands: bool = False  # until then nothing that was sent has left
    gone: bool = False

    def __attrs_post_init__(self) -> None:
        config = self.backend.config
        self.edits = config.request_uri != "keep" or config.insert_cseq
        self.meter = self.caller.context.meter(self.backend, "mrcpv1")

    def ask(self, request: bytes, awaited: Awaited) -> None:
        """Send a request and remember who waits for its answer."""
        self.awaited.append(awaited)
        self.told = False
        self.port.send(request)

    def tell(self, data: bytes) -> None:
        """Send what isn't answered."""
        self.told = True
        self.port.send(data)

    def close(self) -> None:
        """Close the connection: its caller is gone. Whoever has answered the last request has read all before it."""
        self.gone = True
        self.port.close(all_read=not self.awaited and not self.told)

    def connected(self, now: float) -> None:
        """Take note; what was sent before now leaves by itself."""
        self.stands = True

    def received(self, data: bytes, now: float) -> None:
        """Take octets from the backend."""
        receiver, events = self.receiver, self.caller.events
        receiver.receive_data(data)
        try:
            while not self.gone and (message := receiver.next_event()) is not None:
                if isinstance(message, rtsp.Response):
                    self._response(message, now)
                elif isinstance(message, rtsp.Request):
                    events.happened(self, message, now)
                else:
                    events.backend_frame(self, message)
        except RemoteProtocolError as error:
            self.caller.leg_broke(self, error.code, error.rule, now, error.excerpt)
            return
        if not receiver.pending:
            self.partial_since = None
        elif self.partial_since is None:
            self.partial_since = now
            self.caller.watch.by(now + self.caller.context.timeouts.message)

    def _response(self, response: rtsp.Response, now: float) -> None:
        if response.status < 200:  # noqa: PLR2004 - provisional: a final one follows, RFC 2326 section 7.1.1
            self.caller.context.tally.count("rtsp.provisional-dropped")
            return
        awaited = self.awaited
        if awaited and awaited[0].cseq == response.cseq:
            awaited.pop(0).answered(response, now)
            return
        for at, entry in enumerate(awaited):  # by CSeq, oldest first
            if entry.cseq == response.cseq:
                del awaited[at]
                entry.answered(response, now)
                return
        self.caller.context.tally.count("rtsp.unmatched-response")

    def finished(self, now: float) -> None:
        """Treat the end of a backend's octets as its loss: no answer can follow."""
        self.port.close()
        self.lost(CloseReason.ENDED, now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Tell everyone who waits, then end the sessions that lived here (R-22)."""
        if self.gone:
            return
        self.gone = True
        self.caller.leg_lost(self, reason, now)

    def crashed(self, now: float) -> None:
        """End the whole caller connection: its state can no longer be trusted."""
        self.caller.crashed(now)


def say_goodbye(session: RtspSession, now: float) -> None:
    """Release each resource of a session at its backend when its caller can't, or did in one word."""
    leg = session.leg
    if session.state is State.ACTIVE and not session.teardowns and leg is not None and not leg.gone:
        for uri in session.uris:
            goodbye = rtsp.request(b"TEARDOWN", uri, cseq=OWN_CSEQ, session=session.backend_id)
            session.record.bytes_to_backend += len(goodbye)
            session.record.hear(Direction.TO_BACKEND, "rtsp", goodbye, leg.port, now)
            leg.ask(goodbye, Unheard(OWN_CSEQ))
