"""The tables of the transaction machines: every state is reached, every row is used, by what users and peers can do."""

from collections.abc import Callable, Iterator

import pytest

from mrcpwire import LocalProtocolError
from mrcpwire._sip_transaction_tables import (
    BEGINS,
    TRANSITIONS,
    Kind,
    State,
    Step,
    Timers,
    schedule,
    step_of,
)
from mrcpwire.sip_transactions import ClientTransaction, ServerTransaction
from tests.mrcpwire.sip_transactions_stage import Stage, request

CLIENTS = (Kind.INVITE_CLIENT, Kind.CLIENT)
METHOD = {
    Kind.INVITE_CLIENT: b"INVITE",
    Kind.CLIENT: b"OPTIONS",
    Kind.INVITE_SERVER: b"INVITE",
    Kind.SERVER: b"OPTIONS",
}
TAGGED = b"<sip:pool@192.0.2.1>;tag=ours"

# The steps that lead to a state from where its machine begins.
WAYS: dict[Kind, dict[State, tuple[Step, ...]]] = {
    Kind.INVITE_CLIENT: {
        State.CALLING: (),
        State.CANCEL_DUE: (Step.CANCEL,),
        State.PROCEEDING: (Step.PROVISIONAL,),
        State.CANCELLING: (Step.PROVISIONAL, Step.CANCEL),
        State.COMPLETED: (Step.FAILURE,),
        State.ACCEPTED: (Step.SUCCESS,),
        State.ENDED: (Step.OVER,),
    },
    Kind.CLIENT: {
        State.TRYING: (),
        State.PROCEEDING: (Step.PROVISIONAL,),
        State.COMPLETED: (Step.SUCCESS,),
        State.ENDED: (Step.LOST,),
    },
    Kind.INVITE_SERVER: {
        State.PROCEEDING: (),
        State.CANCELLED: (Step.CANCEL,),
        State.COMPLETED: (Step.FAILURE,),
        State.CONFIRMED: (Step.FAILURE, Step.ACK),
        State.ACCEPTED: (Step.SUCCESS,),
        State.ACKNOWLEDGED: (Step.SUCCESS, Step.ACKED),
        State.ENDED: (Step.SUCCESS, Step.OVER),
    },
    Kind.SERVER: {
        State.TRYING: (),
        State.PROCEEDING: (Step.PROVISIONAL,),
        State.COMPLETED: (Step.SUCCESS,),
        State.ENDED: (Step.SUCCESS, Step.OVER),
    },
}


class Actor:
    """One transaction, and what can happen to it."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.stage = Stage()
        self.method = METHOD[kind]
        self.transaction: ClientTransaction | ServerTransaction
        if kind in CLIENTS:
            self.transaction = self.stage.request(self.method)
        else:
            self.stage.hears(request(self.method))
            self.transaction = self.stage.server

    def take(self, step: Step) -> None:
        deeds = AS_CLIENT if self.kind in CLIENTS else AS_SERVER
        deeds[step](self)

    def cancels(self) -> None:
        assert isinstance(self.transaction, ClientTransaction)
        self.stage.layer.cancel(self.transaction, self.stage.now)

    def acks(self) -> None:
        assert isinstance(self.transaction, ClientTransaction)
        self.stage.layer.ack(self.transaction, request(b"ACK", None, to=TAGGED))

    def hears(self, method: bytes) -> None:
        self.stage.hears(request(method))

    def waits(self) -> None:
        """Until the life of its state is over, and not a moment longer."""
        state = self.transaction.state
        while (due := self.stage.layer.next_deadline()) is not None and self.transaction.state is state:
            self.stage.run(due)


AS_CLIENT: dict[Step, Callable[[Actor], object]] = {
    Step.PROVISIONAL: lambda actor: actor.stage.answer(180),
    Step.SUCCESS: lambda actor: actor.stage.answer(200),
    Step.FAILURE: lambda actor: actor.stage.answer(486),
    Step.CANCEL: Actor.cancels,
    Step.ACK: Actor.acks,
    Step.OVER: Actor.waits,
    Step.LOST: lambda actor: actor.stage.lose_connection("socket"),
}
AS_SERVER: dict[Step, Callable[[Actor], object]] = {
    Step.PROVISIONAL: lambda actor: actor.stage.respond(180),
    Step.SUCCESS: lambda actor: actor.stage.respond(200),
    Step.FAILURE: lambda actor: actor.stage.respond(486),
    Step.REQUEST: lambda actor: actor.hears(actor.method),
    Step.CANCEL: lambda actor: actor.hears(b"CANCEL"),
    Step.ACK: lambda actor: actor.hears(b"ACK"),
    Step.ACKED: lambda actor: actor.stage.acked(),
    Step.OVER: Actor.waits,
}


def rows() -> Iterator[tuple[Kind, State, Step, State]]:
    for kind, table in TRANSITIONS.items():
        for state, row in table.items():
            for step, after in row.items():
                yield kind, state, step, after


def in_state(kind: Kind, state: State) -> Actor:
    actor = Actor(kind)
    for step in WAYS[kind][state]:
        actor.take(step)
    assert actor.transaction.state is state
    return actor


@pytest.mark.parametrize(
    ("kind", "state", "step", "after"), list(rows()), ids=lambda value: value.name.lower().replace("_", "-")
)
def test_every_row_is_used(kind: Kind, state: State, step: Step, after: State) -> None:
    actor = in_state(kind, state)
    actor.take(step)
    assert actor.transaction.state is after
    assert actor.transaction.ended is (after is State.ENDED)


def test_every_state_is_reached() -> None:
    for kind, table in TRANSITIONS.items():
        assert WAYS[kind].keys() == table.keys()
        assert set(table) >= {after for row in table.values() for after in row.values()}
        assert BEGINS[kind] in table


# What a user does against the table is his fault.
OWN_STEPS = {
    Kind.INVITE_CLIENT: (Step.CANCEL, Step.ACK),
    Kind.CLIENT: (Step.CANCEL, Step.ACK),
    Kind.INVITE_SERVER: (Step.PROVISIONAL, Step.SUCCESS, Step.FAILURE, Step.ACKED),
    Kind.SERVER: (Step.PROVISIONAL, Step.SUCCESS, Step.FAILURE, Step.ACKED),
}


@pytest.mark.parametrize("kind", Kind)
def test_a_missing_row_is_an_error(kind: Kind) -> None:
    for state, row in TRANSITIONS[kind].items():
        for step in set(OWN_STEPS[kind]) - row.keys():
            actor = in_state(kind, state)
            with pytest.raises(LocalProtocolError):
                actor.take(step)
            assert actor.transaction.state is state


@pytest.mark.parametrize("kind", Kind)
def test_what_a_peer_sends_has_a_row_in_every_state(kind: Kind) -> None:
    peers = {step for row in TRANSITIONS[kind].values() for step in row} - {
        *OWN_STEPS[kind],
        Step.OVER,
        Step.LOST,
    }
    for state, row in TRANSITIONS[kind].items():
        assert row.keys() >= (set() if state is State.ENDED else peers)


@pytest.mark.parametrize("reliable", [False, True])
def test_clocks_are_set_for_states_that_exist(reliable: bool) -> None:
    for kind, spans in schedule(Timers(), reliable=reliable).items():
        assert spans.keys() <= TRANSITIONS[kind].keys()


@pytest.mark.parametrize("reliable", [False, True])
def test_a_state_that_lasts_can_be_over(reliable: bool) -> None:
    """Nothing but a user's patience keeps a transaction where its table knows no end of time."""
    endless = {
        (kind, state)
        for kind, table in TRANSITIONS.items()
        for state, row in table.items()
        if Step.OVER not in row and state is not State.ENDED
    }
    assert endless == {
        (Kind.INVITE_CLIENT, State.PROCEEDING),
        (Kind.INVITE_SERVER, State.PROCEEDING),
        (Kind.INVITE_SERVER, State.CANCELLED),
        (Kind.SERVER, State.TRYING),
        (Kind.SERVER, State.PROCEEDING),
    }
    clocks = schedule(Timers(), reliable=reliable)
    for kind, state in endless:
        span = clocks[kind].get(state)
        assert span is None or span.life == float("inf")


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (100, Step.PROVISIONAL),
        (199, Step.PROVISIONAL),
        (200, Step.SUCCESS),
        (299, Step.SUCCESS),
        (300, Step.FAILURE),
        (699, Step.FAILURE),
    ],
)
def test_responses_are_steps(status: int, step: Step) -> None:
    assert step_of(status) is step
