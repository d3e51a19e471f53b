"""The caller of a walk: its calls go by plans, and share control connections where they may."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping

import attrs

from mrcpbalance.mrcpv2 import ControlCaller
from mrcpwire import mrcpv2, sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction
from tests.mrcpv2.sip_stage import PHONE, offer
from tests.mrcpv2.walk_network import DELAY, Line, Network, WalkPort
from tests.mrcpv2.walk_parties import SDP, Leg, Party, control_lines
from tests.mrcpv2.walk_plans import CallerPlan, Step


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
