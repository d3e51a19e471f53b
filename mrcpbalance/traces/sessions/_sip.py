"""Sessions of MRCPv2: a SIP dialog from INVITE to BYE (RFC 6787, section 4)."""

from typing import Final

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._show import show
from mrcpwire import sip
from mrcpwire.sdp import Media, Sdp

from ._book import Book
from ._draft import Draft
from ._judge_sip import judge
from ._message import Message
from ._session import Protocol, Session

_CONTROL: Final = frozenset([b"TCP/MRCPV2", b"TCP/TLS/MRCPV2"])
# Requests that make a dialog, or only make sense within one.
_DIALOG: Final = frozenset([b"INVITE", b"ACK", b"BYE", b"CANCEL", b"UPDATE", b"PRACK"])
_MOST_SEEN: Final = 10_000
_MOST_PENDING: Final = 1_000
_SUCCESS: Final = range(200, 300)
_FINAL: Final = 200
_OVER: Final = frozenset([408, 481])  # answers that end a dialog (RFC 3261, section 12.2.1.2)

_Transaction = tuple[int, bytes, Endpoint, Endpoint]


@attrs.frozen
class Channel:
    """A control channel as an answer names it."""

    name: bytes
    where: Endpoint | None  # None: the answer gives no usable address


@attrs.define(eq=False, kw_only=True)
class Call(Draft):
    """What is peculiar to a dialog."""

    call_id: bytes
    tag: bytes  # the caller's
    is_mrcp: bool = False  # an offer or an answer has a control channel
    cut: bool = False  # a description was not captured whole
    pending: dict[_Transaction, Message] = attrs.field(factory=dict)
    seen: set[int] = attrs.field(factory=set)
    offered: tuple[str | None, ...] = ()  # the resource each media line of the last offer asks for
    channels: dict[bytes, Channel] = attrs.field(factory=dict)  # all there ever were
    removed: int | None = None  # when the last channel was given up in an answer
    cancelled: bool = False
    bye: Message | None = None
    accepted: Message | None = None  # the 2xx to the INVITE
    acknowledged: bool = False


class SipSessions:
    """Follows them; one is known by its Call-ID and its caller's tag."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._calls: dict[bytes, list[Call]] = {}
        self._channels: dict[bytes, list[tuple[Endpoint | None, Call]]] = {}

    def heard(self, message: Message) -> None:
        """Take the next message."""
        parsed = message.parsed
        assert isinstance(parsed, sip.Request | sip.Response)
        number, method = parsed.cseq
        is_request = isinstance(parsed, sip.Request)
        call = self._find(parsed) or self._begin(message, parsed, method)
        if call is None:
            if is_request:
                self._book.passed_over("SIP " + show(method, 40))
            message.to_server = is_request
            self._book.aside(message)
            return
        from_caller = (parsed.from_.tag or b"") == call.tag
        message.to_server = from_caller is is_request
        message.again = self._is_again(call, message)
        self._describe(call, message, parsed)
        call.add(message)
        if isinstance(parsed, sip.Request):
            call.called(show(method, 40))
            if not message.again:
                self._request(call, message, parsed)
        else:
            self._response(call, message, parsed, number, method)
        message.forget()

    def owner(self, channel: bytes, server: Endpoint) -> Call | None:
        """Give the session a channel belongs to: the latest on that server, else the latest anywhere."""
        found = self._channels.get(channel)
        if not found:
            return None
        return next((call for where, call in reversed(found) if where == server), found[-1][1])

    def conclude(self, draft: Draft, now: int) -> Session | None:
        """Judge a call, and forget it."""
        assert isinstance(draft, Call)
        _without(self._calls, draft.call_id, draft)
        for name in draft.channels:
            left = [one for one in self._channels.get(name, []) if one[1] is not draft]
            if left:
                self._channels[name] = left
            else:
                self._channels.pop(name, None)
        return judge(draft, now, self._book)

    def _find(self, parsed: sip.Request | sip.Response) -> Call | None:
        tags = (parsed.from_.tag or b"", parsed.to.tag)
        return next((call for call in self._calls.get(parsed.call_id, []) if call.tag in tags), None)

    def _begin(self, message: Message, parsed: sip.Request | sip.Response, method: bytes) -> Call | None:
        """Begin a call with its first message, which may come late in its life."""
        if method not in _DIALOG or (method != b"INVITE" and parsed.to.tag is None):
            return None
        is_request = isinstance(parsed, sip.Request)
        caller, server = (message.source, message.target) if is_request else (message.target, message.source)
        call = Call(
            protocol=Protocol.MRCPV2,
            caller=caller,
            server=server,
            start=message.time,
            most=self._book.limits.messages,
            room=self._book.room,
            call_id=parsed.call_id,
            tag=parsed.from_.tag or b"",
            captured=is_request and parsed.to.tag is None,
        )
        call.know_as(show(parsed.call_id))
        self._calls.setdefault(parsed.call_id, []).append(call)
        self._book.open(call, self)
        return call

    @staticmethod
    def _is_again(call: Call, message: Message) -> bool:
        key = hash((message.raw, message.source, message.target))
        if message.transport == "tcp":
            return False
        if key in call.seen:
            return True
        if len(call.seen) < _MOST_SEEN:
            call.seen.add(key)
        return False

    def _describe(self, call: Call, message: Message, parsed: sip.Request | sip.Response) -> None:
        """Learn from a session description, wherever it stands."""
        sdp = message.sdp
        if sdp is None:
            call.cut |= parsed.content_type == b"application/sdp"
            return
        control = [(index, media) for index, media in enumerate(sdp.media) if media.proto in _CONTROL]
        call.is_mrcp |= bool(control)
        call.cut |= message.cut
        for index, media in control:
            self._channel(call, media, sdp.address(index))
        if not message.to_server and not message.cut:
            left = any(media.port for _, media in control)
            call.removed = None if left or not call.channels else message.time
            self._refusals(call, message, sdp)

    @staticmethod
    def _refusals(call: Call, message: Message, answer: Sdp) -> None:
        """Note the control channels that were asked for and are not in the answer (D-03)."""
        if message.again or not isinstance(message.parsed, sip.Response):
            return
        for index, name in enumerate(call.offered):
            if name is None:
                continue
            if index >= len(answer.media):
                call.find("short-answer", f"the answer has no line for {name}", "D-06", message)
            elif answer.media[index].port == 0:
                call.find("resource-refused", f"{name} is refused with port 0", "D-03", message)
            elif not answer.media[index].attribute(b"channel"):
                call.find("no-channel", f"the answer names no channel for {name}", "D-06", message)

    def _channel(self, call: Call, media: Media, address: str | None) -> None:
        resource = media.attribute(b"resource")
        name = media.attribute(b"channel")
        if resource:
            call.need(show(resource, 40))
        if not name:
            return
        call.need(show(name.rpartition(b"@")[2], 40))
        where = Endpoint(address, media.port) if address and media.port else None
        if name not in call.channels:
            call.channels[name] = Channel(name, where)
            call.know_as(show(name))
            self._channels.setdefault(name, []).append((where, call))

    def _request(self, call: Call, message: Message, parsed: sip.Request) -> None:
        number, method = parsed.cseq
        if method == b"ACK":
            call.acknowledged |= call.accepted is not None
            return
        if len(call.pending) < _MOST_PENDING:
            call.pending[number, method, message.source, message.target] = message
        if method == b"INVITE":
            if call.up is None and message.to_server:
                call.server = message.target  # a redirected INVITE goes elsewhere
                call.status = call.refused_at = call.end = None
            if message.sdp is not None:
                call.offered = tuple(map(_wanted, message.sdp.media))
        elif method == b"CANCEL":
            call.cancelled = True
        elif method == b"BYE" and call.bye is None:
            call.bye = message

    def _response(
        self, call: Call, message: Message, parsed: sip.Response, number: int, method: bytes
    ) -> None:
        key = self._match(call, (number, method, message.target, message.source))
        if key is not None:
            message.answers = call.pending[key]
        if parsed.status < _FINAL:
            return
        if key is not None:
            call.pending.pop(key).answered = True
        if method == b"INVITE":
            self._answered(call, message, parsed)
        elif method == b"BYE" and (parsed.status in _SUCCESS or parsed.status in _OVER):
            self._book.ended(call, message.time)

    @staticmethod
    def _match(call: Call, key: _Transaction) -> _Transaction | None:
        """Find the request of a response; some answer from another port."""
        if key in call.pending:
            return key
        return next((other for other in call.pending if other[:2] == key[:2]), None)

    def _answered(self, call: Call, message: Message, parsed: sip.Response) -> None:
        if parsed.status in _SUCCESS:
            call.confirmed = True
            if call.up is None:
                call.up = message.time
                call.accepted = message
        elif call.up is None and call.captured:
            call.status, call.reason = parsed.status, show(parsed.reason, 80)
            call.refused_at = message.time
            self._book.ended(call, message.time)


def _wanted(media: Media) -> str | None:
    """Name the resource a media line asks for, if it is one for control."""
    if media.proto not in _CONTROL or not media.port:
        return None
    return show(media.attribute(b"resource") or b"?", 40)


def _without(calls: dict[bytes, list[Call]], key: bytes, call: Call) -> None:
    left = [one for one in calls.get(key, []) if one is not call]
    if left:
        calls[key] = left
    else:
        calls.pop(key, None)
