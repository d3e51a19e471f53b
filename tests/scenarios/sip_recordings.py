"""Recorded MRCPv2 sessions as a play: the steps of both sides in their order, and what of them must be the same live."""

import heapq
from collections.abc import Iterator
from typing import Final, Literal

import attrs

from mrcpbalance import traces
from mrcpwire import Wire, sip
from mrcpwire.sdp import Sdp
from tests.pcap import whole_captures

Transport = Literal["udp", "tcp"]

OURS: Final = (b"c=", b"a=connection:")  # lines of a control part that are ours to write


@attrs.frozen(eq=False)
class Step:
    """Something that was recorded: a message, or the beginning or end of a control connection."""

    time: int
    session: traces.Session
    what: traces.Message | Literal["opened", "caller closed", "server closed"]
    connection: traces.Connection | None


@attrs.frozen
class Recording:
    """One capture."""

    name: str
    sessions: tuple[traces.Session, ...]

    @property
    def transport(self) -> Transport:
        """What carried SIP to the server."""
        return self.sessions[0].messages[0].transport

    @property
    def server_host(self) -> str:
        """Where the server is that took calls; so descriptions stay true."""
        said = [message.raw for one in self.sessions for message in one.messages if not message.to_server]
        told = [sip.parse_datagram(raw, sip.Limits()).body for raw in said if raw.startswith(b"SIP/2.0 200 ")]
        return next((host for body in told if (host := Sdp.parse(body).session.connection)), "127.0.0.2")

    def only(self, transport: Transport) -> "Recording":
        """Leave out the sessions whose SIP went otherwise."""
        kept = (one for one in self.sessions if one.messages[0].transport == transport)
        return attrs.evolve(self, sessions=tuple(kept))

    def steps(self) -> Iterator[Step]:
        """Give everything in its order; what was sent again, once."""
        ways = [heapq.merge(_messages(one), _connections(one), key=_time) for one in self.sessions]
        return heapq.merge(*ways, key=_time)


def _time(step: Step) -> int:
    return step.time


def _messages(session: traces.Session) -> Iterator[Step]:
    for message in session.messages:
        if not message.again and not message.raw.startswith(b"SIP/2.0 100 "):
            yield Step(message.time, session, message, message.connection)


def _connections(session: traces.Session) -> list[Step]:
    """Give the control connections it used or waited on."""
    carries_sip = {message.connection for message in session.messages if message.wire is Wire.SIP}
    steps = []
    for one in session.connections:
        if one in carries_sip:
            continue
        if one.opened is not None:
            steps.append(Step(one.opened, session, "opened", one))
        if (ending := one.first_ending) is not None:
            steps.append(
                Step(
                    ending.time, session, "caller closed" if ending.side == "caller" else "server closed", one
                )
            )
    return sorted(steps, key=_time)


def recordings() -> dict[str, Recording]:
    """Read every capture with calls in it; one that has both transports becomes two."""
    found = {}
    for path in whole_captures():
        with path.open("rb") as file:
            sessions = traces.read(file).sessions
        calls = tuple(one for one in sessions if one.protocol is traces.Protocol.MRCPV2)
        whole = Recording(path.stem, calls)
        for transport in dict.fromkeys(one.messages[0].transport for one in calls):
            name = path.stem if transport == "udp" else f"{path.stem} (tcp)"
            found[name] = attrs.evolve(whole.only(transport), name=name)
    return found


def meaning(body: bytes) -> list[bytes]:
    """Give the lines of a description without what a control line must get changed (table D)."""
    sdp = Sdp.parse(body)
    lines = list(sdp.session.lines)
    for media in sdp.media:
        if media.is_control:
            lines += [_blank(line) for line in media.lines if not line.startswith(OURS)]
        else:
            lines += media.lines
    return lines


def _blank(line: bytes) -> bytes:
    """Leave port and id part open."""
    if line.startswith(b"m="):
        kind, _, *rest = line.split(b" ")
        return b" ".join([kind, *rest])
    if line.startswith(b"a=channel:"):
        return b"a=channel:" + line.rpartition(b"@")[2]
    return line


def channels(body: bytes) -> list[bytes]:
    """Give the channels of a description, by its control lines."""
    return [channel for media in Sdp.parse(body).media if (channel := media.attribute(b"channel"))]
