"""Listening to sessions that are traced: which there are, and the requests in what they say."""

from collections.abc import Callable

import attrs

from mrcpbalance.sessions import METHODS, MOST_ASKED, Direction, Overheard, Session
from mrcpwire import WireError, mrcpv1, mrcpv2

from .spans import Span, Value, of_session, of_setup

LONGEST = 128  # characters of what a peer says
COMPLETE = b"COMPLETE"
FAILURE = 400
Key = tuple[bytes, int]  # channel ("" in MRCPv1) and request-id


@attrs.frozen
class Tracer:
    """Chooses the sessions that are traced. `told` takes each span; `wall` is the calendar's clock, `random` 0 <= x < 1."""

    told: Callable[[Span], None]
    sample: float
    requests: bool
    wall: Callable[[], float]
    random: Callable[[], float]

    def choose(self, session: Session) -> "Listener | None":
        """Say who observes a session that begins, if anybody."""
        if self.random() >= self.sample:
            return None
        return Listener(self.told, self.wall() - session.opened_at, self.requests)


@attrs.frozen
class _Asked:
    """A request that isn't complete."""

    method: bytes
    at: float
    status: int = 0


@attrs.define(eq=False)
class Listener:
    """Hears one session, on its caller's side."""

    told: Callable[[Span], None]
    shift: float  # from the cores' clock to the calendar
    requests: bool
    asked: dict[Key, _Asked] = attrs.field(factory=dict)

    def overheard(self, session: Session, message: Overheard) -> None:
        """Take a message."""
        if not self.requests or message.direction not in (Direction.FROM_CLIENT, Direction.TO_CLIENT):
            return
        if message.protocol == "rtsp":
            self._rtsp(session, message)
        elif message.protocol == "mrcpv2":
            self._mrcpv2(session, message)

    def ended(self, session: Session, now: float) -> None:
        """Tell of what never came to its end, and of the session."""
        for (channel, number), asked in self.asked.items():
            self._tell(session, asked, channel, number, now, {"mrcp.completed": False})
        self.asked.clear()
        begun = session.opened_at + self.shift
        answered = now if session.answered_at is None else session.answered_at
        self.told(of_setup(session, begun, answered + self.shift))
        self.told(of_session(session, begun, now + self.shift))

    def _rtsp(self, session: Session, message: Overheard) -> None:
        body = message.data.partition(b"\r\n\r\n")[2]
        first = mrcpv1.first_line(body)
        if first is None:
            return
        key = (b"", first.request_id)
        if first.kind is mrcpv1.Kind.REQUEST:
            self._ask(key, first.name, message.at)
        elif first.kind is mrcpv1.Kind.RESPONSE:
            self._answer(session, key, first.status or 0, first.state or b"", message.at)
        elif first.state == COMPLETE:
            self._complete(session, key, mrcpv1.completion_cause(body), message.at)

    def _mrcpv2(self, session: Session, message: Overheard) -> None:
        receiver = mrcpv2.Receiver(mrcpv2.Policy.REPAIR)
        try:
            receiver.receive_data(message.data)
            found = receiver.next_events()
        except WireError:  # whoever sent it is told by the core
            return
        for one in found:
            key = (one.channel, one.request_id)
            if one.kind is mrcpv2.Kind.REQUEST:
                self._ask(key, one.name, message.at)
            elif one.kind is mrcpv2.Kind.RESPONSE:
                self._answer(session, key, one.status, one.state, message.at)
            elif one.state == COMPLETE:
                self._complete(session, key, mrcpv2.completion_cause(one), message.at)

    def _ask(self, key: Key, method: bytes, now: float) -> None:
        if len(self.asked) >= MOST_ASKED:
            del self.asked[next(iter(self.asked))]
        self.asked[key] = _Asked(method, now)

    def _answer(self, session: Session, key: Key, status: int, state: bytes, now: float) -> None:
        asked = self.asked.get(key)
        if asked is None:
            return
        asked = attrs.evolve(asked, status=status)
        if state == COMPLETE:
            del self.asked[key]
            self._tell(session, asked, *key, now, {"mrcp.completed": True})
        else:
            self.asked[key] = asked

    def _complete(self, session: Session, key: Key, cause: bytes | None, now: float) -> None:
        asked = self.asked.pop(key, None)
        if asked is not None:
            found: dict[str, Value] = {"mrcp.completed": True, "mrcp.cause": _text(cause or b"")}
            self._tell(session, asked, *key, now, found)

    def _tell(
        self, session: Session, asked: _Asked, channel: bytes, number: int, now: float, more: dict[str, Value]
    ) -> None:
        """Tell of one request; its name is one of the standards', so that there are few of them."""
        attributes: dict[str, Value] = {
            "mrcp.method": _text(asked.method),
            "mrcp.request_id": number,
            "mrcp.channel": _text(channel),
            "mrcp.status": asked.status,
            "mrcp.backend": session.backend,
        }
        name = asked.method.decode() if asked.method in METHODS else "other"
        span = Span(
            session=session.id,
            kind="request",
            name=name,
            begun=asked.at + self.shift,
            ended=now + self.shift,
            attributes={key: value for key, value in (attributes | more).items() if value or value is False},
            fault=str(asked.status) if asked.status >= FAILURE else "",
        )
        self.told(span)


def _text(octets: bytes) -> str:
    return octets[:LONGEST].decode(errors="replace")
