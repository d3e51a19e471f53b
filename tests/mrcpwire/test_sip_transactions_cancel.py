"""CANCEL and what it meets on its way (S-06)."""

import pytest

from mrcpwire import LocalProtocolError
from mrcpwire.sip_transactions import Answered, ClientTransaction
from tests.mrcpwire.sip_transactions_stage import Stage, request


def cancel(stage: Stage, transaction: ClientTransaction) -> None:
    stage.layer.cancel(transaction, stage.now)
    stage.flush()


def ack(stage: Stage, transaction: ClientTransaction, tag: bytes = b"theirs") -> None:
    to = b"<sip:pool@192.0.2.1>;tag=" + tag
    stage.layer.ack(transaction, request(b"ACK", None, to=to))
    stage.flush()


def test_a_cancel_waits_for_a_provisional_response() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    cancel(stage, transaction)
    cancel(stage, transaction)
    stage.run(0.5)  # the INVITE may be lost
    assert stage.take_log() == ["INVITE", "INVITE"]
    stage.answer(100)
    stage.answer(180)
    cancel(stage, transaction)
    assert stage.take_log() == ["Answered", "CANCEL", "Answered"]
    stage.answer(200, to="CANCEL")
    stage.answer(487)
    assert stage.take_log() == ["Answered", "ACK"]
    stage.run(100.0)
    assert stage.take_log() == []
    assert stage.ended_at == 32.5


@pytest.mark.parametrize("before", [(), (180,)])
@pytest.mark.parametrize("status", [200, 486])
def test_a_final_response_may_cross_the_cancel(before: tuple[int, ...], status: int) -> None:
    """After a 2xx it is the user's turn: ACK and BYE."""
    stage = Stage()
    transaction = stage.request(b"INVITE")
    for provisional in before:
        stage.answer(provisional)
    cancel(stage, transaction)
    stage.take_log()
    event = stage.answer(status)
    assert isinstance(event, Answered)
    assert event.transaction is transaction
    assert stage.take_log() == (["Answered"] if status == 200 else ["Answered", "ACK"])
    if status == 200:
        ack(stage, transaction)
        stage.answer(200)
        assert stage.take_log() == ["ACK", "ACK"]
    stage.run(100.0)
    assert stage.ended_at == 32.0
    assert set(stage.take_log()) <= {"CANCEL"}  # it wants its own answer


@pytest.mark.parametrize("status", [200, 486])
@pytest.mark.parametrize("later", [0.0, 50.0])
def test_a_cancel_after_the_final_response_has_no_effect(status: int, later: float) -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(status)
    stage.run(later)
    stage.take_log()
    cancel(stage, transaction)
    assert stage.take_log() == []


def test_the_answer_to_a_cancel_is_not_told_nor_is_its_absence() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(180)
    cancel(stage, transaction)
    stage.take_log()
    assert stage.answer(100, to="CANCEL") is None
    assert stage.answer(481, to="CANCEL") is None
    assert stage.answer(481, to="CANCEL") is None
    stage.run(32.0)
    assert stage.take_log() == ["TimedOut"]


def test_only_an_invite_is_cancelled() -> None:
    stage = Stage()
    transaction = stage.request(b"OPTIONS")
    with pytest.raises(LocalProtocolError):
        cancel(stage, transaction)
