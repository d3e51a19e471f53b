"""Everything that is known of a capture and its sessions, as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from mrcpbalance.traces import Connection, Finding, Message, Session, Trace, label, note

Json: TypeAlias = bool | int | str | list["Json"] | dict[str, "Json"] | None


def lines(trace: Trace, sessions: Sequence[Session], name: str) -> Iterator[str]:
    """Write the document of these sessions, each session in a line of its own; times and spans are nanoseconds."""
    yield f'{{"capture": {json.dumps(_capture(trace, name))},'
    yield '"sessions": ['
    for place, session in enumerate(sessions, start=1):
        yield json.dumps(_session(session)) + ("," if place < len(sessions) else "")
    yield "]}"


def _capture(trace: Trace, name: str) -> Json:
    return {
        "name": name,
        "packets": trace.packets,
        "start_ns": trace.start,
        "end_ns": trace.end,
        "tcp_connections": trace.connections,
        "messages": {wire.value: count for wire, count in trace.messages.items()},
        "outside_sessions": dict(trace.outside),
        "rtp_packets": trace.rtp,
        "encrypted_connections": trace.encrypted,
        "sessions": len(trace.sessions),
        "findings": [_finding(finding) for finding in trace.findings],
    }


def _session(session: Session) -> Json:
    places = {id(message): place for place, message in enumerate(session.messages)}
    return {
        "number": session.number,
        "protocol": session.protocol.value,
        "id": session.id,
        "keys": list(session.keys),
        "caller": str(session.caller),
        "server": str(session.server),
        "resources": list(session.resources),
        "outcome": {
            "end": session.outcome.end.value,
            "detail": session.outcome.detail,
            "status": session.outcome.status,
            "by": session.outcome.by or None,
        },
        "start_ns": session.start,
        "set_up_ns": session.set_up,
        "duration_ns": session.duration,
        "message_counts": dict(session.counts),
        "methods": dict(session.methods),
        "causes": [{"told_by": one.told_by, "cause": one.cause} for one in session.causes],
        "findings": [_finding(finding) for finding in session.findings],
        "connections": [_connection(connection) for connection in session.connections],
        "messages": [_message(message, places) for message in session.messages],
    }


def _connection(connection: Connection) -> Json:
    return {
        "number": connection.number,
        "client": str(connection.client),
        "server": str(connection.server),
        "opened_ns": connection.opened,
        "accepted": connection.accepted,
        "endings": [
            {"by": ending.side, "reset": ending.reset, "time_ns": ending.time}
            for ending in connection.endings
        ],
        "octets_not_captured": connection.lost,
        "segments_sent_again": connection.again,
    }


def _message(message: Message, places: dict[int, int]) -> Json:
    mrcp = message.mrcp
    return {
        "time_ns": message.time,
        "packet": message.packet,
        "wire": message.wire.value,
        "transport": message.transport,
        "connection": message.connection.number if message.connection is not None else None,
        "from": str(message.source),
        "to": str(message.target),
        "to_server": message.to_server,
        "sent_again": message.again,
        "answers": places.get(id(message.answers)),
        "label": label(message),
        "note": note(message),
        "mrcp": None
        if mrcp is None
        else {
            "kind": mrcp.kind.value,
            "name": mrcp.name or None,
            "request_id": mrcp.request_id,
            "status": mrcp.status,
            "state": mrcp.state or None,
            "cause": mrcp.cause,
        },
        "text": message.raw.decode("utf-8", "backslashreplace"),
    }


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "rule": finding.rule or None,
        "text": finding.text,
        "time_ns": finding.time,
        "packet": finding.packet,
    }
