"""Re-INVITEs, UPDATEs and others inside a call: passed on, answered, cancelled, crossing, left without an answer (S-07)."""

from mrcpwire import sip
from tests.mrcpv2.sip_stage import PHONE, A, Heard, SipStage, answer, offer

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
