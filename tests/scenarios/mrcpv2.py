"""What scenarios of MRCPv2 over SIP share: listeners, and calls whose every request bears a mark."""

import re
from typing import Final

from mrcpbalance.config import Address
from mrcpbalance.simulator import FramedChannel, SipCall, SipServer
from tests.scenarios.running import LISTENER, Running

SIP: Final = LISTENER.format(protocol="sip")
DIRECT: Final = SIP + 'control = "direct"\n'
OVER_TCP: Final = 'sip_transport = "tcp"'
GRAMMAR: Final = {"Content-Type": "application/srgs+xml", "Content-ID": "<menu>"}
URIS: Final = {"Content-Type": "text/uri-list"}
RECOGNISED: Final = ["COMPLETE", "IN-PROGRESS", "START-OF-INPUT", "RECOGNITION-COMPLETE"]
_MARK: Final = re.compile(rb"\r\nLogging-Tag: (\S+)/(\d+)\r\n")


def front(running: Running) -> Address:
    """Tell where the SIP listener is."""
    return running.addresses["front"][0]


def control(running: Running) -> Address:
    """Tell where the proxy takes control connections."""
    return running.addresses["front"][-1]


async def recognise(channel: FramedChannel, marks: "Marks") -> list[str]:
    """Recognise with a grammar of the session's own, and tell what happened."""
    defined = await channel.request("DEFINE-GRAMMAR", {**GRAMMAR, **marks.next()}, b"<grammar/>")
    begun = await channel.request("RECOGNIZE", {**URIS, **marks.next()}, b"session:menu")
    events = [await channel.event(), await channel.event()]
    return [defined.state, begun.state, *(event.name for event in events)]


class Marks:
    """Marks for the requests of one session: its name and a count."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def next(self) -> dict[str, str]:
        """Make the header of the next request."""
        self.count += 1
        return {"Logging-Tag": f"{self.name}/{self.count}"}


def marks_on(server: SipServer, call: SipCall) -> list[tuple[str, int]]:
    """List the marks of the requests that a server had in a call, in the order it saw them; Call-IDs are kept."""
    asked = [
        entry.raw for entry in server.transcript if entry.session == call.id and entry.sender == "caller"
    ]
    found = [match for raw in asked if (match := _MARK.search(raw))]
    return [(match[1].decode(), int(match[2])) for match in found]
