"""The messages of a framed caller that are only passed on: on channels that stand, and neither open nor close one.

All of a read go through one loop. What is more than that goes to `FramedCaller.from_caller` and `from_backend`.
"""

from typing import TYPE_CHECKING, Final

from mrcpbalance.sessions import MOST_ASKED, Direction
from mrcpwire import mrcpv2

from . import _metering
from ._channel import State
from ._metering import COMPLETE

if TYPE_CHECKING:
    from ._framed import FramedCaller
    from ._leg import Leg

TEARDOWN: Final = b"TEARDOWN"  # where the peers use it literally
_REQUEST, _RESPONSE, _OPEN = (
    mrcpv2.Kind.REQUEST,
    mrcpv2.Kind.RESPONSE,
    State.OPEN,
)  # an enum's look-up is slow


def to_backends(caller: "FramedCaller", messages: list[mrcpv2.Parts], now: float) -> None:
    """Send what a caller said, each message to the backend of its channel."""
    channels, due, asked = caller.channels, now + caller.context.timeouts.request, False
    metered = caller.context.meters is not None
    for parts in messages:
        data, (_, kind, name, request_id, _, _), section, anomaly = parts
        channel = channels.get(section[0])
        if channel is None or channel.state is not _OPEN or name == TEARDOWN:
            caller.from_caller(mrcpv2.Message(parts), channel, due, now)
            continue
        if anomaly is not None:
            caller.context.tally.count(anomaly)
        if kind is _REQUEST:
            if request_id not in channel.open:
                caller.open += 1
            channel.open[request_id] = due
            asked = True
            if metered:
                channel.begun[request_id] = (name, now)
                if len(channel.begun) > MOST_ASKED:
                    del channel.begun[next(iter(channel.begun))]
        channel.touched = now
        record = channel.record
        record.messages_to_backend += 1
        record.bytes_to_backend += len(data)
        assert channel.leg is not None, "an open channel has its connection"
        if record.tap is not None:
            record.tap.to_backend("mrcpv2", data, caller.port, data, channel.leg.port, now)
        channel.leg.port.send(data)
    if asked:
        caller.watch.by(due)


def to_caller(caller: "FramedCaller", leg: "Leg", messages: list[mrcpv2.Parts], now: float) -> None:  # noqa: C901 - in one piece, as calls cost
    """Send what a backend said if its channel lives there."""
    channels, meter, responses = caller.channels, leg.meter, 0
    passed: list[bytes] = []
    for parts in messages:
        data, (_, kind, _, request_id, _, state), section, anomaly = parts
        channel = channels.get(section[0])
        if channel is None or channel.leg is not leg or channel.state is not _OPEN:
            _send(caller, passed)
            caller.from_backend(leg, mrcpv2.Message(parts), channel, now)
            if leg.gone:
                return
            continue
        if anomaly is not None:
            caller.context.tally.count(anomaly)
        if kind is _RESPONSE:
            if channel.open.pop(request_id, None) is not None:
                caller.open -= 1
            elif channel.settled is not None and request_id in channel.settled:
                caller.context.tally.count("mrcpv2.late-response")
                channel.record.hear(Direction.FROM_BACKEND, "mrcpv2", data, leg.port, now)
                continue
            responses += 1
        if meter is not None and state == COMPLETE:
            _metering.completed(channel.begun, meter, mrcpv2.Message(parts), now)
        channel.touched = now
        record = channel.record
        record.messages_to_client += 1
        record.bytes_to_client += len(data)
        if record.tap is not None:
            record.tap.to_client("mrcpv2", data, leg.port, data, caller.port, now)
        passed.append(data)
    _send(caller, passed)
    if responses:
        caller.after_response(now)


def _send(caller: "FramedCaller", passed: list[bytes]) -> None:
    """Send what was passed so far in one piece."""
    if passed:
        caller.port.send(passed[0] if len(passed) == 1 else b"".join(passed))
        passed.clear()
