"""Calls: two dialogs back to back, their descriptions rewritten, ended from either side (S-00 to S-14)."""

import pytest

from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv2.sip_stage import CRLF, A, B, SipStage, answer, offer, request

AUDIO = b"m=audio 5004 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\na=mid:1\r\n"


def test_the_invite_for_the_backend() -> None:  # S-02
    stage = SipStage()
    stage.say(
        request(
            b"INVITE",
            uri=b"sip:menu@192.0.2.1:5060;transport=udp;lang=de",
            headers=(
                (b"Supported", b"timer, 100rel"),
                (b"Allow", b"INVITE, PRACK, REFER, BYE"),
                (b"Session-Expires", b"600;refresher=uac"),
                (b"X-Own", b"as it is"),
                (b"Record-Route", b"<sip:edge@192.0.2.7;lr>"),
            ),
            body=offer(),
        )
    )
    invite = stage.one(A).request
    assert invite.uri == b"sip:menu@198.51.100.1:5060;lang=de"
    assert invite.call_id == b"call-1"
    assert invite.from_.uri == b"sip:ivr@192.0.2.9:5062"
    assert invite.from_.tag not in (None, b"phone")
    assert invite.to.tag is None
    assert invite.max_forwards == 69
    assert invite.headers.values(b"Supported") == [b"timer"]
    assert invite.headers.values(b"Allow") == [b"INVITE", b"BYE"]
    assert invite.headers.get(b"Session-Expires") == b"600;refresher=uac"
    assert invite.headers.get(b"X-Own") == b"as it is"
    assert invite.record_route == ()
    assert len(invite.vias) == 1
    assert invite.contact is not None
    assert invite.contact.uri == b"sip:192.0.2.1:40000"


def test_descriptions_are_rewritten_where_they_must_be() -> None:  # table D
    stage = SipStage()
    call = stage.begin()
    assert call.invite.request.body == offer().replace(
        b"m=application 9 TCP/MRCPv2 1\r\n", b"m=application 9 TCP/MRCPv2 1\r\nc=IN IP4 192.0.2.1\r\n"
    )
    (alias,) = call.channels
    assert len(alias.partition(b"@")[0]) == 32
    assert call.ok.body == answer(A, b"45@speechrecog").replace(
        b"m=application 20014 TCP/MRCPv2 1\r\n", b"m=application 1544 TCP/MRCPv2 1\r\nc=IN IP4 192.0.2.1\r\n"
    ).replace(b"45@speechrecog", alias)
    assert call.ok.body.endswith(AUDIO)


def test_the_control_connection_is_open_before_the_caller_hears_of_it() -> None:  # M-21, M-23
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    assert stage.titles() == []
    leg = stage.at(A)
    leg.connects()
    assert stage.titles() == ["200 INVITE"]


def test_one_alias_for_all_channels_of_a_dialog() -> None:  # E-03
    stage = SipStage()
    call = stage.begin(b"45@speechsynth", b"45@speechrecog", b"46@recorder")
    synth, recog, recorder = (channel.partition(b"@")[0] for channel in call.channels)
    assert synth == recog != recorder
    assert len(stage.dialled) == 1
    (record,) = stage.context.register
    assert record.resources == ("speechsynth", "speechrecog", "recorder")


@pytest.mark.parametrize("status", [408, 480, 500, 502, 503, 504, 302])
def test_another_backend_is_asked_when_one_refuses(status: int) -> None:  # S-03
    stage = SipStage()
    stage.invite()
    first = stage.one(A)
    stage.reply(first, status)
    assert stage.titles(A) == ["ACK"]
    second = stage.one(B)
    assert second.title == "INVITE"
    assert second.request.from_.tag != first.request.from_.tag
    stage.reply(second, 200, answer(B, b"45@speechrecog"), host=B)
    stage.at(B).connects()
    assert stage.titles() == ["200 INVITE"]
    assert stage.taken == {"a": 0, "b": 1}


@pytest.mark.parametrize("status", [404, 406, 488, 486, 603])
def test_other_refusals_are_the_callers(status: int) -> None:  # S-03
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), status, headers=((b"X-Why", b"because"),))
    heard = stage.one()
    assert heard.title == f"{status} INVITE"
    assert heard.response.headers.get(b"X-Why") == b"because"
    assert stage.heard(B) == []
    assert stage.ends == ["backend/setup"]
    assert stage.taken == {"a": 0, "b": 0}


def test_a_silent_backend_is_left_after_two_seconds_and_its_late_answer_ended() -> None:  # S-03
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.passes(1.9)
    assert set(stage.titles(A)) == {"INVITE"}  # repeated
    stage.passes(0.2)
    second = stage.one(B)
    stage.reply(second, 200, answer(B, b"1@speechrecog"), host=B)
    stage.at(B).connects()
    assert stage.titles() == ["200 INVITE"]
    stage.heard(A)
    stage.reply(invite, 200, answer(A, b"2@speechrecog"))
    assert stage.titles(A) == ["ACK", "BYE"]
    assert stage.titles() == []


def test_a_backend_that_rings_gets_twenty_seconds_then_a_cancel() -> None:  # S-03
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.reply(invite, 100)
    stage.reply(invite, 180, b"v=0\r\n")
    ringing = stage.one()
    assert ringing.title == "180 INVITE"
    assert ringing.response.body == b""  # S-04
    stage.passes(19)
    assert stage.titles(B) == []
    stage.passes(2)
    assert set(stage.titles(A)) == {"CANCEL"}
    assert set(stage.titles(B)) == {"INVITE"}


def test_nobody_takes_the_call() -> None:
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 503)
    stage.reply(stage.one(B), 480, host=B)
    assert stage.one().title == "480 INVITE"
    assert stage.ends == ["backend/setup"]


def test_nobody_answers() -> None:  # S-03
    stage = SipStage()
    stage.invite()
    stage.passes(5)
    assert set(stage.titles()) == {"503 INVITE"}
    assert stage.ends == ["timeout/setup"]


def test_nobody_is_eligible() -> None:
    stage = SipStage()
    for backend in stage.context.pool.backends.values():
        backend.drain()
    stage.invite()
    heard = stage.one()
    assert heard.title == "503 INVITE"
    assert heard.response.headers.get(b"Retry-After") is None
    assert stage.ends == ["proxy/setup"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (CRLF.join((b"v=0", b"m=audio 5004 RTP/AVP 0", b"")), "m-lines"),
        (answer(A), "m-lines"),
        (answer(A, b"45@speechrecog").replace(b"a=channel:45@speechrecog\r\n", b""), "without a channel"),
        (answer(A, b"45@speechrecog").replace(b"c=IN IP4 198.51.100.1\r\n", b""), "without an address"),
        (answer(A, b"45@speechsynth"), "for resource"),
        (answer(A, b"45@speechrecog").replace(b"20014", b"7x"), "without a port"),
    ],
)
def test_a_broken_answer_is_a_failed_backend(body: bytes, why: str) -> None:  # D-06, E-05
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, body)
    assert stage.titles(A) == ["ACK", "BYE"]
    assert stage.one(B).title == "INVITE"
    (note,) = [fields for event, fields in stage.notes if event == "attempt-failed"]
    assert why in str(note["reason"])


def test_a_dead_control_port_fails_over() -> None:  # S-05, M-21
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).goes(CloseReason.REFUSED)
    assert stage.titles(A) == ["ACK", "BYE"]
    invite = stage.one(B)
    stage.reply(invite, 200, answer(B, b"45@speechrecog"), host=B)
    stage.at(B).connects()
    assert stage.titles() == ["200 INVITE"]


def test_a_repeated_invite_gets_the_last_answer_and_no_second_leg() -> None:  # C.4
    stage = SipStage()
    sent = stage.invite()
    assert stage.titles(A) == ["INVITE"]
    stage.say(sent)
    assert stage.titles(A) == []


def test_our_2xx_is_repeated_until_acknowledged() -> None:  # S-05
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    ok = stage.one()
    stage.passes(1.6)
    assert stage.titles() == ["200 INVITE", "200 INVITE"]
    stage.say(request(b"ACK", to_tag=ok.response.to.tag or b"", branch=b"ack", contact=False))
    stage.passes(10)
    assert stage.titles() == []


def test_a_call_that_is_never_acknowledged_ends_on_both_sides() -> None:  # S-05
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    stage.heard(A)
    stage.passes(33)
    assert "BYE" in stage.titles()
    assert "BYE" in stage.titles(A)
    assert stage.ends == ["timeout/setup"]


def test_cancel_while_a_backend_rings() -> None:  # S-06
    stage = SipStage()
    stage.invite()
    invite = stage.one(A)
    stage.say(request(b"CANCEL", contact=False))
    assert sorted(stage.titles()) == ["200 CANCEL", "487 INVITE"]
    assert stage.titles(A) == []  # only after a provisional answer
    stage.reply(invite, 180)
    assert stage.titles(A) == ["CANCEL"]
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    assert stage.titles(A) == ["ACK", "BYE"]
    assert stage.ends == ["client/setup"]


def test_cancel_while_the_control_connection_opens() -> None:  # S-06
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.heard(A)
    stage.say(request(b"CANCEL", contact=False))
    assert sorted(stage.titles()) == ["200 CANCEL", "487 INVITE"]
    assert stage.titles(A) == ["BYE"]
    assert stage.at(A).state == "closed"


def test_cancel_after_our_2xx_has_no_effect() -> None:  # S-06
    stage = SipStage()
    stage.invite()
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    stage.heard()
    stage.say(request(b"CANCEL", contact=False))
    assert set(stage.titles()) <= {"200 CANCEL", "200 INVITE", "481 CANCEL"}
    assert stage.ends == []


def test_a_control_line_the_backend_refuses_passes() -> None:
    stage = SipStage()
    stage.invite(b"speechsynth", b"speechrecog")
    stage.reply(stage.one(A), 200, answer(A, b"45@speechsynth", b"", ports=(20014, 0)))
    stage.at(A).connects()
    assert b"m=application 0 TCP/MRCPv2 1\r\n" in stage.one().response.body


def test_statuses_to_retry_are_the_operators() -> None:
    stage = SipStage(pool={"retry_statuses": (486,)})
    stage.invite()
    stage.reply(stage.one(A), 486)
    assert stage.titles(A) == ["ACK"]
    stage.reply(stage.one(B), 500, host=B)
    assert stage.titles() == ["500 INVITE"]


def test_an_offer_that_says_nothing_of_connections() -> None:  # table D: a new one is meant
    stage = SipStage()
    stage.say(request(b"INVITE", body=offer().replace(b"a=connection:new\r\n", b"")))
    assert b"a=connection" not in stage.one(A).request.body
