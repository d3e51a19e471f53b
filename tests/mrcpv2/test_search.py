"""Which backends a call is tried at, and what becomes of tries that were given up (S-02, S-03)."""

import pytest

from mrcpbalance.config import Address, Limits
from mrcpbalance.sessions import End, Phase, Who
from tests.mrcpv2.sip_stage import A, B, SipStage, answer, offer, request


@pytest.mark.parametrize("status", [487, 200])
def test_a_try_that_was_given_up_is_answered_after_all(status: int) -> None:
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.reply(invite, 180)
    stage.passes(21)
    assert "CANCEL" in stage.titles(A)
    stage.reply(invite, 183)
    stage.reply(invite, status, answer(A, b"45@speechrecog") if status == 200 else b"")
    assert stage.titles(A) == (["ACK", "BYE"] if status == 200 else ["ACK"])
    assert set(stage.titles()) == {"180 INVITE"}


def test_a_try_that_was_given_up_is_never_answered() -> None:
    stage = SipStage()
    stage.invite()
    stage.passes(3)
    stage.reply(stage.heard(B)[0], 200, answer(B, b"45@speechrecog"), host=B)
    stage.at(B).connects()
    ok = stage.one().response
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", contact=False))
    stage.passes(70)
    assert stage.ends == []
    assert (stage.agent.asking, len(stage.agent.transactions)) == ({}, 0)


def test_no_further_backend_is_tried_than_allowed() -> None:
    stage = SipStage(pool={"retries": 0})
    stage.invite()
    stage.reply(stage.one(A), 503)
    assert stage.titles() == ["503 INVITE"]
    assert stage.titles(B) == []


def test_a_backend_that_nothing_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SipStage(hosts=("2001:db8::5", B))
    monkeypatch.setattr(stage, "own_address", lambda _: "")
    stage.invite()
    assert stage.titles(B) == ["INVITE"]
    assert stage.taken == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("bound", "own"), [("127.0.0.1", b"192.0.2.1"), ("192.0.2.8", b"192.0.2.8"), ("0.0.0.0", b"192.0.2.1")]
)
def test_our_address_towards_a_backend(bound: str, own: bytes) -> None:  # nothing leads out from loopback
    stage = SipStage(listener={"bind": (Address(bound, 5060),)})
    stage.invite()
    invite = stage.one(A)
    assert b"\r\nVia: SIP/2.0/UDP %s:" % own in invite.request.to_bytes()
    assert b"c=IN IP4 %s\r\n" % own in invite.request.body


def test_a_request_uri_that_is_not_of_sip() -> None:  # S-02
    stage = SipStage()
    stage.say(request(b"INVITE", uri=b"tel:+15550100", body=offer()))
    assert stage.one(A).request.uri == b"sip:198.51.100.1:5060"


def test_the_process_ends_while_a_call_looks_for_a_backend() -> None:
    stage = SipStage()
    stage.invite()
    stage.agent.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert stage.titles() == ["503 INVITE"]
    assert stage.ends == ["operator/setup"]
    stage.say(request(b"ACK", contact=False))
    stage.passes(70)
    assert len(stage.agent.transactions) == 0


def test_calls_in_all_are_bounded() -> None:
    stage = SipStage(limits=Limits(sessions=1))
    stage.begin()
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.titles() == ["503 INVITE"]
    assert stage.context.tally.anomalies["sessions.limit"] == 1
    assert stage.ends == []


def test_an_offer_answered_in_the_ack_with_direct_control() -> None:  # S-05
    stage = SipStage(listener={"control": "direct"})
    stage.say(request(b"INVITE"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    ok = stage.one().response
    assert ok.body == answer(A, b"45@speechrecog")
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", body=offer(), contact=False))
    ack = stage.one(A)
    assert (ack.title, ack.request.body) == ("ACK", offer())


def test_a_fault_of_our_own_that_is_about_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SipStage()
    call = stage.begin()

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("mrcpbalance.mrcpv2._agent.Agent._options", fails)
    with pytest.raises(RuntimeError):
        stage.say(request(b"OPTIONS", branch=b"options"))
    call.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]
