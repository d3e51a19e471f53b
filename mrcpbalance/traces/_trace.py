"""Reading a capture from its first octet to its sessions."""

from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from mrcpwire import Wire

from ._findings import Finding, Findings
from ._limits import Limits
from .capture import Capture, Connections, Packets, Source
from .sessions import Conversations, Keep, Message, Order, Session, Sessions, Thing

Progress = Callable[[int], None]
_EVERY = 512  # packets

_LIMITS = Limits()


@attrs.frozen(kw_only=True)
class Trace:
    """What a capture holds.

    `start` and `end` are nanoseconds since 1970, None where there is no packet. `messages` counts those of each protocol,
    in sessions or not; `outside` the requests that belong to no session, and `asides` has them with their answers, where they
    were wanted.
    """

    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...]
    packets: int
    start: int | None
    end: int | None
    connections: int  # TCP connections of every kind
    messages: Mapping[Wire, int]
    outside: Mapping[str, int]
    asides: tuple[Message, ...]
    rtp: int  # packets of RTP and RTCP, and frames of media inside RTSP connections
    encrypted: int  # TLS connections, which can't be read


def keep_all(_session: Session) -> bool:
    """Keep the messages of every session."""
    return True


def keep_none(_session: Session) -> bool:
    """Keep no messages."""
    return False


def read(
    source: Source,
    *,
    keep: Keep = keep_all,
    asides: bool = False,
    limits: Limits = _LIMITS,
    progress: Progress | None = None,
) -> Trace:
    """Read a capture.

    `keep` says of which sessions the messages are wanted; the session it is asked about has no number yet; `asides`
    whether what was said outside sessions is wanted. `progress` is
    called now and then with the octets read so far. Raises `NotACapture` for another kind of file, and `OSError`
    where the source does; whatever is wrong inside the file is among the findings.
    """
    return _Reading(source, keep, limits, asides=asides).run(progress)


class _Reading:
    """One pass over a file, everything put together."""

    def __init__(self, source: Source, keep: Keep, limits: Limits, *, asides: bool) -> None:
        self._findings = findings = Findings(limits.findings)
        self._capture = Capture(source, findings, limits)
        self._order: Order[Thing] = Order(limits.reorder, self._take)
        self._conversations = conversations = Conversations(self._order.put, findings, limits)
        self._connections = Connections(conversations.talk, findings, limits)
        self._packets = Packets(self, findings, limits)
        self._sessions = Sessions(keep, conversations.control, findings, limits, asides=asides)
        self.tcp = self._connections.tcp
        self.udp = conversations.udp

    def run(self, progress: Progress | None) -> Trace:
        count = 0
        start = end = None
        take = self._packets.take
        for frame in self._capture:
            count += 1
            take(frame)
            if start is None or frame.time < start:
                start = frame.time
            if end is None or frame.time > end:
                end = frame.time
            if progress is not None and not count % _EVERY:
                progress(self._capture.used)
        self._packets.end()
        self._connections.end()
        self._order.end()
        sessions = self._sessions.finish(end or 0)
        conversations = self._conversations
        return Trace(
            sessions=tuple(sessions),
            findings=tuple(self._findings.all()),
            packets=count,
            start=start,
            end=end,
            connections=self._connections.count,
            messages=Counter(conversations.counts),
            outside=Counter(self._sessions.book.outside),
            asides=tuple(self._sessions.book.asides or ()),
            rtp=self._packets.rtp + conversations.interleaved,
            encrypted=conversations.encrypted,
        )

    def _take(self, thing: Thing) -> None:
        self._sessions.take(thing)
