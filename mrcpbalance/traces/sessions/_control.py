"""MRCPv2 messages on their connections: each goes to the session its channel belongs to, or makes one of its own."""

from typing import Final

import attrs

from mrcpbalance.traces._show import show
from mrcpbalance.traces.capture import Connection
from mrcpwire import mrcpv2

from ._book import Book
from ._draft import Draft
from ._judge_framed import judge
from ._message import Message
from ._session import Protocol, Session
from ._sip import SipSessions

_SUCCESS: Final = range(200, 300)


@attrs.define(eq=False, kw_only=True)
class Framed(Draft):
    """A channel nobody set up by SIP, as far as was captured."""

    connection: Connection
    channel: bytes
    closed: bool = False  # by a literal TEARDOWN


class ControlSessions:
    """Follows them; a channel without SIP is known by its connection."""

    def __init__(self, book: Book, calls: SipSessions) -> None:
        self._book = book
        self._calls = calls
        self._framed: dict[Connection, dict[bytes, Framed]] = {}

    def heard(self, message: Message) -> None:
        """Take the next message."""
        connection, parsed = message.connection, message.parsed
        assert connection is not None
        assert isinstance(parsed, mrcpv2.Message)
        connection.used = True
        message.to_server = parsed.kind is mrcpv2.Kind.REQUEST
        call = self._calls.owner(parsed.channel, connection.server)
        draft = call or self._framed_draft(connection, parsed.channel, message)
        if parsed.anomaly == "mrcpv2.length-mismatch":
            text = f"the message-length is wrong; by Content-Length it would be {len(parsed.raw)}"
            draft.find("wrong-message-length", text, "M-16", message)
        elif parsed.anomaly is not None:
            draft.find(parsed.anomaly, "the head is written in an unusual way", "M-14", message)
        draft.add(message, parsed.channel)
        if isinstance(draft, Framed):
            self._framed_message(draft, message)

    def ended(self, connection: Connection) -> None:
        """Take note of a connection's end: channels without SIP end with it."""
        if connection.first_ending is not None:
            for draft in self._framed.get(connection, {}).values():
                self._book.ended(draft, connection.first_ending.time)

    def of(self, connection: Connection) -> list[Draft]:
        """Give the sessions without SIP on a connection."""
        return list(self._framed.get(connection, {}).values())

    def conclude(self, draft: Draft, now: int) -> Session | None:
        """Judge a channel without SIP, and forget it."""
        assert isinstance(draft, Framed)
        channels = self._framed.get(draft.connection, {})
        channels.pop(draft.channel, None)
        if not channels:
            self._framed.pop(draft.connection, None)
        return judge(draft, now, self._book)

    def _framed_draft(self, connection: Connection, channel: bytes, message: Message) -> Framed:
        channels = self._framed.setdefault(connection, {})
        draft = channels.get(channel)
        if draft is None:
            draft = channels[channel] = Framed(
                protocol=Protocol.MRCP,
                caller=connection.client,
                server=connection.server,
                start=message.time,
                most=self._book.limits.messages,
                room=self._book.room,
                connection=connection,
                channel=channel,
            )
            draft.know_as(show(channel))
            draft.need(show(channel.rpartition(b"@")[2], 40))
            self._book.open(draft, self)
        return draft

    def _framed_message(self, draft: Framed, message: Message) -> None:
        """Watch for the literal SETUP and TEARDOWN that some peers use."""
        mrcp = message.mrcp
        assert mrcp is not None
        request = message.answers.mrcp if message.answers is not None else None
        if request is None or mrcp.status is None:
            return
        if request.name == "SETUP" and mrcp.status not in _SUCCESS and draft.up is None:
            draft.status, draft.refused_at = mrcp.status, message.time
        elif mrcp.status in _SUCCESS and draft.up is None:
            draft.up = message.time
        if request.name == "TEARDOWN" and mrcp.status in _SUCCESS:
            draft.closed = True
            self._book.ended(draft, message.time)
