"""What an operator's word that a backend is to be left does to calls: those not yet answered go elsewhere."""

import pytest

from mrcpbalance.sessions import End, Phase, Who
from tests.mrcpv2.sip_stage import A, B, SipStage, answer, request

OPERATOR = End(Who.OPERATOR, Phase.ACTIVE)


def disable(stage: SipStage, name: str) -> None:
    backend = stage.context.pool.backends[name]
    backend.disable()
    stage.agent.leave(backend, OPERATOR, stage.now)


def accept(stage: SipStage, host: str) -> None:
    stage.reply(stage.heard(host)[0], 200, answer(host, b"45@speechrecog"), host=host)
    stage.at(host).connects()
    ok = stage.one().response
    assert ok.status == 200
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", contact=False))


@pytest.mark.parametrize("late", [487, 200])
def test_a_call_that_rings_goes_elsewhere(late: int) -> None:  # S-03
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.reply(invite, 180)
    assert stage.titles() == ["180 INVITE"]
    disable(stage, "a")
    assert stage.titles(A) == ["CANCEL"]
    accept(stage, B)
    stage.reply(invite, late, answer(A, b"45@speechrecog") if late == 200 else b"")
    assert stage.titles(A) == (["ACK", "BYE"] if late == 200 else ["ACK"])
    assert stage.ends == []
    assert stage.taken == {"a": 0, "b": 1}
    assert stage.context.pool.backends["a"].failures == 0


def test_a_call_that_waits_for_its_control_connection_goes_elsewhere() -> None:  # S-05
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    disable(stage, "a")
    assert stage.titles(A) == ["ACK", "BYE"]
    accept(stage, B)
    assert (stage.ends, stage.taken) == ([], {"a": 0, "b": 1})


def test_a_call_that_stands_ends_and_others_live_on() -> None:
    stage = SipStage()
    stage.invite()
    accept(stage, A)
    stage.heard(A)
    disable(stage, "b")
    assert stage.ends == []
    disable(stage, "a")
    assert (stage.titles(A), stage.titles(), stage.ends) == (["BYE"], ["BYE"], ["operator/active"])


def test_with_nobody_else_it_is_refused() -> None:
    stage = SipStage()
    stage.context.pool.backends["b"].disable()
    stage.invite()
    stage.heard(A)
    disable(stage, "a")
    assert stage.titles() == ["503 INVITE"]
    assert stage.taken == {"a": 0, "b": 0}
