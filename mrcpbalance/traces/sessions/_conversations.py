"""Which conversations speak RTSP, SIP or MRCPv2, and the messages in them."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import attrs

from mrcpbalance.traces._endpoint import Endpoint
from mrcpbalance.traces._findings import Finding, Findings
from mrcpbalance.traces._limits import Limits
from mrcpbalance.traces._show import show
from mrcpbalance.traces.capture import Connection, Ending, Frame, Piece
from mrcpwire import RemoteProtocolError, Wire, mrcpv2, recognise, rtsp, sip

from ._cutter import Cutter
from ._message import Fault, Message, Parsed

_SPOKEN: Final = frozenset([Wire.RTSP, Wire.SIP, Wire.MRCPV2])
_MOST_TRIES: Final = 64  # pieces of a connection that was open before the capture began
_MOST_PREFIX: Final = 64  # pieces kept until the protocol is known
_MOST_FAULTS: Final = 20  # of one connection; what makes no sense so often is something else
_MOST_CONTROL: Final = 65_536
_LEAST_SIP: Final = 16


@attrs.frozen
class Opened:
    """A connection to where MRCPv2 is spoken was begun."""

    connection: Connection


@attrs.frozen
class Ended:
    """One side of a connection has ended; more of that is in its endings."""

    connection: Connection


Thing = Message | Fault | Opened | Ended
PutFunction = Callable[[int, Thing], None]


class Conversations:
    """Listens to all of them; what they say is `put` by time."""

    def __init__(self, put: PutFunction, findings: Findings, limits: Limits) -> None:
        self.put = put
        self._findings = findings
        self._duplicate = limits.duplicate
        self._recent: deque[tuple[int, tuple[object, ...]]] = deque()
        self._recent_keys: set[tuple[object, ...]] = set()
        self.control: set[Endpoint] = set()  # where SDP answers say that MRCPv2 is spoken
        self.counts: Counter[Wire] = Counter()
        self.interleaved = 0  # frames of media inside RTSP connections
        self.encrypted = 0  # connections
        self.unknown = 0  # connections
        self.datagrams = 0  # that are neither RTP nor SIP

    def talk(self, connection: Connection) -> "Conversation":
        """Listen to another connection."""
        if connection.opened is not None and connection.server in self.control:
            self.put(connection.opened, Opened(connection))
        return Conversation(self, connection)

    def udp(
        self, source: tuple[bytes, int], target: tuple[bytes, int], payload: bytes, missing: int, frame: Frame
    ) -> None:
        """Take a datagram that isn't RTP."""
        if len(payload) < _LEAST_SIP or recognise(payload) is not Wire.SIP:
            self.datagrams += 1
            return
        if self._is_duplicate(frame.time, (source, target, payload)):
            self._findings.count("duplicates", frame.number)
            return
        ends = Endpoint.of(source), Endpoint.of(target)
        try:
            parsed = sip.parse_datagram(self._salvaged(payload, frame) if missing else payload)
        except RemoteProtocolError as error:
            self._unreadable(error, frame, ends)
            return
        self.pass_on(
            Message(
                time=frame.time,
                packet=frame.number,
                wire=Wire.SIP,
                source=ends[0],
                target=ends[1],
                connection=None,
                parsed=parsed,
                raw=payload,
                cut=missing > 0,
            )
        )

    def pass_on(self, message: Message) -> None:
        """Count a message and put it."""
        self.counts[message.wire] += 1
        if message.wire is Wire.SIP and b"channel:" in message.raw:
            self._learn(message)
        self.put(message.time, message)

    def _unreadable(self, error: RemoteProtocolError, frame: Frame, ends: tuple[Endpoint, Endpoint]) -> None:
        finding = _fault(error, frame.time, frame.number)
        self.put(
            frame.time,
            Fault(
                time=frame.time,
                wire=Wire.SIP,
                source=ends[0],
                target=ends[1],
                connection=None,
                finding=finding,
            ),
        )

    def _learn(self, message: Message) -> None:
        """Note where the control connections of a session will go."""
        sdp = message.sdp
        if sdp is None or len(self.control) >= _MOST_CONTROL:
            return
        for index, media in enumerate(sdp.media):
            address = sdp.address(index)
            if media.is_control and media.port and address and media.attribute(b"channel"):
                self.control.add(Endpoint(address, media.port))

    def _is_duplicate(self, time: int, key: tuple[object, ...]) -> bool:
        recent = self._recent
        while recent and not -self._duplicate < time - recent[0][0] <= self._duplicate:
            self._recent_keys.discard(recent.popleft()[1])
        if key in self._recent_keys:
            return True
        recent.append((time, key))
        self._recent_keys.add(key)
        return False

    def _salvaged(self, payload: bytes, frame: Frame) -> bytes:
        """Make a readable message of one whose end was not captured: whole lines, without what they announce."""
        self._findings.count("salvaged", frame.number)
        head, blank, body = payload.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n") if blank else head.split(b"\r\n")[:-1]
        kept = [line for line in lines if not line.lower().startswith((b"content-length", b"l:", b"l "))]
        return b"\r\n".join([*kept, b"", body])


class Conversation:
    """One TCP connection: silent until its protocol is known, deaf when that is none of ours."""

    __slots__ = ("_all", "_connection", "_cutters", "_faults", "_pieces", "_tries", "deaf", "wire")

    def __init__(self, all_: Conversations, connection: Connection) -> None:
        self._all = all_
        self._connection = connection
        self._cutters: dict[Endpoint, Cutter] = {}
        self._pieces: list[tuple[Endpoint, Piece]] = []
        self._tries = 0
        self._faults = 0
        self.deaf = False
        self.wire: Wire | None = None

    def heard(self, source: Endpoint, piece: Piece) -> None:
        """Take octets one side sent."""
        if self.wire is None:
            self._pieces.append((source, piece))
            self._recognise(source, piece)
        else:
            self._cut(source, piece)

    def ended(self, ending: Ending) -> None:
        """Tell of an end; what was cut in the middle of a message is a fault."""
        cutter = self._cutters.get(ending.by)
        if cutter is not None and cutter.pending:
            text = "the stream ends within a message"
            self._fault(ending.by, ending.time, Finding(code="cut-message", text=text, time=ending.time))
        self._all.put(ending.time, Ended(self._connection))

    def _recognise(self, source: Endpoint, piece: Piece) -> None:
        if self._connection.server in self._all.control:
            found = Wire.MRCPV2
        else:
            own = [octets.data for end, octets in self._pieces if end == source]
            found = recognise(b"".join(own))
        if found in _SPOKEN:
            self.wire = found
            pieces, self._pieces = self._pieces, []
            for end, octets in pieces:
                self._cut(end, octets)
        elif found is Wire.TLS:
            self._all.encrypted += 1
            self._close_ears()
        elif found is Wire.UNKNOWN or len(self._pieces) > _MOST_PREFIX:
            self._try_again(source, piece)

    def _try_again(self, source: Endpoint, piece: Piece) -> None:
        """Wait for a piece that begins with a message, where the stream's beginning is missing."""
        self._tries += 1
        whole = self._connection.opened is not None and not self._connection.lost
        if whole or self._tries > _MOST_TRIES or not piece.data:
            self._all.unknown += 1
            self._close_ears()
        elif len(self._pieces) > 1:
            self._pieces = [(source, piece)]
            self._recognise(source, piece)
        else:
            self._pieces = []

    def _close_ears(self) -> None:
        self.deaf = True
        self._pieces = []

    def _cut(self, source: Endpoint, piece: Piece) -> None:
        assert self.wire is not None
        cutter = self._cutters.get(source)
        if cutter is None:
            seeking = self._connection.opened is None or piece.lost > 0
            cutter = self._cutters[source] = Cutter(self.wire, seeking=seeking)
        if piece.lost:
            self._lost(cutter, source, piece)
        if not piece.data:
            return
        for event in cutter.feed(piece.data):
            if isinstance(event, RemoteProtocolError):
                self._fault(source, piece.time, _fault(event, piece.time, piece.packet))
            elif isinstance(event, rtsp.Interleaved):
                self._all.interleaved += 1
            elif not isinstance(event, sip.KeepAlive):
                self._heard(source, piece, event)

    def _heard(self, source: Endpoint, piece: Piece, parsed: Parsed) -> None:
        connection = self._connection
        if not connection.sure:
            self._settle(source, parsed)
        target = connection.server if source == connection.client else connection.client
        assert self.wire is not None
        self._all.pass_on(
            Message(
                time=piece.time,
                packet=piece.packet,
                wire=self.wire,
                source=source,
                target=target,
                connection=connection,
                parsed=parsed,
                raw=parsed.to_bytes() if isinstance(parsed, sip.Request | sip.Response) else parsed.raw,
            )
        )

    def _settle(self, source: Endpoint, parsed: Parsed) -> None:
        """Tell the client by what it says: of servers' messages only events are no answers."""
        from_client = _from_client(parsed)
        if from_client is not None:
            self._connection.sure = True
            if (source == self._connection.client) is not from_client:
                self._connection.turn()

    def _lost(self, cutter: Cutter, source: Endpoint, piece: Piece) -> None:
        cut = "; a message is cut" if cutter.lose() else ""
        text = f"{piece.lost} octets were not captured{cut}"
        packet = piece.packet or None
        self._fault(
            source, piece.time, Finding(code="lost-octets", text=text, time=piece.time, packet=packet)
        )

    def _fault(self, source: Endpoint, time: int, finding: Finding) -> None:
        self._faults += 1
        if self._faults > _MOST_FAULTS:
            self.deaf = True
            finding = attrs.evolve(finding, text=finding.text + "; nothing more is read of this connection")
        connection = self._connection
        target = connection.server if source == connection.client else connection.client
        self._all.put(
            time,
            Fault(
                time=time,
                wire=self.wire or Wire.UNKNOWN,
                source=source,
                target=target,
                connection=connection,
                finding=finding,
            ),
        )


def _from_client(parsed: Parsed) -> bool | None:
    """Tell whether a message can only come from a client, or from a server."""
    if isinstance(parsed, mrcpv2.Message):
        return parsed.kind is mrcpv2.Kind.REQUEST
    if isinstance(parsed, rtsp.Request) and parsed.method != b"ANNOUNCE":
        return True
    if isinstance(parsed, rtsp.Response) and not parsed.body:
        return None  # to an event, perhaps
    if isinstance(parsed, sip.Request | sip.Response):
        return None
    mrcp = parsed.body.split(b"\n", 1)[0].split(b" ")
    return len(mrcp) == 3 if isinstance(parsed, rtsp.Request) else False  # noqa: PLR2004  method, id, version


def _fault(error: RemoteProtocolError, time: int, packet: int) -> Finding:
    text = f"what was sent can't be read: {show(error.excerpt)}" if error.excerpt else str(error)
    rule = error.rule if error.rule[1:2] == "-" else ""
    return Finding(code=error.code, text=text, rule=rule, time=time, packet=packet)
