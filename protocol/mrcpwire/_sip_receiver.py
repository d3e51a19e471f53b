"""Cutting the octets of a SIP connection into messages."""

from typing import Final

import attrs

from mrcpwire._buffer import Buffer
from mrcpwire._sip_messages import Limits, Request, Response

_DEFAULT: Final = Limits()


@attrs.frozen
class KeepAlive:
    """A ping between messages (RFC 5626 section 4.4.1), to be answered with one CRLF."""


class StreamReceiver(Buffer):
    """One direction of a SIP connection: octets in, messages out."""

    __slots__ = ("limits",)

    def __init__(self, limits: Limits = _DEFAULT) -> None:
        super().__init__()
        self.limits = limits

    def next_event(self) -> Request | Response | KeepAlive | None:
        """Give the next message, None while it isn't whole; raises `SipError`."""
        raise NotImplementedError
