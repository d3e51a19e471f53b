"""Re-INVITEs, UPDATEs and others inside a call: passed on, answered, cancelled, crossing, left without an answer (S-07)."""

from mrcpwire import sip
from tests.mrcpv2.sip_stage import PHONE, A, CallOnStage, Heard, SipStage, answer, offer, request

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
