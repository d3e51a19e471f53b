"""Two SIP user agents and a bad network between them: octets are lost, doubled and overtaken as Hypothesis likes."""

import functools
import heapq
import itertools
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import attrs
from hypothesis import strategies as st

from mrcpwire import sip
from mrcpwire.sip_transactions import (
    Answered,
    Cancelled,
    ClientTransaction,
    Event,
    Flow,
    NewRequest,
    ServerTransaction,
    Timers,
    Transactions,
)
from tests.mrcpwire.sip_transactions_stage import LIMITS, request

A, B = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
PATIENCE: Final = (
    100.0  # seconds after which the caller cancels: an INVITE that was heard has no end of its own
)
TAG: Final = b"b"

# When a datagram arrives, once for each copy. What comes later than T1 may find its transaction ended: nobody can
# tell it from a new one then.
fates = st.sampled_from(((0.01,), (0.01,), (), (0.3,), (0.01, 0.2), (0.4, 0.0)))
seconds = st.sampled_from((0.0, 0.1, 0.5, 1.0, 3.0, 20.0, 33.0))


@attrs.frozen(kw_only=True)
class Plan:
    """A request and what both users do about it."""

    method: bytes
    asked_at: float
    provisional: bool
    answered_after: float
    status: int
    cancelled_after: float | None
    acked_after: float


plans = st.builds(
    Plan,
    method=st.sampled_from((b"INVITE", b"INVITE", b"OPTIONS")),
    asked_at=seconds,
    provisional=st.booleans(),
    answered_after=seconds,
    status=st.sampled_from((200, 200, 486)),
    cancelled_after=st.none() | seconds,
    acked_after=seconds,
)


class Network:
    """Time, and what is on its way."""

    def __init__(
        self, plans: Iterable[Plan], fates: Iterable[tuple[float, ...]], transport: str = "udp"
    ) -> None:
        numbers = map(str, itertools.count())
        self.now = 0.0
        self.broken = False
        self.finals: dict[tuple[bytes | None, bytes], set[int]] = defaultdict(
            set
        )  # heard, by branch and method
        self._serial = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._fates = itertools.cycle(fates)
        self.plans = {b"%d" % number: plan for number, plan in enumerate(plans)}
        self.caller = Caller(self, Transactions(Timers(), lambda: next(numbers)), flow_of(transport, A, B))
        self.callee = Callee(self, Transactions(Timers(), lambda: next(numbers)), flow_of(transport, B, A))
        self.parties: tuple[Party, Party] = (self.caller, self.callee)
        for call, plan in self.plans.items():
            self.at(plan.asked_at, functools.partial(self.caller.ask, call, plan))

    def at(self, when: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (when, next(self._serial), what))

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        while (now := min(self._times(), default=None)) is not None:
            self.now = now
            if self._agenda and self._agenda[0][0] == now:
                heapq.heappop(self._agenda)[2]()
            for party in self.parties:
                party.ring()
            self._carry(self.caller, self.callee)
            self._carry(self.callee, self.caller)
            assert now < 1000.0

    def break_connection(self) -> None:
        self.broken = True
        for party in self.parties:
            party.lose()

    def _times(self) -> list[float]:
        times = [party.layer.next_deadline() for party in self.parties]
        return [time for time in times if time is not None] + [item[0] for item in self._agenda[:1]]

    def _carry(self, source: "Party", target: "Party") -> None:
        for _, data in source.layer.output():
            for delay in () if self.broken else next(self._fates):
                self.at(self.now + delay, functools.partial(target.hears, data))


def flow_of(transport: str, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
    return Flow(transport=transport, local=local, remote=remote, key="the way")


class Party:
    """A user agent; what its user is told is kept for each call, events by name and responses by status."""

    def __init__(self, network: Network, layer: Transactions, flow: Flow) -> None:
        self.network = network
        self.layer = layer
        self.flow = flow
        self.told: dict[bytes, list[str]] = defaultdict(list)
        self.calls: dict[ClientTransaction | ServerTransaction, bytes] = {}

    def hears(self, data: bytes) -> None:
        message = sip.parse_datagram(data, LIMITS)
        if isinstance(message, sip.Response) and message.status >= 200:
            self.network.finals[message.vias[0].branch, message.cseq[1]].add(message.status)
        event = self.layer.received(message, self.flow, self.network.now)
        if event is not None:
            self.tell(event)

    def ring(self) -> None:
        for event in self.layer.expire(self.network.now):
            self.tell(event)

    def lose(self) -> None:
        for event in self.layer.failed("the way", self.network.now):
            self.tell(event)

    def tell(self, event: Event) -> None:
        assert event.transaction is not None
        self.told[self.calls[event.transaction]].append(type(event).__name__)

    def forget(self) -> list["weakref.ref[ClientTransaction | ServerTransaction]"]:
        """Let go of every transaction, but for a look at whether somebody else holds on to it."""
        held = [weakref.ref(transaction) for transaction in self.calls]
        self.calls.clear()
        return held


class Caller(Party):
    """Asks, cancels, and acknowledges."""

    def ask(self, call: bytes, plan: Plan) -> None:
        network = self.network
        asked = request(plan.method, None, call_id=call)
        transaction = self.layer.request(asked, self.flow, network.now)
        self.calls[transaction] = call
        if plan.method == b"INVITE":
            for wait in (plan.cancelled_after, PATIENCE):
                if wait is not None:
                    network.at(network.now + wait, functools.partial(self._cancel, transaction))

    def tell(self, event: Event) -> None:
        if not isinstance(event, Answered):
            super().tell(event)
            return
        transaction, response = event.transaction, event.response
        call = self.calls[transaction]
        self.told[call].append(str(response.status))
        if response.status == 200 and transaction.method == b"INVITE":
            ack = request(b"ACK", None, call_id=call, to=response.to.to_bytes())
            wait = self.network.plans[call].acked_after
            self.network.at(self.network.now + wait, functools.partial(self.layer.ack, transaction, ack))

    def _cancel(self, transaction: ClientTransaction) -> None:
        self.layer.cancel(transaction, self.network.now)


class Callee(Party):
    """Answers, and answers no more once it was cancelled."""

    def __init__(self, network: Network, layer: Transactions, flow: Flow) -> None:
        super().__init__(network, layer, flow)
        self.serving: dict[bytes, NewRequest] = {}
        self.answers: dict[bytes, int] = {}

    def tell(self, event: Event) -> None:
        match event:
            case NewRequest(transaction=None):
                self._acked(event.request.call_id)
            case NewRequest():
                self._asked(event)
            case Cancelled():
                super().tell(event)
                self._answer(self.calls[event.transaction], 487)
            case _:
                super().tell(event)

    def _asked(self, event: NewRequest) -> None:
        assert event.transaction is not None
        call = event.request.call_id
        self.told[call].append("NewRequest")
        self.calls[event.transaction] = call
        self.serving[call] = event
        plan = self.network.plans[call]
        if plan.provisional:
            self._respond(call, 180)
        when = self.network.now + plan.answered_after
        self.network.at(when, functools.partial(self._answer, call, plan.status))

    def _answer(self, call: bytes, status: int) -> None:
        if call not in self.answers:
            self.answers[call] = status
            self._respond(call, status)

    def _respond(self, call: bytes, status: int) -> None:
        event = self.serving[call]
        assert event.transaction is not None
        response = sip.response_to(event.request, status, to_tag=TAG)
        self.layer.respond(event.transaction, response, self.network.now)

    def _acked(self, call: bytes) -> None:
        transaction = self.serving[call].transaction
        assert transaction is not None
        self.told[call].append("acked")
        self.layer.acked(transaction, self.network.now)

    def forget(self) -> list["weakref.ref[ClientTransaction | ServerTransaction]"]:
        self.serving.clear()
        return super().forget()
