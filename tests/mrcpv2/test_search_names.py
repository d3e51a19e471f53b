"""A backend whose host name has several addresses: a call is tried at each before the backend counts as failed (S-03)."""

import attrs
import pytest

from mrcpbalance.config import Address
from tests.mrcpv2.sip_stage import A, B, SipStage, answer, request

NAME = "asr.example"
SECOND = "198.51.100.3"


def stage_of(*numbers: str, backend: dict[str, object] | None = None) -> SipStage:
    stage = SipStage(hosts=(NAME, B), backend=backend)
    stage.names = {NAME: list(numbers)}
    return stage


def listen_anywhere(stage: SipStage) -> None:
    anywhere = Address("0.0.0.0", 5060)
    stage.context.listener = attrs.evolve(stage.context.listener, bind=(anywhere,))


def test_all_that_belongs_to_a_call_goes_to_one_address() -> None:
    stage = stage_of(A, SECOND)
    stage.invite()
    invite = stage.one(A)
    assert invite.request.uri == b"sip:asr@asr.example:5060"
    (session,) = stage.context.register
    assert session.address == A
    stage.names = {NAME: [SECOND]}  # the name leads elsewhere now
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    assert stage.titles(A) == ["ACK"]
    stage.at(A).connects()
    ok = stage.one().response
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", contact=False))
    stage.say(request(b"BYE", to_tag=ok.to.tag or b"", branch=b"bye", cseq=2, contact=False))
    assert stage.titles(A) == ["BYE"]
    assert stage.titles(SECOND) == []


def test_one_that_is_silent_is_followed_by_the_next_and_the_backend_has_not_failed() -> None:
    stage = stage_of(A, SECOND)
    stage.invite()
    first = stage.heard(A)[0]
    stage.passes(0.9)
    assert stage.titles(SECOND) == []
    stage.passes(0.2)  # half of `timeouts.setup` is over
    assert stage.missing == [(A, "silent")]
    invite = stage.one(SECOND)
    (session,) = stage.context.register
    assert (session.address, session.attempts) == (SECOND, 1)
    stage.reply(invite, 200, answer(SECOND, b"45@speechrecog"), host=SECOND)
    stage.at(SECOND).connects()
    assert "200 INVITE" in stage.titles()
    assert stage.taken == {"a": 1, "b": 0}
    assert stage.context.pool.backends["a"].failures == 0
    stage.heard(A)
    stage.reply(first, 200, answer(A, b"46@speechrecog"))  # after all
    assert stage.titles(A) == ["ACK", "BYE"]


def test_when_none_answers_the_backend_has_failed_within_its_time() -> None:
    stage = stage_of(A, SECOND)
    stage.invite()
    stage.passes(2.1)
    assert stage.titles(B) == ["INVITE"]
    assert stage.context.pool.backends["a"].failures == 1
    assert stage.taken == {"a": 0, "b": 1}
    assert stage.missing == [(A, "silent")]


def test_one_that_has_begun_to_answer_keeps_the_call() -> None:
    stage = stage_of(A, SECOND)
    stage.invite()
    stage.reply(stage.one(A), 180)
    stage.passes(10)
    assert stage.titles(SECOND) == []
    stage.passes(10.1)
    assert stage.titles(SECOND) == []
    assert stage.titles(B) == ["INVITE"]


@pytest.mark.parametrize("number", ["2001:db8::5", A])
def test_one_that_nothing_leads_to_is_followed_by_the_next(number: str) -> None:
    stage = stage_of(number, SECOND)
    stage.unreachable = {number}
    listen_anywhere(stage)
    stage.invite()
    assert stage.titles(SECOND) == ["INVITE"]
    assert [host for host, _ in stage.missing] == [number]
    assert stage.taken == {"a": 1, "b": 0}


def test_nothing_leads_to_any() -> None:
    stage = stage_of(A, SECOND)
    stage.unreachable = {A, SECOND}
    listen_anywhere(stage)
    stage.invite()
    assert stage.titles(B) == ["INVITE"]
    assert stage.taken == {"a": 0, "b": 1}


def test_a_name_that_is_not_known() -> None:
    stage = stage_of()
    stage.invite()
    assert stage.titles(B) == ["INVITE"]
    (note,) = [fields for event, fields in stage.notes if event == "attempt-failed"]
    assert note["reason"] == "[Errno 113] no address known for asr.example"


def test_over_tcp_one_that_refuses_is_followed_by_the_next() -> None:
    stage = stage_of(A, SECOND, backend={"sip_transport": "tcp"})
    stage.invite()
    stage.at(A).goes()
    assert stage.missing == [(A, "no way")]
    invite = stage.at(SECOND)
    assert invite.heard().startswith(b"INVITE ")
    assert stage.taken == {"a": 1, "b": 0}
    stage.at(SECOND).goes()
    assert stage.taken == {"a": 0, "b": 1}
    assert stage.context.pool.backends["a"].failures == 1
