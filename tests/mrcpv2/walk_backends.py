"""The backends of a walk: they answer by plans, and take control connections."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import mrcpv2, sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ServerTransaction
from tests.mrcpv2.sip_stage import answer
from tests.mrcpv2.walk_network import DELAY, Line, Network
from tests.mrcpv2.walk_parties import SDP, Leg, Party, control_lines
from tests.mrcpv2.walk_plans import BackendPlan, Step

FIRST_PORT: Final = 20_000
PATIENCE: Final = 1.0  # seconds a backend waits for a BYE when its control connection is gone (A.10)


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
