"""Playing MRCPv1: the sessions of one captured RTSP connection on one live one, in either role."""

from collections import defaultdict, deque

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import (
    Fact,
    Group,
    Hosts,
    Role,
    fact,
    rtsp_event,
    rtsp_request,
    rtsp_response,
)
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import rtsp

from ._inbox import Heard
from ._link import Link
from ._linked import LinkedPlay, Target
from ._play import Terms

_SUCCESS = range(200, 300)
_NOT_FOUND = 454


def hosts_of(session: Session, role: Role, here: str, there: str) -> Hosts:
    """Tell who is where now; where both were on one host, our own place counts."""
    caller, server = session.caller.host, session.server.host
    if role == "caller":
        return Hosts({server: there, caller: here})
    return Hosts({caller: there, server: here})


class RtspPlay(LinkedPlay):
    """Session ids are the server's to give: those of the capture with `ids` behind them, or what a server tells."""

    def __init__(
        self, group: Group, role: Role, terms: Terms, copy: int, *, ids: str, target: Target | None = None
    ) -> None:
        super().__init__(group, role, terms, copy, target=target)
        self._ids = ids.encode()
        self._hosts = Hosts({})
        self._live: dict[Session, bytes] = {}  # the RTSP ids of now
        self._asked: defaultdict[bytes | None, deque[tuple[Session, Parsed]]] = defaultdict(deque)  # by CSeq

    def receiver(self) -> rtsp.Receiver:
        """Make what cuts octets into messages."""
        return rtsp.Receiver(rtsp.Limits())

    def joined(self, link: Link) -> None:
        """Take the connection that is played on."""
        super().joined(link)
        self._hosts = hosts_of(self.group.sessions[0], self.role, *link.ends())

    def heard(self, link: Link, parsed: Parsed) -> None:
        """Take a message."""
        if isinstance(parsed, rtsp.Response):
            asked = self._asked[parsed.cseq]
            if asked:
                session, request = asked.popleft()
                self._learn(session, request, parsed)
                self.put(session, Heard(fact(parsed, request), parsed, link))
        elif isinstance(parsed, rtsp.Request):
            self._request(link, parsed)

    def written(self, session: Session, message: Message) -> bytes | None:
        """Write a captured message for now; None where what it answers never came."""
        parsed, live = message.parsed, self._live.get(session)
        if isinstance(parsed, rtsp.Request):
            self._asked[parsed.cseq].append((session, parsed))
            if self.role == "server":
                return rtsp_event(parsed, live)
            assert self.target is not None
            return rtsp_request(parsed, str(self.target.address).encode(), live, self._hosts)
        assert isinstance(parsed, rtsp.Response)
        heard = self.given.get(message.answers) if message.answers is not None else None
        if heard is None or not isinstance(heard.parsed, rtsp.Request):
            return None
        if self.role == "server" and live is None and parsed.session is not None:
            live = parsed.session + self._ids
            if parsed.status in _SUCCESS:
                self._live[session] = live
        return rtsp_response(parsed, heard.parsed.cseq, live, self._hosts)

    def _learn(self, session: Session, request: Parsed, response: rtsp.Response) -> None:
        """Learn a session's id as soon as it is told: an event may follow at once."""
        is_setup = isinstance(request, rtsp.Request) and request.method == b"SETUP"
        if is_setup and response.status in _SUCCESS and response.session is not None:
            self._live.setdefault(session, response.session)

    def _request(self, link: Link, parsed: rtsp.Request) -> None:
        found = fact(parsed)
        session = self._session_of(parsed, found)
        expected = session is not None and self.expects(session, found.key)
        if session is not None and (expected or not self.is_over):
            self.put(session, Heard(found, parsed, link))
        if not expected:
            ok = self.role == "caller" or parsed.method == b"TEARDOWN"
            link.say_soon(rtsp.reply(200 if ok else _NOT_FOUND, cseq=parsed.cseq, session=parsed.session))

    def _session_of(self, parsed: rtsp.Request, found: Fact) -> Session | None:
        known = (one for one, live in self._live.items() if live == parsed.session)
        session = next(known, None)
        if session is None and parsed.session is None:
            waiting = [one for one in self.group.sessions if one not in self._live]
            session = next((one for one in waiting if self.expects(one, found.key)), None)
        return session
