"""How calls end: early, late, twice, and with something still under way (S-05, S-06, S-09)."""

import pytest

from tests.mrcpv2.sip_stage import A, SipStage, answer, request


@pytest.mark.parametrize("then", ["ACK", "BYE", "nothing"])
def test_a_call_that_ends_before_its_ack_is_forgotten(then: str) -> None:  # RFC 3261 section 15
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    tag = stage.one().response.to.tag or b""
    stage.at(A).goes()
    assert stage.ends == ["backend/active"]
    assert stage.titles() == []  # a callee may not end what isn't acknowledged
    match then:
        case "ACK":
            stage.say(request(b"ACK", to_tag=tag, branch=b"ack", contact=False))
            assert stage.titles() == ["BYE"]
        case "BYE":
            stage.say(request(b"BYE", to_tag=tag, branch=b"bye", cseq=2))
            assert stage.titles() == ["200 BYE"]
            stage.passes(10)
            assert stage.titles() == []  # the 2xx is repeated no more
        case _:
            stage.passes(33)
            assert stage.titles()[-1] == "BYE"
    assert (stage.agent.calls, stage.agent.dialogs) == ({}, {})
    assert len(stage.ended) == 1


@pytest.mark.parametrize("when", ["while the call stands", "when it has ended", "when it was left"])
def test_a_second_2xx_of_an_invite_that_was_forked(when: str) -> None:  # S-03, RFC 3261 section 13.2.2.4
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    if when == "when it was left":
        stage.passes(2.1)
        stage.heard(A)
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    heard = stage.titles(A)
    assert heard == (["ACK", "BYE"] if when == "when it was left" else ["ACK"])
    if when == "when it has ended":
        stage.say(request(b"CANCEL", contact=False))
        assert stage.titles(A) == ["BYE"]
    stage.reply(invite, 200, answer(A, b"46@speechrecog"), tag=b"fork")
    ack, bye = stage.heard(A)
    assert (ack.title, bye.title) == ("ACK", "BYE")
    assert (ack.request.to.tag, bye.request.to.tag) == (b"fork", b"fork")
    assert (ack.request.cseq[0], bye.request.cseq[0]) == (1, 2)
    stage.reply(invite, 200, answer(A, b"46@speechrecog"), tag=b"fork")
    assert stage.titles(A) == ["ACK"]
