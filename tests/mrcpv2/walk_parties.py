"""Callers and backends that act by plans; each is a user agent of its own, on the transactions and dialogs of mrcpwire."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpwire import sip
from mrcpwire.sdp import Sdp
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import (
    Answered,
    Cancelled,
    ClientTransaction,
    Event,
    Flow,
    NeverAcked,
    NewRequest,
    ServerTransaction,
    TimedOut,
    Timers,
    Transactions,
    TransportFailed,
)
from tests.mrcpv2.walk_network import Line, Network
from tests.mrcpv2.walk_plans import Reply, Step

SDP: Final = b"application/sdp"


class Party:
    """A user agent, and every call it takes part in."""

    def __init__(self, walk: Network, address: Address, transport: str) -> None:
        numbers = itertools.count(1)
        self.walk = walk
        self.address = address
        self.transport = transport
        self.layer = Transactions(Timers(), lambda: f"{address.host}-{next(numbers)}")
        self.alarm = walk.alarm(self._ring)
        self.dead = False
        self.loses_byes = False
        self.legs: list[Leg] = []
        self.asking: dict[ClientTransaction, Leg] = {}
        self.serving: dict[ServerTransaction, Leg] = {}
        self.lines: dict[Line, sip.StreamReceiver] = {}
        walk.peers[address.host] = self

    @property
    def contact(self) -> bytes:
        parameter = b";transport=tcp" if self.transport == "tcp" else b""
        return b"<sip:%s%s>" % (str(self.address).encode(), parameter)

    # The network.

    def datagram(self, data: bytes, source: Address) -> None:
        message = sip.parse_datagram(data, sip.Limits())
        self._hear(message, self._flow("udp", source, "socket"))

    def octets(self, line: Line, data: bytes) -> None:
        receiver = self.lines.setdefault(line, sip.StreamReceiver())
        receiver.receive_data(data)
        while (message := receiver.next_event()) is not None:
            assert not isinstance(message, sip.KeepAlive)
            if self.loses_byes and isinstance(message, sip.Request) and message.method == b"BYE":
                self.loses_byes = False
                self.break_line()
                return
            self._hear(message, self._flow("tcp", Address(line.port.local, 5060), line))

    def lost(self, line: Line) -> None:
        self.lines.pop(line, None)
        for event in self.layer.failed(line, self.walk.now):
            self._event(event)
        self.flush()

    def notes(self, data: bytes, *, by_proxy: bool) -> None:
        (self.walk.said if by_proxy else self.walk.heard_by_proxy)(data)

    def break_line(self) -> None:
        """Lose the connections that carry SIP."""
        for line in list(self.lines):
            line.breaks(reset=True)
            self.lost(line)

    def _flow(self, transport: str, remote: Address, key: object) -> Flow:
        local = (self.address.host, self.address.port)
        return Flow(transport=transport, local=local, remote=(remote.host, remote.port), key=key)

    def way(self, host: str, port: int, transport: str) -> Flow:
        """Give the flow to the proxy."""
        if transport == "udp":
            return self._flow("udp", Address(host, port), "socket")
        line = next((line for line in self.lines if not line.gone), None)
        if line is None:
            line = self.walk.calls(self, self.address)
            self.lines[line] = sip.StreamReceiver()
        return self._flow("tcp", Address(host, port), line)

    def flush(self) -> None:
        for flow, data in self.layer.output():
            if self.dead:
                continue
            if isinstance(flow.key, Line):
                flow.key.says(data)
            else:
                self.walk.hears(self.address, flow.remote, data)
        due = self.layer.next_deadline()
        if due is None:
            self.alarm.clear()
        else:
            self.alarm.set(due)

    def _ring(self, now: float) -> None:
        for event in self.layer.expire(now):
            self._event(event)
        self.flush()

    # Messages.

    def _hear(self, message: sip.Request | sip.Response, flow: Flow) -> None:
        if not self.dead:
            event = self.layer.received(message, flow, self.walk.now)
            if event is not None:
                self._event(event)
            self.flush()

    def _event(self, event: Event) -> None:
        match event:
            case NewRequest(transaction=None):
                if (leg := self._leg_of(event.request)) is not None:
                    leg.acknowledged(event.request)
            case NewRequest(transaction=transaction) if transaction is not None:
                self._request(transaction, event.request)
            case Cancelled():
                self.serving[event.transaction].cancelled(event.transaction)
            case Answered():
                self.asking[event.transaction].answered(event.transaction, event.response)
            case TimedOut() | TransportFailed():
                self.asking[event.transaction].unanswered(event.transaction)
            case NeverAcked():
                self.serving[event.transaction].never_acknowledged()
            case _:
                pass

    def _request(self, transaction: ServerTransaction, request: sip.Request) -> None:
        leg = self._leg_of(request)
        if leg is not None:
            self.serving[transaction] = leg
            leg.asked(transaction, request)
        elif request.to.tag is None and request.method == b"INVITE":
            self.invited(transaction, request)
        else:
            self.respond(transaction, sip.response_to(request, 481))

    def invited(self, transaction: ServerTransaction, request: sip.Request) -> None:
        """Take an INVITE that begins a call."""
        self.respond(transaction, sip.response_to(request, 405))

    def _leg_of(self, request: sip.Request) -> "Leg | None":
        key = (request.call_id, request.to.tag or b"", request.from_.tag or b"")
        return next((leg for leg in self.legs if leg.dialog is not None and leg.dialog.key() == key), None)

    def ask(self, leg: "Leg", request: sip.Request, flow: Flow) -> ClientTransaction:
        transaction = self.layer.request(request, flow, self.walk.now)
        self.asking[transaction] = leg
        self.flush()
        return transaction

    def respond(self, transaction: ServerTransaction, response: sip.Response) -> None:
        self.layer.respond(transaction, response, self.walk.now)
        self.flush()


@attrs.define(eq=False, kw_only=True)
class Leg:
    """A party's side of one call."""

    party: Party
    call_id: bytes
    replies: "itertools.cycle[Reply]"
    dialog: Dialog | None = None
    over: str = ""  # how it ended
    body: bytes = b""  # how it described itself last
    inviting: ClientTransaction | None = None  # an INVITE of its own without a final answer
    offered: bool = True  # that INVITE made an offer
    open: dict[ServerTransaction, sip.Request] = attrs.field(factory=dict)  # what it has not answered
    stubborn: set[ServerTransaction] = attrs.field(factory=set)
    waited: bool = False  # for an ACK that never came
    unacked: dict[int, ServerTransaction] = attrs.field(factory=dict)  # INVITEs it said 2xx to, by CSeq

    @property
    def stands(self) -> bool:
        return self.dialog is not None and not self.over and not self.party.dead

    def describe(self, offer: bytes, *, extra: int = 0) -> bytes:
        """Answer a description, or make an offer where there is none."""
        raise NotImplementedError

    # What it asks.

    def ask(self, method: bytes, body: bytes = b"") -> ClientTransaction | None:
        dialog, party = self.dialog, self.party
        if dialog is None or not self.stands:
            return None
        headers = ((b"Content-Type", SDP),) if body else ()
        request = dialog.request(method, headers=headers, body=body)
        return party.ask(self, request, party.way(*dialog.destination()))

    def invite(self, body: bytes) -> None:
        """Ask again, one at a time."""
        if self.inviting is None:
            self.offered = bool(body)
            self.inviting = self.ask(b"INVITE", body)

    def bye(self) -> None:
        if self.ask(b"BYE") is not None:
            self.end("sent BYE")

    def follow(self, steps: tuple[tuple[float, Step], ...]) -> None:
        """Do these things, one after the other."""
        wait = 0.0
        for pause, step in steps:
            wait += pause
            self.party.walk.after(wait, functools.partial(self._step, step))

    def _step(self, step: Step) -> None:
        if self.stands:
            self.actions()[step]()

    def actions(self) -> Mapping[Step, Callable[[], object]]:
        return {
            "re-invite": lambda: self.invite(self.describe(b"")),
            "re-invite without offer": lambda: self.invite(b""),
            "add a resource": lambda: self.invite(self.describe(b"", extra=1)),
            "remove a resource": lambda: self.invite(self.describe(b"", extra=-1)),
            "update": lambda: self.ask(b"UPDATE", self.describe(b"")),
            "info": lambda: self.ask(b"INFO"),
            "cancel": self.cancel,
            "bye": self.bye,
            "break": self.party.break_line,
            "die": self.die,
        }

    def cancel(self) -> None:
        if self.inviting is not None:
            self.party.layer.cancel(self.inviting, self.party.walk.now)
            self.party.flush()

    def die(self) -> None:
        self.party.dead = True

    # What it is told.

    def answered(self, transaction: ClientTransaction, response: sip.Response) -> None:
        if response.status < 200:
            return
        if transaction.method == b"INVITE":
            self.inviting = None
            if response.status < 300:
                self.accepted(transaction, response)
        if response.status in (408, 481):
            self.bye()

    def accepted(self, transaction: ClientTransaction, response: sip.Response) -> None:
        """Acknowledge the 2xx to a re-INVITE."""
        assert self.dialog is not None
        self.dialog.refresh_target(response)
        self.ack(transaction, b"" if self.offered else self.describe(response.body))

    def ack(self, transaction: ClientTransaction, body: bytes) -> None:
        assert self.dialog is not None
        headers = ((b"Content-Type", SDP),) if body else ()
        self.party.layer.ack(transaction, self.dialog.request(b"ACK", headers=headers, body=body))
        self.party.flush()

    def unanswered(self, transaction: ClientTransaction) -> None:
        if transaction is self.inviting:
            self.inviting = None
        self.bye()

    def asked(self, transaction: ServerTransaction, request: sip.Request) -> None:
        assert self.dialog is not None
        refusal = 481 if self.over and request.method != b"BYE" else self.dialog.accepts(request)
        if refusal is not None:
            self.party.respond(transaction, sip.response_to(request, refusal))
        elif request.method == b"BYE":
            self.party.respond(transaction, sip.response_to(request, 200))
            self.end(self.over or "got BYE")
        elif request.method in (b"INVITE", b"UPDATE"):
            self._consider(transaction, request)
        else:
            self.party.respond(transaction, sip.response_to(request, 200))

    def _consider(self, transaction: ServerTransaction, request: sip.Request) -> None:
        reply = next(self.replies)
        self.open[transaction] = request
        if reply.stubborn and request.method == b"INVITE":
            self.stubborn.add(transaction)
        if reply.rings and request.method == b"INVITE":
            self.party.respond(transaction, sip.response_to(request, 180))
        if reply.after is not None:
            what = functools.partial(self.reply, transaction, reply.status)
            self.party.walk.after(reply.after, what)

    def reply(self, transaction: ServerTransaction, status: int) -> None:
        """Answer, unless it was answered otherwise meanwhile."""
        request = self.open.pop(transaction, None)
        if request is None:
            return
        assert self.dialog is not None
        if status >= 300:
            self.party.respond(transaction, sip.response_to(request, status))
            return
        self.dialog.refresh_target(request)
        body = self.describe(request.body) if request.body or request.method == b"INVITE" else b""
        response = sip.response_to(
            request,
            status,
            headers=((b"Contact", self.party.contact),),
            body=body,
            content_type=SDP if body else None,
        )
        if request.method == b"INVITE":
            self.unacked[request.cseq[0]] = transaction
        self.party.respond(transaction, response)

    def cancelled(self, transaction: ServerTransaction) -> None:
        self.reply(transaction, 487)

    def acknowledged(self, ack: sip.Request) -> None:
        transaction = self.unacked.pop(ack.cseq[0], None)
        if transaction is not None:
            self.party.layer.acked(transaction, self.party.walk.now)

    def never_acknowledged(self) -> None:
        self.waited = True
        self.bye()

    def end(self, how: str) -> None:
        self.over = how
        for transaction in self.open.keys() - self.stubborn:
            self.reply(transaction, 487)


def control_lines(body: bytes) -> list[tuple[bytes, int, bytes]]:
    """Give resource, port and channel of each control line."""
    return [
        (media.attribute(b"resource") or b"", media.port or 0, media.attribute(b"channel") or b"")
        for media in Sdp.parse(body).media
        if media.kind == b"application"
    ]
