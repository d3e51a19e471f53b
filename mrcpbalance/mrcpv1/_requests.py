"""Where each request of a caller goes: the table of protocol-notes B.2."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from mrcpbalance.pool import Pool, Want
from mrcpbalance.sessions import Direction, End, Phase, Session, Who
from mrcpwire import rtsp, transport

from . import _edits, _metering, _replies
from ._exchange import AddResource, Exchange, Teardown
from ._leg import Unheard
from ._placement import Placement
from ._replies import Fault
from ._routing import route_of
from ._session import RtspSession, State, last_segment
from ._turns import Turn

if TYPE_CHECKING:
    from ._caller import Caller

MISSES: Final = 20  # requests for unknown sessions before the connection is cut (G-5)


def handle(caller: "Caller", request: rtsp.Request, now: float) -> None:
    """Route one request of a caller."""
    cseq = request.cseq
    if cseq is None or request.fault is not None:
        _malformed(caller, request, now)
    elif request.proxy_require is not None:
        caller.context.tally.count("rtsp.proxy-require")
        caller.answer(caller.turn(cseq, now), _replies.option_not_supported(cseq, request.proxy_require), now)
    elif request.session is None:
        OUTSIDE.get(request.method, _malformed)(caller, request, now)
    else:
        session = caller.sessions.get(request.session)
        if session is None or session.state is not State.ACTIVE:
            _unknown_session(caller, request, now)
        else:
            session.touched = now
            INSIDE.get(request.method, forward)(caller, session, request, now)


def _malformed(caller: "Caller", request: rtsp.Request, now: float) -> None:
    """Answer 400 and keep the connection: its framing is sound (R-07, R-09, B.2)."""
    caller.context.tally.count(request.fault or "rtsp.session-missing")
    caller.refuse(caller.turn(request.cseq or b"0", now), Fault.MALFORMED, now)


def _unknown_session(caller: "Caller", request: rtsp.Request, now: float) -> None:
    """Answer 454; whoever keeps guessing is cut (G-5, R-25), but not who only asks for what was there."""
    caller.context.tally.count("rtsp.unknown-session")
    caller.misses += not caller.had(request.session)
    turn = caller.turn(request.cseq or b"0", now)
    if caller.misses >= MISSES:
        caller.close_when_answered(End(Who.PROXY, Phase.ACTIVE), now)
    caller.answer(turn, Fault.NO_SESSION.reply(turn.cseq, request.session), now)


# Outside a session.


def place(caller: "Caller", request: rtsp.Request, now: float) -> None:
    """Find a backend for a new session."""
    context = caller.context
    turn = caller.turn(request.cseq or b"0", now)
    route = route_of(context.routes, request, caller.port.peer)
    resource = resource_of(route.pool, request)
    record = context.begin("mrcpv1", caller.port.peer, route, now)
    if record is not None:
        record.hear(Direction.FROM_CLIENT, "rtsp", request.raw, caller.port, now)
    if record is None or len(caller.sessions) >= context.limits.sessions_per_connection:
        context.tally.count("sessions.limit")
        _turn_down(caller, turn, record, Fault.NONE_FREE, now)
        return
    record.resources = (resource,) if resource else ()
    fault = Fault.UNAVAILABLE if context.draining() else _forbidden(caller, request)
    fault = fault or _too_large(caller, request)
    if fault is not None:
        _turn_down(caller, turn, record, fault, now)
        return
    patience = context.timeouts.session_idle
    turn.session = session = RtspSession(record, route.pool, touched=now, patience=patience)
    want = Want("rtsp", resource or None, caller.port.peer)
    edited = _edits.media_to_backend(request, caller.port.peer)
    placement = Placement(
        caller=caller, turn=turn, pool=route.pool, request=edited, want=want, session=session
    )
    _start(caller, placement, now)


def _turn_down(caller: "Caller", turn: Turn, record: Session | None, fault: Fault, now: float) -> None:
    """Answer for a session that may not begin."""
    data = fault.reply(turn.cseq)
    if record is not None:
        record.bytes_to_client += len(data)
        record.hear(Direction.TO_CLIENT, "rtsp", data, caller.port, now)
        caller.context.register.end(record, End(Who.PROXY, Phase.SETUP), now)
    caller.answer(turn, data, now)


def query(caller: "Caller", request: rtsp.Request, now: float) -> None:
    """Ask a backend that is up and serves the resource, if any does (DESCRIBE; some callers ping with it)."""
    turn = caller.turn(request.cseq or b"0", now)
    fault = _too_large(caller, request)
    if fault is not None:
        caller.refuse(turn, fault, now)
        return
    pool = route_of(caller.context.routes, request, caller.port.peer).pool
    resource = resource_of(pool, request) or None
    if not pool.serves(resource):
        resource = None  # the URI names no resource: whoever is up may answer
    want = Want("rtsp", resource, caller.port.peer)
    placement = Placement(caller=caller, turn=turn, pool=pool, request=request, want=want, session=None)
    _start(caller, placement, now)


def _start(caller: "Caller", placement: Placement, now: float) -> None:
    placement.turn.due = math.inf  # every try has its own deadline
    caller.placements = (*caller.placements, placement)
    placement.start(now)


def _too_large(caller: "Caller", request: rtsp.Request) -> Fault | None:
    """Bound what is kept for a further try: one message of the largest size, or as much of smaller ones."""
    kept = sum(len(placement.request.raw) for placement in caller.placements)
    return Fault.TOO_LARGE if kept + len(request.raw) > caller.context.limits.message else None


def _options(caller: "Caller", request: rtsp.Request, now: float) -> None:
    turn = caller.turn(request.cseq or b"0", now)
    caller.answer(turn, _replies.options(turn.cseq), now)


def resource_of(pool: Pool, request: rtsp.Request) -> str:
    """Give the MRCPv2 name of the resource that a request's URI names in a pool, "" when it names none."""
    segment = last_segment(request.uri)
    return pool.resource_name(segment.decode("latin-1")) if segment else ""


def _forbidden(caller: "Caller", request: rtsp.Request) -> Fault | None:
    """Tell whether the listener forbids the transport a SETUP asks for (B.4)."""
    if caller.context.listener.interleaved:
        return None
    asked = request.headers.get(b"Transport") or b""
    return Fault.TRANSPORT if transport.interleaved(asked) is not None else None


# Inside a session.


def forward(caller: "Caller", session: RtspSession, request: rtsp.Request, now: float) -> None:
    """Send a request to its session's backend; unknown methods too (R-11)."""
    leg = session.leg
    assert leg is not None, "an active session has its connection"
    exchange = Exchange(request, now + caller.context.timeouts.request, session, leg)
    if exchange.announces and len(request.raw) > request.body_at:
        session.record.messages_to_backend += 1
        if leg.meter is not None:
            _metering.asked(session, request, now)
    _send(caller, request, exchange, request.raw, now)


def _send(caller: "Caller", request: rtsp.Request, exchange: Exchange, came: bytes, now: float) -> None:
    leg, session = exchange.leg, exchange.session
    data = _edits.request(session, leg.backend, request) if leg.edits or session.aliased else request.raw
    record = session.record
    record.bytes_to_backend += len(data)
    if record.tap is not None:
        record.tap.to_backend("rtsp", came, caller.port, data, leg.port, now)
    caller.turns.open.append(exchange)
    caller.watch.by(exchange.due)
    leg.ask(data, exchange)


def add_resource(caller: "Caller", session: RtspSession, request: rtsp.Request, now: float) -> None:
    """Set up one more resource where the session lives, or change one it has; never anywhere else."""
    resource = resource_of(session.pool, request)
    new = request.uri not in session.uris
    seat = session.record.seat
    fault = _forbidden(caller, request)
    if fault is None and new and seat is not None and not seat.add(resource, now):
        fault = Fault.NO_ROOM
    if fault is not None:
        turn = caller.turn(request.cseq or b"0", now)
        turn.session = session
        session.record.hear(Direction.FROM_CLIENT, "rtsp", request.raw, caller.port, now)
        caller.refuse(turn, fault, now)
        return
    leg = session.leg
    assert leg is not None, "an active session has its connection"
    due = now + caller.context.timeouts.request
    exchange = AddResource(request, due, session, leg, resource=resource, new=new)
    _send(caller, _edits.media_to_backend(request, caller.port.peer), exchange, request.raw, now)


def tear_down(caller: "Caller", session: RtspSession, request: rtsp.Request, now: float) -> None:
    """Pass a TEARDOWN on; what it releases is decided when it is answered."""
    leg = session.leg
    assert leg is not None, "an active session has its connection"
    due = now + caller.context.timeouts.request
    session.teardowns += 1
    _send(caller, request, Teardown(request, due, session, leg), request.raw, now)


def keep_alive(caller: "Caller", session: RtspSession, request: rtsp.Request, now: float) -> None:
    """Answer a keep-alive here and keep the backend's connection alive another way (R-30).

    UniMRCP never comes back from an in-session OPTIONS; one outside the session resets its idle timer all the same.
    """
    leg = session.leg
    assert leg is not None, "an active session has its connection"
    if leg.backend.config.keepalive == "forward" or len(request.raw) > request.body_at:
        forward(caller, session, request, now)
        return
    turn = caller.turn(request.cseq or b"0", now)
    leg.ask(rtsp.request(b"OPTIONS", b"*", cseq=turn.cseq), Unheard(turn.cseq))
    data = _replies.alive(turn.cseq, session.client_id)
    session.record.hear(Direction.FROM_CLIENT, "rtsp", request.raw, caller.port, now)
    session.record.hear(Direction.TO_CLIENT, "rtsp", data, caller.port, now)
    caller.answer(turn, data, now)


OUTSIDE: Final[Mapping[bytes, Callable[["Caller", rtsp.Request, float], None]]] = {
    b"SETUP": place,
    b"DESCRIBE": query,
    b"OPTIONS": _options,
}

INSIDE: Final[Mapping[bytes, Callable[["Caller", RtspSession, rtsp.Request, float], None]]] = {
    b"SETUP": add_resource,
    b"TEARDOWN": tear_down,
    b"OPTIONS": keep_alive,
    b"GET_PARAMETER": keep_alive,
    b"SET_PARAMETER": keep_alive,
}
