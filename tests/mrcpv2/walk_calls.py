"""A caller and backends that act by the plans of a walk, and the control connections between them."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.mrcpv2 import ControlCaller
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import mrcpv2, sip
from mrcpwire.sdp import Sdp
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, ServerTransaction
from tests.mrcpv2.sip_stage import PHONE, A, B, answer, offer
from tests.mrcpv2.walk_network import DELAY, Line, Network, WalkPort
from tests.mrcpv2.walk_parties import SDP, Leg, Party
from tests.mrcpv2.walk_plans import BackendPlan, CallerPlan, Plan, Step

FIRST_PORT: Final = 20_000
PATIENCE: Final = 1.0  # seconds a backend waits for a BYE when its control connection is gone (A.10)


def control_lines(body: bytes) -> list[tuple[bytes, int, bytes]]:
    """Give resource, port and channel of each control line."""
    return [
        (media.attribute(b"resource") or b"", media.port or 0, media.attribute(b"channel") or b"")
        for media in Sdp.parse(body).media
        if media.kind == b"application"
    ]


# Callers.


class Front:
    """A control connection of the caller; what comes on it must be what was asked on it, or an event of its channels."""

    def __init__(self, caller: "Caller") -> None:
        walk = caller.walk
        port = WalkPort(walk, caller.address.host)
        self.line = Line(walk, port, self, stands=True)
        port.owner = ControlCaller.of(walk.context, walk.agent.table, port, walk.now)
        self.receiver = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        self.legs: dict[bytes, CallerLeg] = {}  # by alias
        self.open: set[tuple[bytes, int]] = set()

    def use(self, leg: "CallerLeg", alias: bytes, request_id: int) -> None:
        self.legs[alias] = leg
        self.open.add((alias, request_id))
        self.line.says(mrcpv2.request(b"GET-PARAMS", request_id, alias))

    def octets(self, line: Line, data: bytes) -> None:
        self.receiver.receive_data(data)
        while (message := self.receiver.next_event()) is not None:
            assert message.kind is mrcpv2.Kind.RESPONSE
            self.open.remove((message.channel, message.request_id))

    def notes(self, data: bytes, *, by_proxy: bool) -> None:
        pass

    def lost(self, line: Line) -> None:
        """End the calls whose channels went with it, as callers do."""
        for leg in self.legs.values():
            leg.party.walk.after(DELAY, leg.bye)


class Caller(Party):
    """Calls, and shares its control connections where it is told that it may."""

    def __init__(self, walk: Network, transport: str) -> None:
        super().__init__(walk, PHONE, transport)
        self.fronts: list[Front] = []

    def front(self, *, shared: bool) -> Front:
        live = [front for front in self.fronts if not front.line.gone]
        if not shared or not live:
            live.append(Front(self))
            self.fronts.append(live[-1])
        return live[-1]

    def call(self, number: int, plan: CallerPlan) -> None:
        leg = CallerLeg(
            party=self, call_id=b"call-%d" % number, replies=itertools.cycle(plan.replies), plan=plan
        )
        self.legs.append(leg)
        self.walk.after(plan.at, leg.start)


@attrs.define(eq=False, kw_only=True)
class CallerLeg(Leg):
    """A call as its caller sees it."""

    party: Caller
    plan: CallerPlan
    requests: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))
    resources: list[tuple[bytes, int]] = attrs.field(factory=list)  # and whether their lines are in use
    front: Front | None = None
    aliases: list[bytes] = attrs.field(factory=list)
    invite_request: sip.Request | None = None
    cancelled_it: bool = False

    def start(self) -> None:
        if self.party.dead:
            self.over = "never began"
            return
        plan, address = self.plan, str(self.party.address).encode()
        self.resources = [(resource, 9) for resource in plan.resources]
        body = self._offer(plan.connection) if plan.offers else b""
        headers = [
            (b"Max-Forwards", b"70"),
            (b"From", b"<sip:ivr@%s>;tag=%s" % (address, self.call_id)),
            (b"To", b"<sip:asr@192.0.2.1>"),
            (b"Call-ID", self.call_id),
            (b"CSeq", b"1 INVITE"),
            (b"Contact", self.party.contact),
        ]
        if body:
            headers.append((b"Content-Type", SDP))
        request = sip.Request(
            method=b"INVITE", uri=b"sip:asr@192.0.2.1:5060", headers=sip.SipHeaders.of(headers), body=body
        )
        self.invite_request = request
        self.offered = plan.offers
        way = self.party.way("192.0.2.1", 5060, self.party.transport)
        self.inviting = self.party.ask(self, request, way)
        if plan.cancelled_after is not None:
            self.party.walk.after(plan.cancelled_after, self._cancel_call)

    def _cancel_call(self) -> None:
        if self.dialog is None and self.inviting is not None and not self.party.dead:
            self.cancelled_it = True
            self.cancel()

    def _offer(self, connection: bytes = b"existing") -> bytes:
        self.body = offer(
            *(resource for resource, _ in self.resources),
            connection=connection,
            ports=tuple(port for _, port in self.resources),
        )
        return self.body

    def describe(self, offer: bytes, *, extra: int = 0) -> bytes:
        if extra > 0:
            self.resources.append((b"recorder", 9))
        elif extra < 0 and self.resources:
            self.resources[-1] = (self.resources[-1][0], 0)
        return self._offer()

    def answered(self, transaction: ClientTransaction, response: sip.Response) -> None:
        if self.dialog is None and response.status >= 300:
            self.inviting = None
            self.over = f"refused {response.status}"
        else:
            super().answered(transaction, response)

    def unanswered(self, transaction: ClientTransaction) -> None:
        if self.dialog is None:
            self.inviting = None
            self.over = "unanswered"
        else:
            super().unanswered(transaction)

    def accepted(self, transaction: ClientTransaction, response: sip.Response) -> None:
        if self.dialog is not None:
            super().accepted(transaction, response)
            self._read(response.body)
            return
        assert self.invite_request is not None
        self.dialog = Dialog.as_uac(self.invite_request, response, self.party.contact)
        self._read(response.body)
        if self.plan.acked_after is not None or self.cancelled_it:
            wait = 0.0 if self.cancelled_it else self.plan.acked_after or 0.0
            body = b"" if self.offered else self.describe(response.body)
            self.party.walk.after(wait, functools.partial(self._ack_call, transaction, body))

    def _ack_call(self, transaction: ClientTransaction, body: bytes) -> None:
        if self.party.dead:
            return
        self.ack(transaction, body)
        if self.cancelled_it:
            self.bye()
        elif self.plan.uses_control:
            self.use_control(shared=self.plan.connection == b"existing")
        self.follow(self.plan.steps)

    def _read(self, body: bytes) -> None:
        self.aliases = [channel for _, port, channel in control_lines(body) if port and channel]

    # The control plane.

    def use_control(self, *, shared: bool) -> None:
        if not self.stands or not self.aliases or self.party.walk.agent.direct:
            return
        if self.front is None or self.front.line.gone:
            self.front = self.party.front(shared=shared)
        for alias in dict.fromkeys(self.aliases):
            self.front.use(self, alias, next(self.requests))

    def lose_control(self) -> None:
        if self.front is not None:
            self.front.line.breaks(reset=True)

    def actions(self) -> Mapping[Step, Callable[[], object]]:
        return {
            **super().actions(),
            "lose control": self.lose_control,
            "come back": lambda: self.use_control(shared=True),
        }


# Backends.


class Backend(Party):
    """Answers calls."""

    def __init__(self, walk: Network, host: str, transport: str, plans: Iterator[BackendPlan]) -> None:
        super().__init__(walk, Address(host, 5060), transport)
        self.plans = plans
        self.numbers = itertools.count(40)  # of channels; other backends have the same

    def invited(self, transaction: ServerTransaction, request: sip.Request) -> None:
        plan = next(self.plans)
        number = next(self.numbers)
        leg = BackendLeg(
            party=self,
            call_id=request.call_id,
            replies=itertools.cycle(plan.replies),
            plan=plan,
            number=number,
            controls=itertools.cycle(plan.controls),
            initial_request=request,
        )
        self.legs.append(leg)
        self.serving[transaction] = leg
        leg.begin(transaction)


@attrs.define(eq=False, kw_only=True)
class BackendLeg(Leg):
    """A call as a backend sees it."""

    party: Backend
    plan: BackendPlan
    number: int
    controls: Iterator[str]
    initial_request: sip.Request
    initial: ServerTransaction | None = None  # while it has no final answer
    port: int = 0
    leaving: bool = False
    lines: dict[Line, mrcpv2.Receiver] = attrs.field(factory=dict)
    resources: list[tuple[bytes, int]] = attrs.field(factory=list)

    @property
    def tag(self) -> bytes:
        return b"%s-%d" % (self.party.address.host.encode(), self.number)

    def begin(self, transaction: ServerTransaction) -> None:
        walk, plan = self.party.walk, self.plan
        self.initial = transaction
        self._open_port()
        if plan.rings_after is not None:
            walk.after(plan.rings_after, self._ring)
        if plan.answers_after is not None:
            walk.after(plan.answers_after, functools.partial(self._answer, plan.status))

    def _open_port(self) -> None:
        control = self.party.walk.control
        self.port = FIRST_PORT + len(control)
        control[self.port] = self.called

    def _ring(self) -> None:
        if self.initial is not None and not self.party.dead:
            self.party.respond(self.initial, sip.response_to(self.initial_request, 180, to_tag=self.tag))

    def _answer(self, status: int) -> None:
        transaction, self.initial = self.initial, None
        if transaction is None or self.party.dead:
            return
        contact = ((b"Contact", self.party.contact),)
        body = self.describe(self.initial_request.body) if status == 200 else b""
        response = sip.response_to(
            self.initial_request,
            status,
            to_tag=self.tag,
            headers=contact,
            body=body,
            content_type=SDP if body else None,
        )
        if status == 200:
            self.dialog = Dialog.as_uas(self.initial_request, self.tag, self.party.contact)
            self.unacked[self.initial_request.cseq[0]] = transaction
        else:
            self.over = f"refused {status}"
        self.party.respond(transaction, response)

    def acknowledged(self, ack: sip.Request) -> None:
        began = ack.cseq[0] in self.unacked and ack.cseq[0] == self.initial_request.cseq[0]
        super().acknowledged(ack)
        if began and self.leaving:
            self.bye()
        elif began:
            self.follow(self.plan.steps)

    def bye(self) -> None:
        """End it, but not before the ACK (RFC 3261 section 15)."""
        self.leaving = True
        if self.waited or self.initial_request.cseq[0] not in self.unacked:
            super().bye()

    def cancelled(self, transaction: ServerTransaction) -> None:
        if transaction is self.initial:
            self._answer(487)
        else:
            super().cancelled(transaction)

    def describe(self, offer: bytes, *, extra: int = 0) -> bytes:
        if offer:
            self.resources = [(resource, port) for resource, port, _ in control_lines(offer)]
        elif not self.resources:
            self.resources = [(b"speechrecog", 9)]
        if self.plan.elsewhere:
            self._open_port()
        channels = (b"%d@%s" % (self.number, resource) for resource, _ in self.resources)
        ports = tuple(self.port if port else 0 for _, port in self.resources)
        host = self.party.address.host
        self.body = answer(host, *channels, connection=self.plan.connection, ports=ports)
        return self.body if self.plan.sound else self.body.replace(b"a=channel:", b"a=chan:")

    # The control plane.

    def called(self, line: Line) -> None:
        walk = self.party.walk
        line.end = self
        self.lines[line] = mrcpv2.Receiver(mrcpv2.Policy.STRICT)
        match next(self.controls):
            case "stands":
                walk.after(DELAY, line.stand)
            case "refused":
                walk.after(DELAY, functools.partial(line.fail, CloseReason.REFUSED))
            case _:
                walk.after(
                    walk.context.timeouts.connect, functools.partial(line.fail, CloseReason.CONNECT_TIMEOUT)
                )

    def octets(self, line: Line, data: bytes) -> None:
        receiver = self.lines[line]
        receiver.receive_data(data)
        while (message := receiver.next_event()) is not None:
            assert message.channel.partition(b"@")[0] == b"%d" % self.number
            line.says(mrcpv2.response(message.request_id, 200, b"COMPLETE", message.channel))

    def notes(self, data: bytes, *, by_proxy: bool) -> None:
        pass

    def lost(self, line: Line) -> None:
        if self.stands:
            self.party.walk.after(PATIENCE, self.bye)

    def lose_control(self) -> None:
        for line in self.lines:
            line.breaks(reset=self.number % 2 == 0)
        self.party.walk.after(PATIENCE, self.bye)

    def actions(self) -> Mapping[Step, Callable[[], object]]:
        return {**super().actions(), "lose control": self.lose_control, "come back": lambda: None}


# The whole walk.


def standing(legs: Iterable[Leg]) -> set[bytes]:
    return {leg.call_id for leg in legs if leg.stands}


class Walk(Network):
    """A proxy between a caller and two backends."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.fates, plan.backend_transport, direct=plan.direct)
        plans = itertools.cycle(plan.backends)
        self.caller = Caller(self, plan.caller_transport)
        self.backends = [Backend(self, host, plan.backend_transport, plans) for host in (A, B)]
        self.half: set[bytes] = set()  # calls that stood on one side only when all was quiet
        for number, call in enumerate(plan.callers):
            self.caller.call(number, call)
        for party in self.parties:
            party.loses_byes = plan.loses_byes

    @property
    def parties(self) -> list[Party]:
        return [self.caller, *self.backends]

    @property
    def served(self) -> list[BackendLeg]:
        """Every call that reached a backend."""
        return [leg for backend in self.backends for leg in backend.legs if isinstance(leg, BackendLeg)]

    def run(self) -> None:
        """Let everything happen that was planned, end what still stands, and wait until nothing is left to happen."""
        self.passes(200.0)
        if not any(party.dead for party in self.parties):
            self.half = standing(self.caller.legs) ^ standing(self.served)
        for leg in self.caller.legs:
            leg.bye()
        self.passes(100.0)
        if self.caller.dead:
            for leg in self.served:
                leg.bye()
            self.agent.stop(End(Who.OPERATOR, Phase.ACTIVE), self.now)  # calls all of whose parties are gone
        self.passes(1000.0)  # idle connections end too
