"""Sessions out of what the conversations say."""

from typing import assert_never

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Findings
from mrcpbalance.traces._limits import Limits
from mrcpbalance.traces.capture import Connection
from mrcpwire import Wire

from ._book import Book, Keep
from ._control import ControlSessions
from ._conversations import Ended, Opened, Thing
from ._draft import Draft
from ._message import Fault, Message
from ._rtsp import RtspSessions
from ._session import Session
from ._sip import SipSessions

_MOST_DRAFT_FINDINGS = 100


class Sessions:
    """Takes what happened, in order of time."""

    def __init__(
        self, keep: Keep, control: set[Endpoint], findings: Findings, limits: Limits, *, asides: bool
    ) -> None:
        self.book = Book(keep, findings, limits, control, asides=[] if asides else None)
        self._rtsp = RtspSessions(self.book)
        self._sip = SipSessions(self.book)
        self._control = ControlSessions(self.book, self._sip)
        self._findings = findings
        self._idle = 0

    def take(self, thing: Thing) -> None:
        """Take the next thing."""
        match thing:
            case Message():
                self.book.tick(thing.time)
                self._heard(thing)
            case Fault():
                self._fault(thing)
            case Opened():
                self._opened(thing.connection)
            case Ended():
                self._rtsp.ended(thing.connection)
                self._control.ended(thing.connection)
            case _:
                assert_never(thing)

    def finish(self, now: int) -> list[Session]:
        """Judge whatever is left; `now` is when the capture ends."""
        self.book.now = max(self.book.now, now)
        return self.book.finish()

    def _heard(self, message: Message) -> None:
        if message.wire is Wire.RTSP:
            self._rtsp.heard(message)
        elif message.wire is Wire.SIP:
            self._sip.heard(message)
        else:
            self.book.saw_control = True
            self._control.heard(message)

    def _opened(self, connection: Connection) -> None:
        self.book.saw_control = True
        if self._idle < self.book.limits.connections:
            self._idle += 1
            self.book.idle.setdefault(connection.server, []).append(connection)

    def _fault(self, fault: Fault) -> None:
        """Note a fault with the session it belongs to, if there is one, else with the capture."""
        drafts = self._on(fault.connection) if fault.connection is not None else []
        if len(drafts) == 1 and len(drafts[0].findings) < _MOST_DRAFT_FINDINGS:
            drafts[0].findings.append(fault.finding)
        else:
            text = f"{fault.source} to {fault.target}: {fault.finding.text}"
            self._findings.add(attrs.evolve(fault.finding, text=text))

    def _on(self, connection: Connection) -> list[Draft]:
        found = self._rtsp.of(connection) or self._control.of(connection)
        return found or [draft for draft in self.book.live if connection in draft.connections]
