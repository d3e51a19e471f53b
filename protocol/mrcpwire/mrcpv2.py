"""MRCPv2 (RFC 6787): messages, a receiver that cuts a connection's octets into them, and writing them."""

from mrcpwire._mrcpv2_head import Limits, Policy
from mrcpwire._mrcpv2_messages import (
    Kind,
    Message,
    Parts,
    completion_cause,
    event,
    renamed,
    request,
    response,
    self_length,
    with_channel,
)
from mrcpwire._mrcpv2_receiver import Receiver

__all__ = [
    "Kind",
    "Limits",
    "Message",
    "Parts",
    "Policy",
    "Receiver",
    "completion_cause",
    "event",
    "renamed",
    "request",
    "response",
    "self_length",
    "with_channel",
]
