"""The SIP user agent of one listener: what comes in finds its call, its dialog, or its answer (S-00, S-10, S-12)."""

from collections import OrderedDict
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.pool import Backend, Pool, Want
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Alarm, DatagramPort, Port
from mrcpbalance.sessions.watch import Watch
from mrcpwire import RemoteProtocolError, sip
from mrcpwire import sip_transactions as wire
from mrcpwire.sip_transactions import ClientTransaction, Flow, ServerTransaction

from . import _inside, _media, _relay
from ._call import Call
from ._control import ControlTable
from ._goodbye import undo
from ._network import Network, SipConnection
from ._pace import Pace
from ._routing import route_of_call
from ._search import Search
from ._side import Asking, Role, Side
from ._taps import Taps

REMEMBER: Final = 32.0  # seconds in which a BYE that crossed ours is still answered 200 (S-09): 64 * T1
REMEMBER_MOST: Final = 10_000
BRANCH_OCTETS: Final = 12
ALIAS_OCTETS: Final = 16  # 32 hex digits (E-03)
TAG_OCTETS: Final = 8
LARGEST_DATAGRAM: Final = (
    1300 - 120
)  # octets of a request without our Via; larger ones go by TCP (RFC 3261, 18.1.1)
type_key = tuple[bytes, bytes, bytes]
_LIMITS: Final = sip.Limits()


@attrs.define(eq=False)
class Agent:
    """Every call of one listener."""

    context: Context
    control_address: Address  # where callers open control connections, as they are told
    table: ControlTable
    direct: bool  # control connections go straight to the backend
    network: Network = attrs.field(init=False)
    transactions: wire.Transactions = attrs.field(init=False)
    taps: Taps = attrs.field(init=False)
    alarm: Alarm = attrs.field(init=False)
    pace: Pace = attrs.field(init=False)
    calls: dict[ServerTransaction, Call] = attrs.field(factory=dict)
    dialogs: dict[type_key, Side] = attrs.field(factory=dict)
    ended: "OrderedDict[type_key, float]" = attrs.field(factory=OrderedDict)
    asking: dict[ClientTransaction, Asking] = attrs.field(factory=dict)
    leaving: bool = False  # no new calls: a reload took the listener out
    about: Call | None = None  # the call that the event at hand is about
    largest_datagram: int = LARGEST_DATAGRAM

    @classmethod
    def of(cls, context: Context, own: Address, control: Address, *, direct: bool) -> "Agent":
        """Make the agent of a listener; its socket is given by `network.socket`."""
        agent = cls(context, control, ControlTable(), direct)
        agent.network = Network(context, agent, own, None)
        agent.transactions = wire.Transactions(
            wire.Timers(), lambda: context.mint(BRANCH_OCTETS), limit=context.limits.transactions
        )
        agent.taps = Taps(agent)
        agent.pace = Pace(context.limits.calls_per_second)
        agent.alarm = context.shell.alarm(agent._ring)
        return agent

    # What comes in.

    def datagram(self, port: DatagramPort, data: bytes, source: Address, now: float) -> None:
        """Take one datagram."""
        flow = self.network.flow_of(port, source)
        try:
            message = sip.parse_datagram(data, _LIMITS)
        except RemoteProtocolError as error:
            self.nonsense(error, source.host)
            if isinstance(error, sip.SipError) and error.answer is not None:
                self.network.send(flow, error.answer.to_bytes())
        else:
            self.message(message, flow, now, data)
        self.flush(now)

    def accept(self, port: Port, now: float) -> SipConnection:
        """Take over a TCP connection that a peer opened."""
        connection = SipConnection(self, (port.peer, port.peer_port), self.stream_receiver())
        connection.port = port
        connection.watch = Watch.of(connection, self.context.shell, self.context.timeouts, now)
        self.network.joined(connection)
        return connection

    def message(
        self, message: sip.Request | sip.Response, flow: Flow, now: float, raw: bytes | None = None
    ) -> None:
        """Take one message, and its octets where they are at hand; whoever calls flushes after it."""
        self.taps.newest = raw or message
        if self.context.register.tapped or self.taps.late:
            self.taps.received(message, flow, now)
        event = self.transactions.received(message, flow, now)
        if event is not None:
            self._guarded(event, now)

    def _guarded(self, event: wire.Event, now: float) -> None:
        """Handle an event; a fault of our own ends the call it is about, in order, and is then told."""
        self.about = None
        try:
            self._event(event, now)
        except Exception:
            call = self._subject()
            if call is not None:
                call.end(End(Who.PROXY, Phase.ACTIVE), now)
            raise

    def _subject(self) -> Call | None:
        return self.about

    def connection_lost(self, connection: SipConnection, now: float) -> None:
        """Tell the transactions that waited on a connection."""
        for event in self.transactions.failed(connection, now):
            self._guarded(event, now)
        self.flush(now)

    def _ring(self, now: float) -> None:
        for event in self.transactions.expire(now):
            self._guarded(event, now)
        self.flush(now)

    def nonsense(self, error: RemoteProtocolError, source: str) -> None:
        """Count what can't be read."""
        self.context.tally.count(error.code, error.rule)

    def flush(self, now: float) -> None:
        """Send what is to be sent, and wait for what is due next."""
        tapped = self.context.register.tapped or self.taps.late
        for flow, data in self.transactions.output():
            if tapped:
                self.taps.sent(data, flow, now)
            self.network.send(flow, data)
        due = self.transactions.next_deadline()
        if due is None:
            self.alarm.clear()
        else:
            self.alarm.set(due)

    # Events.

    def _event(self, event: wire.Event, now: float) -> None:
        match event:
            case wire.NewRequest(transaction=None):
                self._ack(event.request, now)
            case wire.NewRequest(transaction=transaction) if transaction is not None:
                self._request(transaction, event.request, event.flow, now)
            case wire.Answered():
                self._answered(event.transaction, event.response, now)
            case wire.Cancelled():
                self.about = call = self.calls[event.transaction]
                call.cancelled(event.transaction, now)
            case wire.TimedOut() | wire.TransportFailed():
                asking = self.asking.pop(event.transaction)
                self.about = asking.call
                asking.unanswered(event.transaction, now)
            case wire.NeverAcked():
                self._never_acked(event.transaction, now)
            case _:  # AckReceived: nobody waits for it
                pass

    def _answered(self, transaction: ClientTransaction, response: sip.Response, now: float) -> None:
        asking = self.asking.get(transaction)
        if asking is None:  # the 2xx of another fork, since one was taken
            undo(self, transaction, response, now)
            return
        self.about = asking.call
        if response.status >= 200:  # noqa: PLR2004 - final
            del self.asking[transaction]
        asking.answered(transaction, response, now)

    def _never_acked(self, transaction: ServerTransaction, now: float) -> None:
        self.about = call = self.calls[transaction]  # what ends before takes its 2xx for acknowledged
        call.never_acknowledged(transaction, now)

    def _ack(self, request: sip.Request, now: float) -> None:
        side = self._side_of(request)
        if side is None:
            return
        self.about = call = side.call
        if call.passing is not None and call.passing.is_acked_by(side, request):
            call.passing.acked(request, now)
        elif side.role is Role.CALLER:
            call.acknowledged(request, now)

    def _request(self, transaction: ServerTransaction, request: sip.Request, flow: Flow, now: float) -> None:
        if request.to.tag is not None:
            side = self._side_of(request)
            if side is not None:
                self.about = side.call
                _inside.handle(side, transaction, request, now)
            else:
                crossed = request.method == b"BYE" and self._key_of(request) in self.ended
                self.respond(transaction, sip.response_to(request, 200 if crossed else 481), now)
        elif request.method == b"INVITE":
            self._invite(transaction, request, flow, now)
        elif request.method == b"OPTIONS":
            self._options(transaction, request, flow, now)
        else:
            self.respond(transaction, sip.response_to(request, 405, headers=((b"Allow", _relay.ALLOW),)), now)

    @staticmethod
    def _key_of(request: sip.Request) -> type_key:
        return (request.call_id, request.to.tag or b"", request.from_.tag or b"")

    def _side_of(self, request: sip.Request) -> Side | None:
        return self.dialogs.get(self._key_of(request))

    # A new call.

    def _invite(self, transaction: ServerTransaction, request: sip.Request, flow: Flow, now: float) -> None:
        refusal = self._refusal(request)
        if refusal is not None:
            self.respond(transaction, refusal, now)
            return
        context = self.context
        if not self.pace.allows(flow.remote[0], now):
            context.tally.count("sip.too-many-calls")
            self.respond(transaction, sip.response_to(request, 503), now)
            return
        route = route_of_call(context.routes, request, flow.remote[0])
        record = context.begin("mrcpv2", flow.remote[0], route, now)
        if record is not None:
            self.taps.begun(record, request, flow, now)
        if record is None or not self._takes_calls(flow):
            context.tally.count("sessions.limit" if record is None else "sessions.draining")
            self.respond(transaction, sip.response_to(request, 503), now)
            if record is not None:
                context.register.end(record, End(Who.PROXY, Phase.SETUP), now)
            return
        call = Call(self, record, request, transaction, flow, context.mint(TAG_OCTETS).encode())
        self.about = call
        resources = call.wanted()
        record.resources = resources
        context.register.key(record, request.call_id.decode("latin-1"))
        first = resources[0] if resources else None
        call.search = Search(call, route.pool, Want("sip", first, flow.remote[0], also=resources[1:]))
        self.calls[transaction] = call
        call.search.next(now)

    @staticmethod
    def _refusal(request: sip.Request) -> sip.Response | None:
        """Answer an INVITE that can't become a call (S-01)."""
        if request.max_forwards == 0:
            return sip.response_to(request, 483)
        unsupported = _relay.unsupported(request)
        if unsupported:
            return sip.response_to(request, 420, headers=((b"Unsupported", unsupported),))
        if request.body and request.content_type != b"application/sdp":
            return sip.response_to(request, 415, headers=((b"Accept", b"application/sdp"),))
        return None

    def _takes_calls(self, flow: Flow) -> bool:
        return self.network.takes_calls(flow) and not (self.leaving or self.context.draining())

    def _options(self, transaction: ServerTransaction, request: sip.Request, flow: Flow, now: float) -> None:
        """Answer for the pool that a call to the same URI would go to (S-12)."""
        pool = route_of_call(self.context.routes, request, flow.remote[0]).pool
        want = Want("sip", None, "")
        usable = any(verdict.excluded is None for its in pool.chain for verdict in its.explain(want, now))
        if not usable or not self._takes_calls(flow):
            self.respond(transaction, sip.response_to(request, 503), now)
            return
        headers = ((b"Allow", _relay.ALLOW), (b"Accept", b"application/sdp"), (b"Supported", b"timer"))
        body = self._offered(pool)
        kind = b"application/sdp" if body else None
        told = sip.response_to(request, 200, headers=headers, body=body, content_type=kind)
        self.respond(transaction, told, now)

    def _offered(self, pool: Pool) -> bytes:
        """Describe the resources of a pool (A.11), where its backends are configured to have certain ones."""
        backends = [backend for its in pool.chain for backend in its.config.backends.values()]
        resources = {resource for backend in backends for resource in backend.resources or ()}
        if not resources or any(backend.resources is None for backend in backends):
            return b""
        return _media.offered(self.network.own.host, sorted(resources))

    # What calls use.

    def ask(self, request: sip.Request, flow: Flow, asking: Asking, now: float) -> ClientTransaction:
        """Send a request; whoever asks is told of every answer."""
        transaction = self.transactions.request(request, flow, now)
        self.asking[transaction] = asking
        self.flush(now)
        return transaction

    def respond(self, transaction: ServerTransaction, response: sip.Response, now: float) -> None:
        """Send a response; a final one bears a To-tag (RFC 3261 section 8.2.6.2)."""
        if response.status > 100 and response.to.tag is None:  # noqa: PLR2004 - all but 100
            tagged = response.to.with_tag(self.context.mint(TAG_OCTETS).encode())
            response = response.with_headers(response.headers.with_(b"To", tagged.to_bytes()))
        self.transactions.respond(transaction, response, now)
        self.flush(now)

    def contact(self, flow: Flow) -> bytes:
        """Write our Contact for peers on this flow."""
        host, port = flow.local
        parameter = b";transport=tcp" if flow.transport == "tcp" else b""
        return b"<sip:%s%s>" % (str(Address(host, port)).encode(), parameter)

    def new_alias(self) -> str:
        """Make the id part of a channel alias (E-03)."""
        return self.context.mint(ALIAS_OCTETS)

    def know(self, side: Side) -> None:
        """Let a dialog's requests be found."""
        self.dialogs[side.dialog.key()] = side
        self.network.hold(side.flow)

    def forget(self, side: Side, now: float) -> None:
        """Forget a dialog, but for a BYE that may cross ours."""
        key = side.dialog.key()
        del self.dialogs[key]
        self.network.release(side.flow, now)
        self.ended[key] = now + REMEMBER
        while self.ended and (len(self.ended) > REMEMBER_MOST or next(iter(self.ended.values())) <= now):
            self.ended.popitem(last=False)

    def over(self, call: Call) -> None:
        """Forget a call that has ended."""
        if call.caller is None:
            self.calls.pop(call.server, None)

    def stream_receiver(self) -> sip.StreamReceiver:
        """Make the receiver of a TCP connection."""
        return sip.StreamReceiver(_LIMITS)

    def live_calls(self) -> list[Call]:
        """Give every call that has not ended."""
        calls = [*self.calls.values(), *(side.call for side in self.dialogs.values())]
        return [call for call in dict.fromkeys(calls) if call.ended is None]

    def move(self, own: Address, control: Address, *, direct: bool) -> None:
        """Tell callers other addresses from now on."""
        self.network.move(own)
        self.control_address, self.direct = control, direct

    def close(self) -> None:
        """Be gone: no call is left."""
        self.alarm.clear()
        self.network.close()

    def owes(self, connection: SipConnection) -> bool:
        """Tell whether somebody waits on this connection for the answer to an INVITE."""
        calls = [call for call in self.live_calls() if call.flow.key is connection]
        return not all(call.told and call.passing is None for call in calls)

    def stop(self, end: End, now: float) -> None:
        """End every call, now."""
        for call in self.live_calls():
            call.end(end, now)
        self.flush(now)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """End the calls that live on a backend, have those it was asked to take go elsewhere; the others live on."""
        for call in self.live_calls():
            if call.record.seat is not None and call.record.seat.backend is backend:
                call.leave(end, now)
        self.flush(now)
