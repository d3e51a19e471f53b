"""What follows from a backend's answer: a session begins, gains or loses a resource, or ends (R-25)."""

from typing import TYPE_CHECKING, Final

from mrcpbalance.pool import Seat
from mrcpbalance.sessions import Direction, End, Phase, Who
from mrcpwire import rtsp

from . import _edits
from ._leg import say_goodbye
from ._session import RtspSession, State, Step

if TYPE_CHECKING:
    from ._caller import Caller
    from ._exchange import AddResource, Teardown
    from ._leg import Leg
    from ._placement import Placement

ID_OCTETS: Final = 12  # 24 hex digits (E-02)
GRACE: Final = 10.0  # seconds in which a session that was torn down still gets its late events
NOT_FOUND: Final = frozenset((404, 454))  # how servers say that they don't know a session (B.2)


def succeeded(response: rtsp.Response) -> bool:
    """Tell whether an answer is a 2xx."""
    return 200 <= response.status < 300  # noqa: PLR2004 - the class of success


def placed(placement: "Placement", leg: "Leg", response: rtsp.Response, now: float) -> None:
    """Pass on the answer of the backend that took a request, or refused it for good."""
    caller, session = placement.caller, placement.session
    if session is None:
        caller.answer(placement.turn, rtsp.with_reason(response).raw, now, leg)
        return
    if succeeded(response):
        _begin(caller, session, placement, leg, response, now)
        response = _edits.media_to_caller(response, leg.port.peer)
        caller.events.open_channels(session, response)
    data = _edits.answer(session, response)
    session.record.bytes_to_client += len(data)
    session.record.hear(Direction.TO_CLIENT, "rtsp", data, caller.port, now)
    if session.state is State.INIT:
        session.step(Step.REFUSED)
        caller.context.register.end(session.record, End(Who.BACKEND, Phase.SETUP), now)
    caller.answer(placement.turn, data, now, leg)


def _begin(
    caller: "Caller",
    session: RtspSession,
    placement: "Placement",
    leg: "Leg",
    response: rtsp.Response,
    now: float,
) -> None:
    backend_id = response.session or b""
    taken = caller.sessions.get(backend_id)
    session.backend_id = backend_id
    session.client_id = (
        backend_id
        if taken is None or taken.state is not State.ACTIVE
        else caller.context.mint(ID_OCTETS).encode()
    )  # E-02
    session.aliased = session.client_id != backend_id
    if taken is not None and session.client_id == backend_id:
        caller.forget(taken)
    session.step(Step.SET_UP)
    session.leg = leg
    session.touched = now
    patience = _edits.server_timeout(response)
    if patience is not None:
        session.patience = 2 * patience
    record = session.record
    session.uris, session.resources = (placement.request.uri,), record.resources or ("",)
    record.address = leg.port.peer
    caller.context.register.answered(record, now)
    caller.sessions[session.client_id] = session
    caller.context.register.key(record, session.client_id.decode("latin-1"))
    caller.watch.by(session.expires)


def not_placed(placement: "Placement", data: bytes, end: End, now: float) -> None:
    """Answer a request that no backend took."""
    session = placement.session
    if session is not None:
        session.step(Step.REFUSED)
        session.record.bytes_to_client += len(data)
        session.record.hear(Direction.TO_CLIENT, "rtsp", data, placement.caller.port, now)
        placement.caller.context.register.end(session.record, end, now)
    placement.caller.answer(placement.turn, data, now)


def resource_settled(exchange: "AddResource", response: rtsp.Response) -> None:
    """Keep a further resource, or give its seat back."""
    session, record = exchange.session, exchange.session.record
    if session.state is not State.ACTIVE or not exchange.new:
        return
    if succeeded(response):
        session.step(Step.SET_UP)
        session.uris = (*session.uris, exchange.uri)
        session.resources = (*session.resources, exchange.resource)
        record.resources = session.resources
    else:
        _seat(session).drop(exchange.resource)


def teardown_settled(exchange: "Teardown", response: rtsp.Response, now: float) -> None:
    """Release what the backend released; end the session with its last resource."""
    session = exchange.session
    session.teardowns -= 1
    if session.state is not State.ACTIVE:
        return
    if response.status in NOT_FOUND:  # the backend has lost it
        _over(exchange, End(Who.BACKEND, Phase.TEARDOWN), now)
    elif succeeded(response):
        if not session.names(exchange.uri):
            say_goodbye(session, now)  # UniMRCP answers 200 to an aggregate URI and releases nothing
        _released(exchange, End(Who.CLIENT, Phase.TEARDOWN), now)


def teardown_given_up(exchange: "Teardown", now: float) -> None:
    """Release what the caller wanted released: its backend is silent, and may be for long."""
    exchange.session.teardowns -= 1
    if exchange.session.state is State.ACTIVE:
        _released(exchange, End(Who.TIMEOUT, Phase.TEARDOWN), now)


def _released(exchange: "Teardown", end: End, now: float) -> None:
    session = exchange.session
    released = session.released_by(exchange.uri)
    if len(released) == len(session.uris):
        _over(exchange, end, now)
    else:
        _release(session, released)


def _release(session: RtspSession, released: tuple[int, ...]) -> None:
    session.step(Step.RESOURCE_DOWN)
    for position in released:
        _seat(session).drop(session.resources[position])
    session.without(released)


def _seat(session: RtspSession) -> Seat:
    seat = session.record.seat
    assert seat is not None, "an active session has its seat"
    return seat


def _over(exchange: "Teardown", end: End, now: float) -> None:
    session = exchange.session
    session.step(Step.TORN_DOWN)
    session.patience = GRACE
    exchange.leg.caller.watch.by(session.expires)
    exchange.leg.caller.context.register.end(session.record, end, now)
