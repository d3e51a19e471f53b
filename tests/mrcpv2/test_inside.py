"""Re-INVITEs, UPDATEs and others inside a call: passed on, answered, cancelled, crossing, left without an answer (S-07)."""

import pytest

from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import sip
from tests.mrcpv2.sip_stage import PHONE, A, CallOnStage, Heard, SipStage, answer, offer, request
from tests.stage import StagePort

REFRESHED = answer(A, b"45@speechrecog", connection=b"existing")


def caller_replies(
    stage: SipStage, to: Heard, status: int, body: bytes = b"", *headers: tuple[bytes, bytes]
) -> None:
    """Let the caller answer a request it heard."""
    contact = (b"Contact", b"<sip:ivr@192.0.2.9:5062>")
    kind = b"application/sdp" if body else None
    response = sip.response_to(to.request, status, headers=(contact, *headers), body=body, content_type=kind)
    stage.say(response.to_bytes(), PHONE)


def test_a_side_that_only_rings_is_given_up() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    stage.reply(stage.one(A), 180)
    assert stage.titles() == ["180 INVITE"]
    stage.passes(19)
    assert stage.titles(A) == []
    stage.passes(2)
    cancel = stage.heard(A)[0]
    assert cancel.title == "CANCEL"
    stage.passes(33)  # not even that is answered
    assert stage.titles()[0] == "408 INVITE"
    assert stage.ends == ["timeout/active"]
    stage.passes(40)
    assert (stage.agent.asking, stage.agent.calls, len(stage.agent.transactions)) == ({}, {}, 0)


def test_a_call_that_ends_leaves_no_request_behind_that_rings() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    invite = stage.one(A)
    stage.reply(invite, 180)
    call.asks(b"BYE", cseq=3)
    assert stage.titles() == ["180 INVITE", "200 BYE", "487 INVITE"]
    assert sorted(stage.titles(A)) == ["BYE", "CANCEL"]
    stage.passes(70)
    assert (stage.agent.asking, len(stage.agent.transactions)) == ({}, 0)


def test_an_ack_that_comes_late_is_not_that_of_the_next_request() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", cseq=2, body=offer())
    stage.reply(stage.one(A), 200, REFRESHED)
    assert stage.titles() == ["200 INVITE"]
    call.asks(b"INVITE", cseq=3, body=offer())  # so the 200 was seen; its ACK is late
    stage.reply(next(one for one in stage.heard(A) if one.title == "INVITE"), 200, REFRESHED)
    assert stage.titles() == ["200 INVITE"]
    call.asks(b"ACK", cseq=2, branch=b"late")
    stage.passes(0.6)
    (again,) = stage.heard()  # that of the second, and no longer that of the first
    assert again.response.cseq == (3, b"INVITE")
    call.asks(b"ACK", cseq=3, branch=b"ack")
    stage.passes(40)
    assert stage.titles() == []
    assert stage.ends == []


def test_a_new_request_instead_of_an_ack_that_was_to_bring_the_answer() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", cseq=2)
    stage.reply(stage.one(A), 200, REFRESHED)
    assert stage.titles(A) == []  # its answer is to come
    call.asks(b"UPDATE", cseq=3, body=offer())
    assert stage.titles(A) == ["ACK", "UPDATE"]


def test_a_call_that_ends_before_the_answer_to_an_offer() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", cseq=2)
    stage.reply(stage.one(A), 200, REFRESHED)
    call.leg.goes()
    assert stage.titles(A) == ["ACK", "BYE"]


def test_nothing_changes_for_a_side_that_is_not_there_yet() -> None:
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    stage.heard(A)
    call = CallOnStage(stage, b"call-1", b"", invite, stage.at(A), sip.response_to(invite.request, 200))
    call.backend_asks(b"UPDATE")
    call.backend_asks(b"INFO", cseq=2)
    assert stage.titles(A) == ["500 UPDATE", "500 INFO"]
    stage.at(A).connects()
    assert stage.titles() == ["200 INVITE"]


def test_a_request_to_a_side_that_has_left() -> None:
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    tag = stage.one().response.to.tag or b""
    stage.at(A).goes()  # the caller has not acknowledged, so its dialog is still to be ended
    stage.say(request(b"UPDATE", to_tag=tag, branch=b"update", cseq=2, body=offer()))
    stage.say(request(b"INFO", to_tag=tag, branch=b"info", cseq=3))
    assert stage.titles() == ["481 UPDATE", "481 INFO"]


def test_a_cancel_of_a_request_that_is_passed_on() -> None:  # S-06
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", cseq=2, body=offer())
    invite = stage.one(A)
    stage.reply(invite, 100)
    stage.reply(invite, 180)
    stage.reply(invite, 183)
    assert stage.titles() == ["180 INVITE", "183 INVITE"]
    stage.say(request(b"CANCEL", to_tag=call.tag, cseq=2, branch=b"in2INVITE", contact=False))
    assert stage.titles() == ["200 CANCEL"]
    cancel = stage.one(A)
    assert cancel.title == "CANCEL"
    stage.reply(cancel, 200)
    stage.reply(invite, 487)
    assert stage.titles() == ["487 INVITE"]
    assert stage.ends == []


def test_provisional_answers_to_an_update_are_for_us_alone() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"UPDATE", body=offer())
    update = stage.one(A)
    stage.reply(update, 180)
    assert stage.titles() == []
    stage.reply(update, 200, REFRESHED)
    assert stage.titles() == ["200 UPDATE"]


@pytest.mark.parametrize("status", [200, 488])
def test_an_answer_after_the_end(status: int) -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    invite = stage.one(A)
    call.asks(b"BYE", cseq=3)
    assert stage.titles() == ["200 BYE", "487 INVITE"]
    stage.heard(A)
    stage.reply(invite, status, REFRESHED)
    assert stage.titles(A) == ["ACK"]
    assert stage.titles() == []


@pytest.mark.parametrize("how", ["refused", "the call ends first"])
def test_a_control_connection_for_a_further_channel_that_cannot_be_had(how: str) -> None:
    stage = SipStage()
    call = stage.begin(b"45@speechsynth")
    call.asks(b"INVITE", body=offer(b"speechsynth", b"speechrecog", connection=b"existing"))
    both = answer(A, b"45@speechsynth", b"45@speechrecog", ports=(20014, 20015))
    stage.reply(stage.one(A), 200, both)
    assert stage.titles(A) == ["ACK"]
    assert stage.titles() == []
    leg = stage.at(A)
    assert leg is not call.leg
    if how == "refused":
        leg.goes(CloseReason.REFUSED)
        assert sorted(stage.titles()) == ["500 INVITE", "BYE"]
        assert stage.ends == ["backend/active"]
    else:
        call.asks(b"BYE", cseq=3)
        assert sorted(stage.titles()) == ["200 BYE", "487 INVITE"]
        assert leg.state == "closed"
    assert stage.titles(A) == ["BYE"]


def test_a_further_channel_on_a_connection_of_its_own_comes_and_goes() -> None:  # M-21
    stage = SipStage()
    call = stage.begin(b"45@speechsynth")
    call.asks(b"UPDATE", body=offer(b"speechsynth", b"speechrecog", connection=b"existing"))
    both = answer(A, b"45@speechsynth", b"46@speechrecog", ports=(20014, 20015))
    stage.reply(stage.one(A), 200, both)
    leg = stage.at(A)
    leg.connects()
    assert stage.titles() == ["200 UPDATE"]
    call.asks(b"UPDATE", cseq=3, body=offer(b"speechsynth", b"speechrecog", ports=(9, 0)))
    one = answer(A, b"45@speechsynth", b"", ports=(20014, 0), connection=b"existing")
    stage.reply(stage.one(A), 200, one)
    assert (leg.state, call.leg.state) == ("closed", "open")
    assert stage.titles() == ["200 UPDATE"]


def test_a_resource_that_is_refused_gives_its_room_back() -> None:
    stage = SipStage(backend={"max_sessions": {"speechrecog": 1, "speechsynth": 1, "recorder": 1}})
    call = stage.begin(b"45@speechsynth")
    call.asks(b"UPDATE", body=offer(b"speechsynth", b"speechrecog"))
    stage.reply(stage.one(A), 488)
    assert stage.titles() == ["488 UPDATE"]
    call.asks(b"UPDATE", cseq=3, body=offer(b"speechsynth", b"speechrecog", b"speechrecog"))
    assert stage.titles() == ["486 UPDATE"]  # no room for the second, so none for the first
    call.asks(b"UPDATE", cseq=4, body=offer(b"speechsynth", b"speechrecog"))
    assert stage.titles(A) == ["UPDATE"]


def test_a_line_that_names_no_resource_needs_no_room() -> None:
    stage = SipStage()
    call = stage.begin()
    nameless = (
        offer(b"speechrecog", b"x").replace(b"a=resource:x\r\n", b"").replace(b"a=connection:new\r\n", b"")
    )
    call.asks(b"UPDATE", body=nameless)
    update = stage.one(A)
    stage.reply(update, 488)
    assert stage.titles() == ["488 UPDATE"]
    assert update.request.body.count(b"a=connection:existing") == 2  # M-21


def test_acks_that_fit_nothing() -> None:
    stage = SipStage()
    call = stage.begin()
    call.backend_asks(b"ACK")
    call.asks(b"ACK", cseq=1, branch=b"again")
    assert (stage.titles(), stage.titles(A), stage.ends) == ([], [], [])


def test_a_re_invite_that_is_never_acknowledged() -> None:  # S-05
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    stage.reply(stage.one(A), 200, REFRESHED)
    stage.passes(33)
    assert stage.ends == ["timeout/active"]
    assert stage.titles()[-1] == "BYE"
    assert stage.titles(A)[:2] == ["ACK", "BYE"]


def test_a_re_invite_that_is_never_acknowledged_since_its_call_ended() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    stage.reply(stage.one(A), 200, REFRESHED)
    call.leg.goes()
    stage.heard()
    stage.passes(70)
    assert "200 INVITE" not in stage.titles()  # the BYE says enough
    assert stage.ends == ["backend/active"]
    assert len(stage.agent.transactions) == 0


def test_a_refresh_of_the_backend_that_describes_less() -> None:
    stage = SipStage()
    call = stage.begin()
    bare = answer(A, b"45@speechrecog").replace(b"a=channel:45@speechrecog\r\n", b"")
    call.backend_asks(b"UPDATE", body=bare.replace(b"a=connection:new\r\n", b""))
    update = stage.one()
    assert b"m=application 1544 " in update.request.body
    assert b"a=c" not in update.request.body.replace(b"a=cmid", b"")
    caller_replies(stage, update, 200, offer())
    assert stage.titles(A) == ["200 UPDATE"]


def test_no_further_offer_while_the_first_has_no_answer() -> None:  # S-05, RFC 6337
    stage = SipStage()
    stage.say(request(b"INVITE"))
    invite = stage.one(A)
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    ok = stage.one().response
    call = CallOnStage(stage, b"call-1", ok.to.tag or b"", invite, StagePort(stage, A), ok)
    call.asks(b"INVITE", cseq=2, body=offer())  # it overtook the ACK
    call.backend_asks(b"UPDATE", body=REFRESHED)
    assert stage.titles() == ["500 INVITE"]
    assert stage.titles(A) == ["491 UPDATE"]
    call.asks(b"ACK", cseq=1, body=offer(), branch=b"ack")
    ack = stage.one(A)
    assert (ack.title, ack.request.cseq[0]) == ("ACK", 1)
