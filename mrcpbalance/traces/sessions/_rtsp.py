"""Sessions of MRCPv1: RTSP from SETUP to TEARDOWN, MRCP within (RFC 4463)."""

from typing import Final

import attrs

from mrcpbalance.traces._show import show
from mrcpbalance.traces.capture import Connection
from mrcpwire import rtsp

from ._book import Book
from ._draft import Draft
from ._judge_rtsp import judge
from ._message import Message
from ._resources import resource, segment
from ._session import Protocol, Session

_MOST_PENDING: Final = 10_000
_SUCCESS: Final = range(200, 300)
_FINAL: Final = 200


@attrs.define(eq=False)
class _Side:
    """One connection: the sessions on it, and what was asked in either direction and not answered."""

    sessions: dict[bytes, "RtspDraft"] = attrs.field(factory=dict)
    requests: list[tuple[Message, "RtspDraft | None"]] = attrs.field(factory=list)
    events: list[tuple[Message, "RtspDraft"]] = attrs.field(factory=list)


@attrs.define(eq=False, kw_only=True)
class RtspDraft(Draft):
    """What is peculiar to RTSP: which resources are set up, which were given up."""

    live: set[str] = attrs.field(factory=set)
    torn: set[str] = attrs.field(factory=set)  # a TEARDOWN was sent
    last_torn: int = 0
    unanswered: list[Message] = attrs.field(factory=list)

    @property
    def all_torn(self) -> bool:
        """Every resource was given up."""
        return bool(self.torn) and self.live <= self.torn


class RtspSessions:
    """Follows them; one is known by its connection and its id."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._sides: dict[Connection, _Side] = {}

    def heard(self, message: Message) -> None:
        """Take the next message."""
        connection = message.connection
        assert connection is not None
        side = self._sides.get(connection)
        if side is None:
            side = self._sides[connection] = _Side()
        message.to_server = message.source == connection.client
        if isinstance(message.parsed, rtsp.Request):
            if message.to_server:
                self._request(side, message, message.parsed)
            else:
                self._event(side, message, message.parsed)
        elif isinstance(message.parsed, rtsp.Response):
            if message.to_server:
                self._acknowledged(side, message, message.parsed)
            else:
                self._answered(side, message, message.parsed)

    def ended(self, connection: Connection) -> None:
        """Take note of a connection's end: its sessions have ended too (R-22)."""
        side = self._sides.get(connection)
        if side is None or connection.first_ending is None:
            return
        drafts = {draft for _, draft in side.requests if draft is not None} | set(side.sessions.values())
        for draft in drafts:
            self._book.ended(draft, connection.first_ending.time)
        if len(connection.endings) > 1 or connection.endings[0].reset:
            self._sides.pop(connection, None)

    def of(self, connection: Connection) -> list[Draft]:
        """Give the sessions on a connection."""
        side = self._sides.get(connection)
        return list(side.sessions.values()) if side else []

    def conclude(self, draft: Draft, now: int) -> Session | None:
        """Judge a session, and forget it."""
        assert isinstance(draft, RtspDraft)
        for connection in draft.connections:
            side = self._sides.get(connection)
            if side is not None:
                side.sessions = {key: one for key, one in side.sessions.items() if one is not draft}
        return judge(draft, now, self._book)

    def _request(self, side: _Side, message: Message, parsed: rtsp.Request) -> None:
        draft = self._draft(side, message, parsed)
        if draft is None:
            self._book.passed_over("RTSP " + show(parsed.method, 40))
            self._book.aside(message)
        else:
            draft.called(show(parsed.method, 40))
            draft.unanswered.append(message)
            draft.add(message, segment(parsed.uri))
            if parsed.method in (b"SETUP", b"ANNOUNCE"):
                draft.need(resource(parsed.uri))
                if not draft.captured:
                    draft.live.add(resource(parsed.uri))
            elif parsed.method == b"TEARDOWN":
                self._teardown(draft, message, parsed)
        if len(side.requests) >= _MOST_PENDING:
            side.requests.pop(0)
        side.requests.append((message, draft))

    def _draft(self, side: _Side, message: Message, parsed: rtsp.Request) -> RtspDraft | None:
        """Find the session a request belongs to; a SETUP without one begins one."""
        if parsed.session is None:
            return self._begin(message) if parsed.method == b"SETUP" else None
        draft = side.sessions.get(parsed.session)
        if draft is None:
            draft = side.sessions[parsed.session] = self._begin(message)
            draft.captured = False
            draft.know_as(show(parsed.session))
        return draft

    def _begin(self, message: Message) -> RtspDraft:
        ends = (message.source, message.target) if message.to_server else (message.target, message.source)
        draft = RtspDraft(
            protocol=Protocol.MRCPV1,
            caller=ends[0],
            server=ends[1],
            start=message.time,
            most=self._book.limits.messages,
            room=self._book.room,
        )
        self._book.open(draft, self)
        return draft

    @staticmethod
    def _teardown(draft: RtspDraft, message: Message, parsed: rtsp.Request) -> None:
        name = resource(parsed.uri)
        draft.last_torn = message.time
        if name in draft.live:
            draft.torn.add(name)
        else:
            draft.torn |= draft.live or {name}  # the aggregate URI

    def _answered(self, side: _Side, message: Message, parsed: rtsp.Response) -> None:
        """Match a server's response (R-24)."""
        found = next((one for one in side.requests if _cseq(one[0]) == parsed.cseq), None)
        if found is None:
            draft = side.sessions.get(parsed.session or b"")
            if draft is not None:
                draft.add(message)
            return
        request, draft = found
        message.answers = request
        if parsed.status >= _FINAL:
            side.requests.remove(found)
            request.answered = True
        if draft is None:
            self._book.aside(message)
            return
        if request in draft.unanswered and request.answered:
            draft.unanswered.remove(request)
        asked = request.parsed
        assert isinstance(asked, rtsp.Request)
        draft.add(message, segment(asked.uri))
        draft.confirmed |= parsed.status in _SUCCESS
        if asked.method == b"SETUP":
            self._set_up(side, draft, message, parsed, resource(asked.uri))
        elif asked.method == b"TEARDOWN" and draft.all_torn:
            self._book.ended(draft, message.time)

    def _set_up(
        self, side: _Side, draft: RtspDraft, message: Message, parsed: rtsp.Response, name: str
    ) -> None:
        if parsed.status in _SUCCESS:
            draft.live.add(name)
            if draft.up is None and draft.captured:
                draft.up = message.time
            if parsed.session is not None:
                known = side.sessions.get(parsed.session)
                if known is None or known.end is not None:  # a server may use an id again
                    side.sessions[parsed.session] = draft
                draft.know_as(show(parsed.session))
        elif parsed.status >= _FINAL and not draft.live:
            draft.status, draft.reason = parsed.status, show(parsed.reason, 80)
            draft.refused_at = message.time
            if parsed.session is not None:
                draft.know_as(show(parsed.session))
            self._book.ended(draft, message.time)

    def _event(self, side: _Side, message: Message, parsed: rtsp.Request) -> None:
        """Take a request of the server, which is an event."""
        session = parsed.session or b""
        draft = side.sessions.get(session)
        if draft is None:
            if not session:
                self._book.passed_over("RTSP " + show(parsed.method, 40) + " of a server")
                return
            draft = side.sessions[session] = self._begin(message)
            draft.captured = False
            draft.know_as(show(session))
        draft.confirmed = True
        draft.need(resource(parsed.uri))
        draft.add(message, segment(parsed.uri))
        if parsed.cseq is None:
            draft.find("event-without-cseq", "an event bears no CSeq", "R-08", message)
        if len(side.events) < _MOST_PENDING:
            side.events.append((message, draft))

    @staticmethod
    def _acknowledged(side: _Side, message: Message, parsed: rtsp.Response) -> None:
        """Match a client's response to an event (R-24)."""
        found = next((one for one in side.events if _cseq(one[0]) == parsed.cseq), None)
        if found is None:
            draft = side.sessions.get(parsed.session or b"")
        else:
            side.events.remove(found)
            event, draft = found
            message.answers = event
            event.answered = True
        if draft is not None:
            draft.add(message)


def _cseq(message: Message) -> bytes | None:
    assert isinstance(message.parsed, rtsp.Request)
    return message.parsed.cseq
