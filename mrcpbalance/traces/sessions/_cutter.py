"""Cutting what one side of a connection sent into messages, and finding the next one behind damage."""

import re
from typing import Final

from mrcpwire import RemoteProtocolError, Wire, mrcpv2, rtsp, sip

from ._message import Parsed

# How a message begins. A proxy must never look for that (G-1); who only looks may.
_STARTS: Final = {
    Wire.MRCPV2: re.compile(rb"MRCP/2\.[0-9] {1,9}[0-9]{1,19} {1,9}[0-9A-Z]"),
    Wire.RTSP: re.compile(
        rb"RTSP/1\.0 {1,9}[1-9][0-9]{2}[ \r\n]|[A-Z_]{2,20} (?:rtsp[su]?:[!-~]{1,512}|\*) RTSP/1\.0\r?\n"
    ),
    Wire.SIP: re.compile(rb"SIP/2\.0 [1-6][0-9]{2} |[A-Z]{2,20} sips?:[!-~]{1,512} SIP/2\.0\r?\n"),
}

Receiver = rtsp.Receiver | mrcpv2.Receiver | sip.StreamReceiver
Event = Parsed | rtsp.Interleaved | sip.KeepAlive


class Cutter:
    """One direction of a connection.

    While `seeking` it doesn't know where a message begins and looks for one in whatever comes.
    """

    __slots__ = ("_receiver", "_wire", "seeking")

    def __init__(self, wire: Wire, *, seeking: bool) -> None:
        self._wire = wire
        self._receiver = _receiver(wire)
        self.seeking = seeking

    @property
    def pending(self) -> bool:
        """Part of a message is held."""
        return self._receiver.pending

    def feed(self, data: bytes) -> list[Event | RemoteProtocolError]:
        """Take octets in order; give the messages they complete, and what was wrong."""
        if self.seeking:
            start = _STARTS[self._wire].search(data)
            if start is None:
                return []
            data = data[start.start() :]
            self.seeking = False
        self._receiver.receive_data(data)
        out: list[Event | RemoteProtocolError] = []
        while not self.seeking:
            try:
                event = self._receiver.next_event()
            except RemoteProtocolError as error:
                out.append(error)
                if getattr(error, "fatal", True):
                    self.lose()
            else:
                if event is None:
                    break
                out.append(event)
        return out

    def lose(self) -> bool:
        """Forget what is held, for what follows it is missing; tell whether that was part of a message."""
        held = self._receiver.pending
        self._receiver = _receiver(self._wire)
        self.seeking = True
        return held


def _receiver(wire: Wire) -> Receiver:
    if wire is Wire.RTSP:
        return rtsp.Receiver()
    if wire is Wire.SIP:
        return sip.StreamReceiver()
    return mrcpv2.Receiver(mrcpv2.Policy.REPAIR)  # M-17: who only looks wants to see what follows
