"""Transactions by the thousand: one heap, no scans, nothing left behind."""

import gc
import itertools
import weakref

import pytest

from mrcpwire import sip
from mrcpwire._sip_transaction_machine import Machine, Transaction
from mrcpwire._sip_transaction_tables import Kind, Step
from mrcpwire.sip_transactions import NewRequest, TimedOut, Timers, Transactions
from tests.mrcpwire.sip_transactions_stage import TCP, UDP, Stage, request


def test_nothing_lives_at_first() -> None:
    stage = Stage()
    assert len(stage.layer) == 0
    assert stage.layer.next_deadline() is None
    assert stage.layer.output() == []
    assert stage.layer.expire(1000.0) == []


def test_output_empties() -> None:
    numbers = itertools.count()
    layer = Transactions(Timers(), lambda: str(next(numbers)))
    layer.request(request(b"OPTIONS", None), UDP, 0.0)
    layer.request(request(b"BYE", None), TCP, 0.0)
    sent = layer.output()
    assert [flow for flow, _ in sent] == [UDP, TCP]
    assert [data[:7] for _, data in sent] == [b"OPTIONS", b"BYE sip"]
    assert layer.output() == []


def test_deadlines_ring_in_the_order_of_their_times() -> None:
    stage = Stage()
    for time in (0.0, 0.2, 0.1):
        stage.now = time
        stage.request(b"OPTIONS", call_id=b"%d" % (10 * time))
    stage.take_log()
    stage.now = 0.2
    asked = []
    for until in (0.5, 0.6, 0.7):
        assert stage.layer.next_deadline() == pytest.approx(until)
        stage.run(until + 0.01)
        asked.append(stage.last_request().call_id)
    assert asked == [b"0", b"1", b"2"]


def test_what_is_due_at_one_time_rings_in_the_order_it_was_set() -> None:
    stage = Stage()
    asked = [stage.request(b"OPTIONS") for _ in range(10)]
    stage.run(100.0)
    assert stage.events == [TimedOut(transaction) for transaction in asked]


def test_what_ended_is_forgotten() -> None:
    stage = Stage(TCP)
    transaction = weakref.ref(stage.request(b"OPTIONS"))
    stage.answer(200)
    stage.events.clear()
    gc.collect()
    assert transaction() is None
    assert stage.layer.next_deadline() is None  # nor does its Timer F ring


def heap_size(machine: Machine) -> int:
    return len(machine._heap)


def test_empty_places_are_cleared_away() -> None:
    """Thousands of transactions that end long before their Timer F don't pile up."""
    machine = Machine(Timers())
    lasting = Transaction(Kind.CLIENT, b"OPTIONS", TCP)
    machine.begin(lasting, 0.0)
    most = 0
    for number in range(5000):
        transaction = Transaction(Kind.CLIENT, b"OPTIONS", TCP)
        machine.begin(transaction, number / 1000)
        machine.step(transaction, Step.SUCCESS, number / 1000)
        most = max(most, heap_size(machine))
    assert most < 100
    assert machine.alive == 1
    assert machine.due(32.0) is lasting
    assert machine.due(32.0) is None
    assert machine.next_deadline() is None


def test_empty_places_are_passed_over() -> None:
    machine = Machine(Timers())
    for _ in range(3):
        transaction = Transaction(Kind.CLIENT, b"OPTIONS", TCP)
        machine.begin(transaction, 0.0)
        machine.step(transaction, Step.SUCCESS, 0.0)
    assert heap_size(machine) == 3
    assert machine.due(100.0) is None
    assert heap_size(machine) == 0


def test_a_deadline_that_moves_later_keeps_its_place() -> None:
    machine = Machine(Timers())
    transaction = Transaction(Kind.CLIENT, b"OPTIONS", UDP)
    machine.begin(transaction, 0.0)
    machine.step(transaction, Step.SUCCESS, 0.2)  # Timer K, 5.2, after Timer E, 0.5
    assert heap_size(machine) == 1
    assert machine.due(1.0) is None
    assert machine.next_deadline() == 5.2


def test_ten_thousand_calls_at_once() -> None:
    """Each with its Timer L: a scan at any step would take minutes."""
    stage = Stage(limit=100_000)
    invite = request(b"INVITE")
    for number in range(10_000):
        top = b"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK%d" % number
        fields = invite.headers.with_(b"Via", top).with_(b"Call-ID", b"%d" % number)
        event = stage.layer.received(invite.with_headers(fields), UDP, number / 1000)
        assert isinstance(event, NewRequest)
        assert event.transaction is not None
        stage.layer.respond(event.transaction, sip.response_to(event.request, 200), number / 1000)
        stage.layer.acked(event.transaction, number / 1000)
        stage.layer.output()
        assert stage.layer.next_deadline() is not None
    assert len(stage.layer) == 10_000
    assert stage.layer.expire(31.9) == []
    assert stage.layer.expire(50.0) == []
    assert len(stage.layer) == 0
