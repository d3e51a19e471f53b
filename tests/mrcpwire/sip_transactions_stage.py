"""A stage for plays with SIP transactions: messages in short form, and a clock that rings exactly when it is due."""

import itertools
from collections.abc import Sequence
from typing import Final

from mrcpwire import sip
from mrcpwire.sip_transactions import (
    ClientTransaction,
    Event,
    Flow,
    NewRequest,
    ServerTransaction,
    Timers,
    Transactions,
)

US: Final = ("192.0.2.1", 5060)
PEER: Final = ("192.0.2.10", 5070)
UDP: Final = Flow(transport="udp", local=US, remote=PEER, key="socket")
TCP: Final = Flow(transport="tcp", local=US, remote=PEER, key="connection")
VIA: Final = b"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKpeer"
LIMITS: Final = sip.Limits()

Fields = Sequence[tuple[bytes, bytes]]


def request(
    method: bytes, via: bytes | None = VIA, *more: tuple[bytes, bytes], **parts: bytes
) -> sip.Request:
    """A request; parts may be uri, from_, to, call_id and cseq. An ACK or CANCEL is by default that of an INVITE."""
    fields = [
        (b"From", parts.get("from_", b"<sip:caller@192.0.2.10>;tag=theirs")),
        (b"To", parts.get("to", b"<sip:pool@192.0.2.1>")),
        (b"Call-ID", parts.get("call_id", b"call")),
        (b"CSeq", parts.get("cseq", b"1 " + method)),
        (b"Max-Forwards", b"70"),
        *more,
    ]
    top = [] if via is None else [(b"Via", via)]
    return sip.Request(
        method=method,
        uri=parts.get("uri", b"sip:pool@192.0.2.1"),
        headers=sip.SipHeaders.of([*top, *fields]),
    )


class Stage:
    """One user agent; `log` collects what it sent and told, each with its time."""

    def __init__(self, flow: Flow = UDP, *, timers: Timers | None = None, limit: int = 10_000) -> None:
        numbers = itertools.count(1)
        self.layer = Transactions(timers or Timers(), lambda: f"ours{next(numbers)}", limit=limit)
        self.flow = flow
        self.now = 0.0
        self.sent: list[tuple[Flow, bytes]] = []  # since the last look
        self.log: list[tuple[float, str]] = []
        self.events: list[Event] = []
        self.ended_at: float | None = None  # when the last transaction ended

    # What the user does.

    def request(
        self, method: bytes = b"INVITE", *more: tuple[bytes, bytes], **parts: bytes
    ) -> ClientTransaction:
        transaction = self.layer.request(request(method, None, *more, **parts), self.flow, self.now)
        self.flush()
        return transaction

    def respond(self, status: int, to_tag: bytes | None = b"ours") -> None:
        told = self.new_request
        assert told.transaction is not None
        self.layer.respond(told.transaction, sip.response_to(told.request, status, to_tag=to_tag), self.now)
        self.flush()

    def acked(self) -> None:
        self.layer.acked(self.server, self.now)

    @property
    def new_request(self) -> NewRequest:
        """The last request that has a transaction."""
        return [event for event in self.events if isinstance(event, NewRequest) and event.transaction][-1]

    @property
    def server(self) -> ServerTransaction:
        assert self.new_request.transaction is not None
        return self.new_request.transaction

    # What the peer does.

    def hears(self, message: sip.Request | sip.Response, flow: Flow | None = None) -> Event | None:
        event = self.layer.received(message, flow or self.flow, self.now)
        self._told(event)
        self.flush()
        return event

    def answer(self, status: int, tag: bytes = b"theirs", *, to: str = "") -> Event | None:
        """The peer answers the first request of ours, or the last one with this method."""
        sent = [message for message in self.all_sent() if isinstance(message, sip.Request)]
        chosen = [message for message in sent if message.method == to.encode()][-1] if to else sent[0]
        return self.hears(sip.response_to(chosen, status, to_tag=tag))

    def lose_connection(self, key: str = "connection") -> None:
        for event in self.layer.failed(key, self.now):
            self._told(event)
        self.flush()

    # Time.

    def run(self, until: float) -> None:
        """Let time go by; whatever is due happens exactly when it is."""
        while (due := self.layer.next_deadline()) is not None and due <= until:
            assert due >= self.now
            self.now = due
            for event in self.layer.expire(due):
                self._told(event)
            self.flush()
        self.now = until

    def flush(self) -> None:
        for flow, data in self.layer.output():
            self.sent.append((flow, data))
            self.log.append((self.now, short(data)))
        if len(self.layer) > 0:
            self.ended_at = None
        elif self.ended_at is None:
            self.ended_at = self.now

    def _told(self, event: Event | None) -> None:
        if event is not None:
            self.events.append(event)
            self.log.append((self.now, type(event).__name__))

    # Looking.

    def all_sent(self) -> list[sip.Request | sip.Response]:
        return [sip.parse_datagram(data, LIMITS) for _, data in self.sent]

    def last(self) -> sip.Request | sip.Response:
        return sip.parse_datagram(self.sent[-1][1], LIMITS)

    def last_request(self) -> sip.Request:
        message = self.last()
        assert isinstance(message, sip.Request)
        return message

    def last_response(self) -> sip.Response:
        message = self.last()
        assert isinstance(message, sip.Response)
        return message

    def take_log(self) -> list[str]:
        """What was sent and told since the last look, without times."""
        log, self.log = self.log, []
        return [what for _, what in log]


def short(data: bytes) -> str:
    """`INVITE`, or `200 INVITE` for a response to one."""
    message = sip.parse_datagram(data, LIMITS)
    if isinstance(message, sip.Request):
        return message.method.decode()
    return f"{message.status} {message.cseq[1].decode()}"
