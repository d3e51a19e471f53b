"""The one log line that tells a session's whole life."""

from mrcpbalance.sessions import Session


def session_end(session: Session, now: float) -> dict[str, object]:
    """Tell of an ended session what its `session-end` line says; `now` is when it ended, on the cores' clock.

    `setup_ms` is None for a session that never started, `backend` for one that never had any.
    """
    answered = session.answered_at
    return {
        "session": session.id,
        "protocol": session.protocol,
        "client": session.client,
        "pool": session.pool,
        "backend": session.backend or None,
        "resources": session.resources,
        "keys": session.keys,
        "setup_ms": None if answered is None else round((answered - session.opened_at) * 1000, 1),
        "duration_s": round(now - session.opened_at, 3),
        "messages_to_backend": session.messages_to_backend,
        "messages_to_client": session.messages_to_client,
        "bytes_to_backend": session.bytes_to_backend,
        "bytes_to_client": session.bytes_to_client,
        "attempts": session.attempts,
        "end": None if session.end is None else str(session.end),
    }
