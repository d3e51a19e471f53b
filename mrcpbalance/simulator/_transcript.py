"""What a simulated server saw and said, so that a test can ask which session came where, in which order."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

import attrs
import trio

from mrcpwire import sip

KEPT = 20_000  # entries; the oldest go first, so that a load test can run for hours


@attrs.frozen(kw_only=True)
class Entry:
    """One message, or the end of a connection (`name` is "closed")."""

    sender: Literal["caller", "server"]
    name: str  # RTSP or SIP method or status, MRCPv2 method, status or event
    connection: int = 0  # counted from 1 as accepted
    session: str | None = None  # RTSP session, Call-ID, or MRCPv2 channel id where there is no SIP
    mrcp: str = ""  # the MRCPv1 method, event or request-state inside
    raw: bytes = b""

    @classmethod
    def of_sip(cls, message: sip.Request | sip.Response, sender: Literal["caller", "server"]) -> "Entry":
        """Write a SIP message down."""
        name = message.method.decode("ascii") if isinstance(message, sip.Request) else str(message.status)
        return cls(
            sender=sender, name=name, session=message.call_id.decode("latin-1"), raw=message.to_bytes()
        )


@attrs.define
class Transcript:
    """The entries of one server, oldest first."""

    told: Callable[[Entry], None] | None = None  # hears of each at once
    _entries: deque[Entry] = attrs.field(factory=lambda: deque(maxlen=KEPT))
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    def add(self, entry: Entry) -> None:
        """Write down one entry."""
        self._entries.append(entry)
        if self.told is not None:
            self.told(entry)
        self._lot.unpark_all()

    def __iter__(self) -> Iterator[Entry]:
        """Go through all entries."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries kept."""
        return len(self._entries)

    def sessions(self) -> list[str]:
        """List the sessions seen, in the order they first appeared."""
        return list(dict.fromkeys(entry.session for entry in self if entry.session is not None))

    def of(self, session: str, *, sender: Literal["caller", "server"] | None = None) -> list[str]:
        """Tell what happened in a session: names, the MRCP name where there is one ("RECOGNIZE", not "ANNOUNCE")."""
        return [
            entry.mrcp or entry.name
            for entry in self
            if entry.session == session and sender in (None, entry.sender)
        ]

    async def until(self, wanted: Callable[[Entry], bool]) -> Entry:
        """Wait until there is such an entry, and give the first."""
        while (found := next(filter(wanted, self._entries), None)) is None:
            await self._lot.park()
        return found

    def containing(self, octets: bytes) -> list[Entry]:
        """Find the messages that hold these octets, such as a caller's mark in a Logging-Tag."""
        return [entry for entry in self if octets in entry.raw]
