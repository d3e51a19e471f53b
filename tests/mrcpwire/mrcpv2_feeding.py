"""Feeding octets to an MRCPv2 receiver in pieces, and keeping all it tells."""

from typing import NamedTuple

from mrcpwire import RemoteProtocolError
from mrcpwire.mrcpv2 import Limits, Message, Policy, Receiver


class Outcome(NamedTuple):
    """The messages, each with all that was read in it, then the code and rule of the fault."""

    messages: list[tuple[object, ...]]
    fault: tuple[str, str, int | None] | None


def parts_of(message: Message) -> tuple[object, ...]:
    """Everything a message has, for comparing and for messages to read."""
    shown = message.raw[message.channel_at :][: len(message.channel)]
    return (
        message.raw,
        message.received,
        message.kind,
        (message.channel, shown),
        message.request_id,
        message.name,
        message.status,
        message.state,
        message.anomaly,
    )


def outcome_of(
    *pieces: bytes, policy: Policy = Policy.STRICT, limits: Limits | None = None, most: int = 1
) -> Outcome:
    """Feed the pieces, taking what there is after each of them, at most so many messages at once; then the end."""
    receiver = Receiver(policy, limits or Limits())
    messages: list[tuple[object, ...]] = []
    try:
        for piece in pieces:
            receiver.receive_data(piece)
            take_all(receiver, messages, most)
        receiver.receive_eof()
        take_all(receiver, messages, most)
    except RemoteProtocolError as error:
        return Outcome(messages, (error.code, error.rule, error.status_hint))
    assert not receiver.pending
    return Outcome(messages, None)


def take_all(receiver: Receiver, messages: list[tuple[object, ...]], most: int) -> None:
    """Take what is whole; what comes before a fault is not lost with it."""
    while taken := receiver.next_events(most):
        assert len(taken) <= most
        messages += map(parts_of, taken)


def one_by_one(octets: bytes) -> list[bytes]:
    """Cut octets into single ones."""
    return [octets[i : i + 1] for i in range(len(octets))]


def message_of(octets: bytes, policy: Policy = Policy.REPAIR) -> Message:
    """Read the one message that these octets are."""
    receiver = Receiver(policy)
    receiver.receive_data(octets)
    message = receiver.next_event()
    assert message is not None
    assert receiver.next_event() is None
    assert not receiver.pending
    return message
