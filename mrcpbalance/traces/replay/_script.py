"""What is to be played: the steps of sessions in the order they were captured.

Sessions that share a connection are played by one hand, in one order (a `Group`): who says `existing` must find the
connection there. SIP connections don't bind sessions together, as nothing in one call waits for another.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import attrs

from mrcpbalance.traces.capture import Connection
from mrcpbalance.traces.sessions import End, Message, Protocol, Session
from mrcpwire import Wire, rtsp, sip

from ._order import in_order

Role = Literal["caller", "server"]
_FINAL: Final = 200
_REFUSAL: Final = 300
_PATIENCE: Final = (
    32_000_000_000  # nanoseconds for which an INVITE waits: 64 * T1 (RFC 3261, section 17.1.1.2)
)


@attrs.frozen
class Open:
    """A connection that carries no SIP was opened."""

    connection: Connection


@attrs.frozen
class Close:
    """One of the two ended such a connection first."""

    connection: Connection
    by: Role


@attrs.frozen(eq=False)
class Step:
    """Something that happened; `sessions` are those it is about."""

    time: int  # nanoseconds since 1970
    sessions: tuple[Session, ...]
    what: Message | Open | Close

    @property
    def by(self) -> Role:
        """Whose step it is."""
        match self.what:
            case Message(to_server=to_server):
                return "caller" if to_server else "server"
            case Close(by=by):
                return by
            case _:
                return "caller"


@attrs.frozen(eq=False)
class Group:
    """Sessions that hang together by their connections, with their steps in order of time.

    `until` is how long somebody went on waiting in vain, nanoseconds since 1970.
    """

    protocol: Protocol
    sessions: tuple[Session, ...]
    steps: tuple[Step, ...]
    until: int = 0

    @property
    def start(self) -> int:
        """When its first step was."""
        return self.steps[0].time


@attrs.frozen(eq=False)
class Script:
    """Everything that can be played, in order of beginning, and why the rest can't."""

    groups: tuple[Group, ...]
    left_out: tuple[tuple[Session, str], ...]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All that are played."""
        return tuple(one for group in self.groups for one in group.sessions if not one.is_aside)

    @property
    def asides(self) -> tuple[Session, ...]:
        """The requests outside sessions, each with its answer, as if it were one."""
        return tuple(one for group in self.groups for one in group.sessions if one.is_aside)

    @property
    def without_asides(self) -> tuple[Group, ...]:
        """The groups as a server waits for them: it answers requests outside sessions whenever they come."""
        return tuple(filter(None, map(_without_asides, self.groups)))


def script(sessions: Iterable[Session], asides: Iterable[Session] = ()) -> Script:
    """Make the script of sessions whose messages were kept, and of requests outside sessions."""
    left_out, whole = [], []
    for session in sessions:
        obstacle = _obstacle(session)
        if obstacle is None:
            whole.append(session)
        else:
            left_out.append((session, obstacle))
    whole += asides
    end = max(map(_end, whole), default=0)
    groups = sorted((_group(one, end) for one in _together(whole)), key=lambda group: group.start)
    return Script(tuple(groups), tuple(left_out))


def is_cut(session: Session) -> bool:
    """Tell whether it ended by a lost connection: who says BYE then, and whether it is answered, is chance (M-30, M-31)."""
    return session.outcome.end is End.CUT


def _without_asides(group: Group) -> Group | None:
    sessions = tuple(one for one in group.sessions if not one.is_aside)
    if not sessions or len(sessions) == len(group.sessions):
        return group if sessions else None
    steps = (
        attrs.evolve(step, sessions=tuple(one for one in step.sessions if not one.is_aside))
        for step in group.steps
    )
    return attrs.evolve(group, sessions=sessions, steps=tuple(step for step in steps if step.sessions))


def _obstacle(session: Session) -> str | None:
    """Tell why a session can't be played."""
    first = session.messages[0].parsed if session.messages else None
    if isinstance(first, rtsp.Request):
        begins = first.method == b"SETUP" and first.session is None
    elif isinstance(first, sip.Request):
        begins = first.method == b"INVITE" and first.to.tag is None
    else:
        begins = session.protocol is Protocol.MRCP and any(one.to_server for one in session.messages[:1])
    if not begins:
        return "its set-up was not captured"
    if any(message.cut for message in session.messages):
        return "some of its messages were not captured whole"
    return None


def _together(sessions: Sequence[Session]) -> list[list[Session]]:
    """Put sessions together that share a connection, directly or through others."""
    clusters: dict[int, list[Session]] = {}
    at: dict[Connection, int] = {}
    for number, session in enumerate(sessions):
        cluster = [session]
        for connection in _own_connections(session):
            known = at.get(connection)
            if known is not None and known in clusters and clusters[known] is not cluster:
                cluster = clusters.pop(known) + cluster
        clusters[number] = cluster
        for member in cluster:
            at.update(dict.fromkeys(_own_connections(member), number))
    return list(clusters.values())


def _own_connections(session: Session) -> list[Connection]:
    carries_sip = {message.connection for message in session.messages if message.wire is Wire.SIP}
    return [one for one in session.connections if one not in carries_sip]


def _end(session: Session) -> int:
    return session.start + session.duration


def _group(sessions: list[Session], end: int) -> Group:
    steps = [step for session in sessions for step in _messages(session)]
    users: dict[Connection, list[Session]] = {}
    for session in sessions:
        for connection in _own_connections(session):
            users.setdefault(connection, []).append(session)
    for connection, sharing in users.items():
        steps += _connection(connection, tuple(sharing))
    steps.sort(key=lambda step: step.time)
    until = max(map(_end, sessions))
    if any(
        session.outcome.end is End.FAILED for session in sessions
    ):  # it may have waited as long as others lived
        until = max(until, min(end, steps[-1].time + _PATIENCE))
    return Group(sessions[0].protocol, tuple(sessions), tuple(steps), until)


def _messages(session: Session) -> Iterator[Step]:
    """Give what a peer has to say itself: transactions repeat, reassure and acknowledge refusals on their own."""
    refused = False
    for time, message in in_order(session.messages):
        parsed = message.parsed
        if isinstance(parsed, sip.Response):
            if parsed.status < _FINAL or parsed.cseq[1] == b"CANCEL":
                continue
            if parsed.cseq[1] == b"INVITE" and not message.again:
                refused = parsed.status >= _REFUSAL
        if message.again or (isinstance(parsed, sip.Request) and parsed.method == b"ACK" and refused):
            continue
        yield Step(time, (session,), message)


def _connection(connection: Connection, sessions: tuple[Session, ...]) -> Iterator[Step]:
    if connection.opened is not None:
        yield Step(connection.opened, sessions, Open(connection))
    ending = connection.first_ending
    if ending is not None:
        yield Step(ending.time, sessions, Close(connection, ending.side))
