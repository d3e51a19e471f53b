"""The clockwork of SIP transactions: it moves them through their tables, and holds all their deadlines in one heap.

A transaction whose deadline moves to a later time keeps its place in the heap and is put back when that comes. One
that ends, or has nothing to wait for, leaves an empty place that holds nothing alive; when most places are empty the
heap is made anew. So whatever happens to one transaction costs O(log n).
"""

import heapq
import itertools
from typing import TYPE_CHECKING, Final

from mrcpwire._errors import LocalProtocolError
from mrcpwire._sip_transaction_tables import (
    BEGINS,
    NEVER,
    TRANSITIONS,
    Kind,
    Span,
    State,
    Step,
    Timers,
    schedule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mrcpwire._sip_transaction_flow import Flow

_FEW: Final = 64  # empty places that are never worth making the heap anew


class Place:
    """Where a transaction stands in the heap: the time it is looked at."""

    __slots__ = ("transaction", "when")

    def __init__(self, when: float, transaction: "Transaction") -> None:
        self.when = when
        self.transaction: Transaction | None = transaction


class Transaction:
    """What client and server transactions share: state, clocks, and what is sent when they ring."""

    __slots__ = (
        "__weakref__",
        "data",
        "ends_at",
        "flow",
        "kind",
        "method",
        "pause",
        "place",
        "repeats_at",
        "state",
    )

    def __init__(self, kind: Kind, method: bytes, flow: "Flow") -> None:
        self.kind = kind
        self.method = method
        self.flow = flow
        self.state = BEGINS[kind]
        self.data = b""  # what is sent again
        self.pause = NEVER
        self.repeats_at = NEVER
        self.ends_at = NEVER
        self.place: Place | None = None

    def __repr__(self) -> str:
        return f"<{self.kind.value} transaction {self.method!r} {self.state.value}>"

    @property
    def ended(self) -> bool:
        """Nothing comes of it any more."""
        return self.state is State.ENDED


class Machine:
    """Every transaction that lives, whichever its kind."""

    __slots__ = ("_empty", "_heap", "_schedules", "_serial", "alive")

    def __init__(self, timers: Timers) -> None:
        self._schedules = (schedule(timers, reliable=False), schedule(timers, reliable=True))
        self._heap: list[tuple[float, int, Place]] = []
        self._empty = 0
        self._serial = itertools.count()  # what is due at one time rings in the order it was set
        self.alive = 0

    def begin(self, transaction: Transaction, now: float) -> None:
        """Set a transaction going."""
        self.alive += 1
        self._enter(transaction, now)

    def next(self, transaction: Transaction, step: Step) -> State:
        """Tell where a step leads; raises `LocalProtocolError` where the table has none."""
        state = TRANSITIONS[transaction.kind][transaction.state].get(step)
        if state is None:
            raise LocalProtocolError(f"{transaction!r} takes no step {step.value!r}")
        return state

    def step(self, transaction: Transaction, step: Step, now: float) -> State:
        """Move a transaction; the state it was in."""
        before = transaction.state
        after = self.next(transaction, step)
        if after is not before:
            transaction.state = after
            self._enter(transaction, now)
        return before

    def repeated(self, transaction: Transaction, now: float) -> None:
        """Take note that it was sent again."""
        span = self._span(transaction)
        longest = NEVER if span is None else span.longest
        transaction.pause = min(2 * transaction.pause, longest)
        transaction.repeats_at = now + transaction.pause
        self._place(transaction)

    def due(self, now: float) -> Transaction | None:
        """Take a transaction one of whose clocks rings."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            transaction = heapq.heappop(heap)[2].transaction
            if transaction is None:
                self._empty -= 1
                continue
            transaction.place = None
            if min(transaction.repeats_at, transaction.ends_at) <= now:
                return transaction
            self._place(transaction)
        return None

    def next_deadline(self) -> float | None:
        """Tell when the next clock rings."""
        heap = self._heap
        while heap:
            when, _, place = heap[0]
            transaction = place.transaction
            if transaction is None:
                heapq.heappop(heap)
                self._empty -= 1
            elif min(transaction.repeats_at, transaction.ends_at) > when:
                heapq.heappop(heap)
                transaction.place = None
                self._place(transaction)
            else:
                return when
        return None

    def _span(self, transaction: Transaction) -> Span | None:
        spans: Mapping[State, Span] = self._schedules[transaction.flow.reliable][transaction.kind]
        return spans.get(transaction.state)

    def _enter(self, transaction: Transaction, now: float) -> None:
        """Set the clocks of the state it came into."""
        span = self._span(transaction)
        if transaction.state is State.ENDED:
            self.alive -= 1
            transaction.repeats_at = transaction.ends_at = NEVER
        elif span is None:
            return
        elif span.life == 0:
            self.step(transaction, Step.OVER, now)
            return
        else:
            if span.life is not None:
                transaction.ends_at = now + span.life
            transaction.pause = span.pause
            if not span.running:
                transaction.repeats_at = now + span.pause
        self._place(transaction)

    def _place(self, transaction: Transaction) -> None:
        """Give it a place that is early enough, or none where nothing is due."""
        when = min(transaction.repeats_at, transaction.ends_at)
        place = transaction.place
        if place is not None:
            if place.when <= when < NEVER:
                return
            place.transaction = None
            self._emptied()
        if when < NEVER:
            transaction.place = Place(when, transaction)
            heapq.heappush(self._heap, (when, next(self._serial), transaction.place))
        else:
            transaction.place = None

    def _emptied(self) -> None:
        self._empty += 1
        if self._empty > _FEW and self._empty * 2 > len(self._heap):
            self._heap[:] = [item for item in self._heap if item[2].transaction is not None]
            heapq.heapify(self._heap)
            self._empty = 0
