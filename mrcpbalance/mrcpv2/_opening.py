"""How a channel finds its backend: the first message is the set-up, and until it is answered another may be tried."""

from typing import TYPE_CHECKING, Final

from mrcpbalance.pool import Seat, Want
from mrcpbalance.sessions import Direction, End, Phase, Who
from mrcpwire import mrcpv2

from ._channel import Channel, Opening, Step
from ._routing import route_of_channel

if TYPE_CHECKING:
    from ._framed import FramedCaller

NOT_ALLOCATED: Final = 405  # A.8: no such channel
UNAVAILABLE: Final = 501  # A.8: no backend could be reached
_REASONS: Final = {Who.BACKEND: "refused or lost", Who.TIMEOUT: "silent"}
RETRYABLE: Final = range(500, 600)  # answers to a literal SETUP after which another backend is asked


def open_channel(caller: "FramedCaller", message: mrcpv2.Message, now: float) -> Channel | None:
    """Begin a channel with its first message; when there can be none, answer and give nothing."""
    context = caller.context
    if message.name == b"TEARDOWN":
        context.tally.count("mrcpv2.unknown-channel")
        caller.port.send(mrcpv2.response(message.request_id, NOT_ALLOCATED, b"COMPLETE", message.channel))
        return None
    resource = message.resource.decode("latin-1").lower()
    route = route_of_channel(context.routes, resource, caller.port.peer)
    record = context.begin("mrcp", caller.port.peer, route, now)
    if record is None:
        context.tally.count("sessions.limit")
        caller.port.send(mrcpv2.response(message.request_id, UNAVAILABLE, b"COMPLETE", message.channel))
        return None
    record.resources = (resource,)
    want = Want("mrcp", resource, caller.port.peer)
    opening = Opening(
        context.shell.alarm(lambda now: _overdue(caller, channel, now)),
        route.pool,
        want,
        message.name == b"SETUP",
        message.request_id,
    )
    channel = Channel(message.channel, record, now, opening)
    caller.channels[message.channel] = channel
    context.register.key(record, message.channel.decode("latin-1"))
    caller.watch.by(now + context.timeouts.session_idle)
    return channel


def first(caller: "FramedCaller", channel: Channel, message: mrcpv2.Message, now: float) -> None:
    """Send the first message to the first backend that can be had."""
    opening, context = channel.opening, caller.context
    assert opening is not None, "a channel without a backend is opening"
    if opening.waiter is not None:
        follow(caller, opening, message)
        if opening.fixed:  # nothing more can be kept for the backend it waits for
            _give_up(caller, channel, Who.PROXY, now)
        return
    opening.sent.append(message)
    if context.draining() or len(caller.channels) > context.limits.sessions_per_connection:
        context.tally.count("sessions.draining" if context.draining() else "sessions.limit")
        _give_up(caller, channel, Who.PROXY, now)
        return
    _next(caller, channel, Who.PROXY, now)
    if channel.opening is opening:
        _count(caller, opening, message)


def follow(caller: "FramedCaller", opening: Opening, message: mrcpv2.Message) -> None:
    """Keep a message that went behind the first one, to be sent again should another backend be asked."""
    if not opening.fixed:
        opening.sent.append(message)
        _count(caller, opening, message)


def _count(caller: "FramedCaller", opening: Opening, message: mrcpv2.Message) -> None:
    """Bound what is kept: one message of the largest size, or as much of smaller ones."""
    opening.octets += len(message.raw)
    caller.kept += len(message.raw)
    if caller.kept > caller.context.limits.message:
        opening.fixed = True
        _let_go(caller, opening)


def _let_go(caller: "FramedCaller", opening: Opening) -> None:
    caller.kept -= opening.octets
    opening.octets = 0
    opening.sent.clear()


def settle(caller: "FramedCaller", channel: Channel, opening: Opening) -> None:
    """Take it that no further backend will be asked."""
    opening.alarm.clear()
    if opening.waiter is not None:
        opening.waiter.leave()
    _let_go(caller, opening)
    channel.opening = None


def _next(caller: "FramedCaller", channel: Channel, blame: Who, now: float) -> None:
    opening, seat = channel.opening, None
    assert opening is not None, "only an opening channel looks for a backend"
    if not opening.fixed:
        seat = opening.pool.take(opening.want, now=now, tried=opening.tried)
        if seat is None and _wait(caller, channel, blame, now):
            return
    if seat is None:
        _nobody(caller, channel, blame, now)
    else:
        _try(caller, channel, seat, now)


def _nobody(caller: "FramedCaller", channel: Channel, blame: Who, now: float) -> None:
    opening = channel.opening
    if opening is not None and not opening.tried:
        caller.context.none_eligible(opening.pool, opening.want, now)
    _give_up(caller, channel, blame, now)


def _wait(caller: "FramedCaller", channel: Channel, blame: Who, now: float) -> bool:
    """Wait for a backend, if that may be."""
    opening, context = channel.opening, caller.context
    assert opening is not None, "only an opening channel looks for a backend"
    opening.waiter = opening.pool.wait(
        opening.want,
        now=now,
        tried=opening.tried,
        bell=context.shell.alarm,
        placed=lambda seat, now: _try(caller, channel, seat, now),
        refused=lambda now: _nobody(caller, channel, blame, now),
    )
    return opening.waiter is not None


def _try(caller: "FramedCaller", channel: Channel, seat: Seat, now: float) -> None:
    opening, context = channel.opening, caller.context
    assert opening is not None, "only an opening channel looks for a backend"
    opening.waiter = None
    record = channel.record
    record.seat = seat
    record.attempts += 1
    opening.tried = (*opening.tried, seat.backend)
    channel.leg = leg = caller.leg_to(seat.backend)
    opening.alarm.set(now + context.timeouts.setup)
    for message in opening.sent:
        record.bytes_to_backend += len(message.raw)
        record.hear(Direction.TO_BACKEND, "mrcpv2", message.raw, leg.port, now)
        leg.port.send(message.raw)


def _another(opening: Opening, now: float) -> bool:
    return not opening.fixed and opening.pool.peek(opening.want, now, opening.tried) is not None


def _give_up(caller: "FramedCaller", channel: Channel, blame: Who, now: float) -> None:
    caller.answer_open(channel, now)
    caller.end(channel, End(blame, Phase.SETUP), now)


def failed(caller: "FramedCaller", channel: Channel, blame: Who, now: float) -> None:
    """Go on to another backend: this one is gone, silent, or refused; whoever calls has told the pool."""
    seat = channel.record.seat
    assert seat is not None, "a channel that was tried has its seat"
    channel.leg = None
    seat.release()  # the record keeps naming the backend that was asked last
    caller.context.try_failed(channel.record, seat.backend, _REASONS[blame])
    _next(caller, channel, blame, now)


def _overdue(caller: "FramedCaller", channel: Channel, now: float) -> None:
    assert channel.leg is not None, "the alarm is for a try"
    _abandon(caller, channel)
    channel.leg.backend.failed("mrcp", now)
    failed(caller, channel, Who.TIMEOUT, now)


def _abandon(caller: "FramedCaller", channel: Channel) -> None:
    """Take it that the answer to a literal SETUP is too late from now on."""
    opening, leg = channel.opening, channel.leg
    if opening is not None and opening.literal and leg is not None:
        leg.abandon(channel.name, opening.request_id, caller.context.limits.sessions_per_connection)


def answered(caller: "FramedCaller", channel: Channel, message: mrcpv2.Message, now: float) -> bool:
    """Take the first thing a backend says on a channel; False when it is not for the caller, since another is asked."""
    opening, leg = channel.opening, channel.leg
    assert opening is not None
    assert leg is not None
    if opening.literal and message.kind is mrcpv2.Kind.RESPONSE:
        if message.status in RETRYABLE and _another(opening, now):
            leg.backend.failed("mrcp", now)
            failed(caller, channel, Who.BACKEND, now)
            return False
        channel.refused = message.status >= 300  # noqa: PLR2004 - where the class of success ends
    leg.backend.answered("mrcp", now)
    settle(caller, channel, opening)
    channel.record.address = leg.port.peer
    caller.context.register.answered(channel.record, now)
    channel.step(Step.ANSWERED)
    if channel.teardown is not None:  # it was sent before the first answer
        channel.step(Step.TEARDOWN)
    return True
