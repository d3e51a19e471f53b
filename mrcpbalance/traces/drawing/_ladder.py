"""A session as a ladder: who sent what to whom, step by step, in words that need no protocol analyser."""

from collections.abc import Iterator
from typing import Final

import attrs

from mrcpbalance.traces._limits import MILLISECOND, SECOND
from mrcpbalance.traces._show import span
from mrcpbalance.traces.capture import Connection
from mrcpbalance.traces.sessions import Message, Session
from mrcpwire import Wire

from ._words import label, note

_PAUSE: Final = 300 * MILLISECOND  # a silence worth seeing
_AFTER: Final = 5 * SECOND  # how long after a session's last message the end of its connections is shown
_FAILURE: Final = 400
_TAGS: Final = {Wire.RTSP: "RTSP", Wire.SIP: "SIP", Wire.MRCPV2: "MRCP"}


@attrs.frozen
class Column:
    """A lifeline: what part a host plays, and its address."""

    role: str  # "caller" or "server"
    host: str


@attrs.frozen(kw_only=True)
class Arrow:
    """One message, or the beginning or end of a connection, from one lifeline to another."""

    time: int  # nanoseconds since the first row
    tag: str  # SIP, RTSP, MRCP or TCP
    source: int  # indexes of lifelines
    target: int
    label: str
    note: str = ""
    failed: bool = False
    again: bool = False
    message: Message | None = None


@attrs.frozen
class Pause:
    """Nothing was said for so many nanoseconds."""

    length: int


@attrs.frozen
class Remark:
    """A finding, at its place."""

    time: int
    text: str


Row = Arrow | Pause | Remark


@attrs.frozen
class Ladder:
    """What is drawn: lifelines from left to right, rows from top to bottom."""

    session: Session
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def ladder(session: Session) -> Ladder:
    """Make the ladder of a session whose messages were kept."""
    columns = _columns(session)
    arrows = [_message(session, columns, message) for message in session.messages]
    arrows += [
        arrow for connection in session.connections for arrow in _connection(session, columns, connection)
    ]
    remarks = [
        Remark(finding.time - session.start, _worded(finding.rule, finding.text))
        for finding in session.findings
        if finding.time is not None
    ]
    rows: list[Arrow | Remark] = sorted(
        [*arrows, *remarks], key=lambda row: (row.time, isinstance(row, Remark))
    )
    first = min([0, *(row.time for row in rows)])  # a connection may begin before its session does
    rows = [attrs.evolve(row, time=row.time - first) for row in rows]
    return Ladder(session, tuple(columns), tuple(_with_pauses(rows)))


def heading(session: Session) -> list[str]:
    """Say in a few lines what a session was."""
    what = " and ".join(session.resources) or "unknown resources"
    lines = [f"{session.protocol.title} session {session.id}".rstrip()]
    lines.append(f"{what}, {session.outcome}")
    spans = [f"set up in {span(session.set_up)}"] if session.set_up is not None else []
    spans.append(f"{span(session.duration)} from first to last message")
    counts = session.counts
    messages = [f"{counts[wire]} {wire.upper()}" for wire in ("sip", "rtsp", "mrcp") if counts.get(wire)]
    lines.append(", ".join([*spans, " and ".join(messages) + " messages"]))
    lines += [f"{who}" for who in _ways(session)]
    return lines


def _ways(session: Session) -> Iterator[str]:
    """Name the addresses and ports of every way messages took."""
    seen = set()
    for message in session.messages:
        ends = (message.source, message.target) if message.to_server else (message.target, message.source)
        way = f"{_TAGS[message.wire]} over {message.transport.upper()}: {ends[0]} and {ends[1]}"
        if way not in seen:
            seen.add(way)
            yield way


def _columns(session: Session) -> list[Column]:
    columns = [Column("caller", session.caller.host)]
    for message in session.messages:
        for column in _ends(message):
            if column not in columns:
                columns.append(column)
    if len(columns) == 1:
        columns.append(Column("server", session.server.host))
    return sorted(columns, key=lambda column: column.role)


def _ends(message: Message) -> tuple[Column, Column]:
    source, target = message.source.host, message.target.host
    if message.to_server:
        return Column("caller", source), Column("server", target)
    return Column("server", source), Column("caller", target)


def _message(session: Session, columns: list[Column], message: Message) -> Arrow:
    source, target = _ends(message)
    status = getattr(message.parsed, "status", 0)
    inner = message.mrcp.status if message.mrcp is not None else None
    return Arrow(
        time=message.time - session.start,
        tag=_TAGS[message.wire],
        source=columns.index(source),
        target=columns.index(target),
        label=label(message),
        note=note(message),
        failed=status >= _FAILURE or (inner or 0) >= _FAILURE,
        again=message.again,
        message=message,
    )


def _connection(session: Session, columns: list[Column], connection: Connection) -> Iterator[Arrow]:
    """Show a connection's beginning and ends as far as they belong to the session's time."""
    ends = Column("caller", connection.client.host), Column("server", connection.server.host)
    if not set(ends) <= set(columns):
        return
    client, server = (columns.index(end) for end in ends)
    ports = f"{connection.client.port} to {connection.server.port}"
    opened = connection.opened
    if opened is not None and opened >= session.start - SECOND:
        text = f"connects {ports}" if connection.accepted else f"tries to connect {ports}"
        yield Arrow(time=opened - session.start, tag="TCP", source=client, target=server, label=text)
    for ending in connection.endings:
        if ending.time <= session.start + session.duration + _AFTER:
            from_client = ending.side == "caller"
            source, target = (client, server) if from_client else (server, client)
            text = f"{'resets' if ending.reset else 'closes'} {ports}"
            time = ending.time - session.start
            yield Arrow(time=time, tag="TCP", source=source, target=target, label=text, failed=ending.reset)


def _with_pauses(rows: list[Arrow | Remark]) -> Iterator[Row]:
    last = 0
    for row in rows:
        if row.time - last >= _PAUSE:
            yield Pause(row.time - last)
        last = max(last, row.time)
        yield row


def _worded(rule: str, text: str) -> str:
    return f"{text} ({rule})" if rule else text
