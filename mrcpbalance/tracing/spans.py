"""What a trace is made of, before OpenTelemetry is told: plain values, copied while the session is at hand."""

from collections.abc import Mapping
from typing import Literal

import attrs

from mrcpbalance.sessions import Session, Who

Value = str | int | bool | tuple[str, ...]
Kind = Literal["session", "set-up", "request"]
_FINE = (Who.CLIENT, Who.OPERATOR)  # who ends a session without anything being wrong


@attrs.frozen(kw_only=True)
class Span:
    """One span that is over. Times are seconds of the calendar; `fault` says what went wrong, if something did."""

    session: str  # our id: the trace, and the session's own span, bear it
    kind: Kind
    name: str
    begun: float
    ended: float
    attributes: Mapping[str, Value]
    fault: str = ""


def of_session(session: Session, begun: float, ended: float) -> Span:
    """Tell of a session that has ended."""
    return Span(
        session=session.id,
        kind="session",
        name=f"session {session.protocol}",
        begun=begun,
        ended=ended,
        attributes={
            "mrcp.session": session.id,
            "mrcp.protocol": session.protocol,
            "mrcp.pool": session.pool,
            "mrcp.backend": session.backend,
            "mrcp.resources": session.resources,
            "mrcp.keys": session.keys,
            "mrcp.attempts": session.attempts,
            "mrcp.end": str(session.end),
            "mrcp.messages_to_backend": session.messages_to_backend,
            "mrcp.messages_to_client": session.messages_to_client,
            "client.address": session.client,
        },
        fault="" if session.end is None or session.end.who in _FINE else str(session.end),
    )


def of_setup(session: Session, begun: float, ended: float) -> Span:
    """Tell how long a set-up took, over all backends that were asked."""
    fault = "" if session.answered_at is not None else str(session.end)
    backend: dict[str, Value] = {"mrcp.backend": session.backend, "mrcp.attempts": session.attempts}
    return Span(
        session=session.id,
        kind="set-up",
        name="set-up",
        begun=begun,
        ended=ended,
        attributes=backend,
        fault=fault,
    )
