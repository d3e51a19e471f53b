"""Calls: two dialogs back to back, their descriptions rewritten, ended from either side (S-00 to S-14)."""

import pytest

from mrcpbalance.config import Address, Limits
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import sip
from tests.mrcpv2.sip_stage import CRLF, PHONE, A, B, SipStage, answer, offer, request
from tests.stage import StagePort

AUDIO = b"m=audio 5004 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\na=mid:1\r\n"


def test_a_call_from_invite_to_bye() -> None:
    stage = SipStage()
    call = stage.begin()
    call.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]
    bye = stage.one(A)
    assert bye.title == "BYE"
    stage.reply(bye, 200)
    assert stage.ends == ["client/teardown"]
    assert stage.taken == {"a": 0, "b": 0}
    assert call.leg.state == "closed"
    (session,) = stage.ended
    assert (session.backend, session.resources, session.attempts) == ("a", ("speechrecog",), 1)
    assert session.protocol == "mrcpv2"
    assert session.bytes_to_backend > len(call.invite.request.to_bytes()) - 200
    assert session.bytes_to_client > len(call.ok.to_bytes())
    assert session.keys[0] == "call-1"


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


def test_nobody_answers() -> None:
    stage = SipStage()
    stage.invite()
    stage.passes(5)
    assert [title for title in stage.titles() if title != "504 INVITE"] == []
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


def test_bye_from_the_backend() -> None:  # S-09
    stage = SipStage()
    call = stage.begin()
    call.backend_asks(b"BYE")
    assert stage.titles(A) == ["200 BYE"]
    bye = stage.one()
    assert bye.title == "BYE"
    assert bye.request.uri == b"sip:ivr@192.0.2.9:5062"
    assert bye.request.to.tag == b"phone"
    assert bye.request.from_.tag == call.tag
    assert stage.ends == ["backend/teardown"]


def test_bye_crossing_bye() -> None:  # S-09
    stage = SipStage()
    call = stage.begin()
    call.asks(b"BYE")
    call.backend_asks(b"BYE")
    assert "200 BYE" in stage.titles()
    assert sorted(stage.titles(A)) == ["200 BYE", "BYE"]
    assert stage.ends == ["client/teardown"]


@pytest.mark.parametrize("method", [b"INVITE", b"UPDATE"])
def test_a_refresh_from_the_caller_is_passed_on(method: bytes) -> None:  # S-07, S-08
    stage = SipStage()
    call = stage.begin()
    call.asks(
        method, body=offer(connection=b"existing"), headers=((b"Session-Expires", b"600;refresher=uac"),)
    )
    passed = stage.one(A)
    assert passed.title == method.decode()
    assert passed.request.headers.get(b"Session-Expires") == b"600;refresher=uac"
    assert b"a=connection:existing" in passed.request.body
    stage.reply(passed, 200, answer(A, b"45@speechrecog", connection=b"existing"))
    assert stage.titles(A) == (["ACK"] if method == b"INVITE" else [])
    ok = stage.one()
    assert ok.title == f"200 {method.decode()}"
    assert b"a=channel:" + call.channels[0] in ok.response.body  # D-02: the same alias
    assert len(stage.dialled) == 1
    if method == b"INVITE":
        call.asks(b"ACK", branch=b"ack")
    stage.passes(40)
    assert stage.titles() == []
    assert stage.ends == []


def test_a_refresh_from_the_backend_is_passed_on() -> None:  # S-07
    stage = SipStage()
    call = stage.begin()
    call.backend_asks(b"INVITE", body=answer(A, b"45@speechrecog", connection=b"existing"))
    passed = stage.one()
    assert passed.title == "INVITE"
    assert b"a=channel:" + call.channels[0] in passed.request.body
    assert b"m=application 1544 " in passed.request.body
    response = request(b"X", body=offer())
    stage.agent.datagram(
        stage.socket,
        b"SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: call-1\r\nCSeq: 1 INVITE\r\n"
        b"Contact: <sip:ivr@192.0.2.9:5062>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"
        % (
            passed.request.vias[0].to_bytes(),
            passed.request.from_.to_bytes(),
            passed.request.to.to_bytes(),
            len(offer()),
            offer(),
        ),
        PHONE,
        stage.now,
    )
    assert response
    assert stage.titles() == ["ACK"]
    ok = stage.one(A)
    assert ok.title == "200 INVITE"
    assert b"c=IN IP4 192.0.2.1" in ok.response.body


def test_a_refused_refresh_leaves_the_call_up_but_a_lost_dialog_ends_it() -> None:  # S-07, section I
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", body=offer())
    stage.reply(stage.one(A), 503)
    assert stage.titles() == ["503 INVITE"]
    assert stage.ends == []
    stage.heard(A)
    call.asks(b"INVITE", cseq=3, body=offer())
    stage.reply(stage.one(A), 481)
    assert stage.ends == ["backend/active"]


def test_one_refresh_at_a_time() -> None:  # S-07
    stage = SipStage()
    call = stage.begin()
    call.asks(b"INVITE", cseq=2, body=offer())
    call.asks(b"UPDATE", cseq=3, body=offer())
    assert stage.titles() == ["500 UPDATE"]
    stage.heard(A)
    call.backend_asks(b"INVITE", body=answer(A, b"45@speechrecog"))
    assert stage.titles(A) == ["491 INVITE"]


def test_a_second_resource_joins_and_leaves() -> None:
    stage = SipStage(backend={"max_sessions": {"speechrecog": 1, "speechsynth": 1}})
    call = stage.begin(b"45@speechsynth")
    call.asks(b"INVITE", cseq=2, body=offer(b"speechsynth", b"speechrecog", connection=b"existing"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechsynth", b"45@speechrecog", connection=b"existing"))
    ok = stage.one()
    assert ok.title == "200 INVITE"
    assert ok.response.body.count(b"a=channel:") == 2
    assert len(stage.dialled) == 1
    call.asks(b"ACK", cseq=2, branch=b"ack")
    (record,) = stage.context.register
    assert record.resources == ("speechsynth", "speechrecog")
    call.asks(
        b"INVITE", cseq=3, body=offer(b"speechsynth", b"speechrecog", ports=(9, 0), connection=b"existing")
    )
    stage.heard(A)[0]
    stage.passes(0)


def test_a_further_resource_needs_room() -> None:
    stage = SipStage(backend={"max_sessions": {"speechrecog": 1}})
    call = stage.begin(b"45@speechrecog")
    call.asks(b"INVITE", cseq=2, body=offer(b"speechrecog", b"speechrecog"))
    assert stage.titles() == ["486 INVITE"]


def test_a_control_line_the_backend_refuses_passes() -> None:
    stage = SipStage()
    stage.invite(b"speechsynth", b"speechrecog")
    stage.reply(stage.one(A), 200, answer(A, b"45@speechsynth", b"", ports=(20014, 0)))
    stage.at(A).connects()
    assert b"m=application 0 TCP/MRCPv2 1\r\n" in stage.one().response.body


@pytest.mark.parametrize(
    ("method", "status"),
    [(b"OPTIONS", 200), (b"PRACK", 481), (b"REFER", 501)],
)
def test_what_is_answered_here_inside_a_call(method: bytes, status: int) -> None:  # S-10
    stage = SipStage()
    stage.begin().asks(method)
    assert stage.titles() == [f"{status} {method.decode()}"]


@pytest.mark.parametrize("method", [b"INFO", b"MESSAGE"])
def test_what_is_passed_on_blindly(method: bytes) -> None:  # S-10
    stage = SipStage()
    stage.begin().asks(method, body=b"whatever")
    passed = stage.one(A)
    assert passed.request.body == b"whatever"
    stage.reply(passed, 200)
    assert stage.titles() == [f"200 {method.decode()}"]


def test_a_request_out_of_order() -> None:  # S-11
    stage = SipStage()
    call = stage.begin()
    call.asks(b"OPTIONS", cseq=5)
    call.asks(b"INFO", cseq=4)
    assert stage.titles() == ["200 OPTIONS", "500 INFO"]


def test_a_dialog_nobody_knows() -> None:  # S-10
    stage = SipStage()
    stage.say(request(b"BYE", to_tag=b"never"))
    stage.say(request(b"ACK", to_tag=b"never"))
    assert stage.titles() == ["481 BYE"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(b"INVITE", body=offer()).replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), 483),
        (request(b"INVITE", body=offer(), headers=((b"Require", b"gold"),)), 420),
        (request(b"INVITE", body=b"x").replace(b"application/sdp", b"text/plain"), 415),
        (request(b"REGISTER"), 405),
        (request(b"SUBSCRIBE"), 405),
    ],
)
def test_what_can_be_no_call(sent: bytes, status: int) -> None:  # S-01, S-12
    stage = SipStage()
    stage.say(sent)
    (heard,) = stage.heard()
    assert heard.response.status == status
    assert heard.response.to.tag is not None
    assert stage.heard(A) == []


def test_options_tells_whether_the_pool_is_usable() -> None:  # S-12
    stage = SipStage()
    stage.say(request(b"OPTIONS"))
    assert stage.titles() == ["200 OPTIONS"]
    for backend in stage.context.pool.backends.values():
        backend.drain()
    stage.say(request(b"OPTIONS", branch=b"b2", cseq=2))
    assert stage.titles() == ["503 OPTIONS"]


def test_while_draining_calls_are_refused_and_live_ones_go_on() -> None:  # E-07
    stage = SipStage()
    call = stage.begin()
    stage.draining = True
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.titles() == ["503 INVITE"]
    call.asks(b"INVITE", body=offer())
    assert stage.titles(A) == ["INVITE"]


def test_delayed_offer() -> None:  # S-05
    stage = SipStage()
    stage.say(request(b"INVITE"))
    invite = stage.one(A)
    assert invite.request.body == b""
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    ok = stage.one()
    assert ok.title == "200 INVITE"
    assert stage.titles(A) == []
    tag = ok.response.to.tag or b""
    stage.say(request(b"ACK", to_tag=tag, branch=b"ack", body=offer(), contact=False))
    ack = stage.one(A)
    assert ack.title == "ACK"
    assert b"c=IN IP4 192.0.2.1" in ack.request.body


def test_record_route_is_honoured_towards_the_caller() -> None:  # S-11
    stage = SipStage()
    stage.say(request(b"INVITE", headers=((b"Record-Route", b"<sip:192.0.2.77:5099;lr>"),), body=offer()))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    ok = stage.one()
    assert ok.response.headers.get(b"Record-Route") == b"<sip:192.0.2.77:5099;lr>"
    stage.say(request(b"ACK", to_tag=ok.response.to.tag or b"", branch=b"ack", contact=False))
    stage.at(A).goes()
    bye = stage.one("192.0.2.77")
    assert bye.title == "BYE"
    assert bye.request.uri == b"sip:ivr@192.0.2.9:5062"
    assert bye.request.route[0].uri == b"sip:192.0.2.77:5099;lr"


def test_direct_control_leaves_descriptions_alone() -> None:
    stage = SipStage(listener={"control": "direct"})
    stage.invite()
    invite = stage.one(A)
    assert invite.request.body == offer()
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    assert stage.dialled == []
    assert stage.one().response.body == answer(A, b"45@speechrecog")
    assert stage.taken == {"a": 1, "b": 0}


def test_ipv6_on_one_side_and_ipv4_on_the_other() -> None:  # F-38
    stage = SipStage(hosts=("2001:db8::5", B))
    stage.invite()
    invite = stage.one("2001:db8::5")
    assert invite.request.contact is not None
    assert invite.request.contact.uri.startswith(b"sip:[2001:db8::1]:")
    assert b"c=IN IP6 2001:db8::1" in invite.request.body
    stage.reply(
        invite,
        200,
        answer("2001:db8::5", b"45@speechrecog").replace(b"IP4 2001", b"IP6 2001"),
        host="2001:db8::5",
        headers=((b"Contact", b"<sip:[2001:db8::5]:5060>"),),
    )
    stage.at("2001:db8::5").connects()
    assert b"c=IN IP4 192.0.2.1\r\n" in stage.one().response.body


def test_garbage_is_answered_or_dropped_and_harms_nobody() -> None:
    stage = SipStage()
    call = stage.begin()
    stage.say(b"TEST")
    stage.say(b"\r\n\r\n")
    stage.say(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKq\r\n\r\n")
    assert [data[:12] for data, _ in stage.socket.sent] == [b"SIP/2.0 400 "]
    stage.socket.sent.clear()
    call.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]


def test_a_large_invite_goes_by_tcp_and_by_udp_where_that_is_refused() -> (
    None
):  # C.3, RFC 3261 section 18.1.1
    stage = SipStage()
    stage.say(request(b"INVITE", headers=((b"X-Long", b"x" * 1300),), body=offer()))
    assert stage.titles(A) == []
    connection = stage.at(A)
    connection.connects()
    sent = connection.heard()
    assert sent.startswith(b"INVITE sip:asr@198.51.100.1:5060 SIP/2.0\r\nVia: SIP/2.0/TCP ")
    assert b"transport=tcp>" in sent
    connection.goes(CloseReason.REFUSED)
    invite = stage.one(A)
    assert b"X-Long" in invite.request.to_bytes()
    stage.reply(invite, 200, answer(A, b"45@speechrecog"))
    assert stage.titles(A) == ["ACK"]


def test_a_backend_over_tcp() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.invite()
    connection = stage.at(A)
    connection.connects()
    invite = sip.parse_datagram(connection.heard(), sip.Limits())
    assert isinstance(invite, sip.Request)
    ok = sip.response_to(
        invite,
        200,
        to_tag=b"srv",
        headers=((b"Contact", b"<sip:198.51.100.1:5060>"),),
        body=answer(A, b"45@speechrecog"),
        content_type=b"application/sdp",
    )
    for octet in ok.to_bytes():
        connection.says(bytes((octet,)))
    assert connection.heard().startswith(b"ACK ")
    leg = stage.at(A)
    assert leg is not connection
    leg.connects()
    ok_to_caller = stage.one()
    stage.say(request(b"ACK", to_tag=ok_to_caller.response.to.tag or b"", branch=b"ack", contact=False))
    connection.says(b"\r\n\r\n")
    assert connection.heard() == b"\r\n"
    leg.goes()
    assert connection.heard().startswith(b"BYE sip:198.51.100.1:5060 SIP/2.0\r\n")


def test_a_lost_tcp_connection_to_a_backend_fails_over() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.invite()
    stage.at(A).goes(CloseReason.REFUSED)
    assert stage.at(B).heard().startswith(b"INVITE ")


def test_a_fault_of_our_own_ends_the_call_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SipStage()
    call = stage.begin()
    other = stage.begin(b"46@speechrecog", call=b"call-2", branch=b"b2")

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("mrcpbalance.mrcpv2._inside.Passing.start", fails)
    with pytest.raises(RuntimeError):
        call.asks(b"INVITE", body=offer())
    assert sorted(stage.titles()) == ["487 INVITE", "BYE"]
    assert stage.titles(A) == ["BYE"]
    assert stage.ends == ["proxy/active"]
    other.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]


def test_options_describes_a_pool_whose_resources_are_known() -> None:  # S-12, A.11
    stage = SipStage(backend={"resources": frozenset(("speechsynth", "speechrecog"))})
    stage.say(request(b"OPTIONS"))
    body = stage.one().response.body
    assert b"m=application 0 TCP/MRCPv2 1\r\na=resource:speechrecog\r\na=resource:speechsynth\r\n" in body


def test_a_flood_of_calls_from_one_address_is_answered_503_and_others_go_on() -> None:  # G-6
    stage = SipStage(limits=Limits(calls_per_second=2))
    for number in range(5):
        stage.invite(call=b"call-%d" % number, branch=b"b%d" % number)
    assert stage.titles() == ["503 INVITE"] * 3
    assert stage.titles(A) == ["INVITE"] * 2
    elsewhere = request(b"INVITE", call=b"other", branch=b"o", body=offer())
    stage.say(elsewhere, Address("192.0.2.10", 5062))
    stage.passes(1)
    stage.invite(call=b"later", branch=b"later")
    assert stage.titles(A).count("INVITE") >= 2


def test_sip_over_tcp_from_a_caller() -> None:
    stage = SipStage()
    port = StagePort(stage, PHONE.host)
    port.owner = stage.agent.accept(port)
    unread = request(b"OPTIONS", branch=b"bad").replace(b"CSeq: 1 OPTIONS", b"CSeq: none")
    port.says(unread + request(b"OPTIONS", branch=b"good").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
    heard = port.heard()
    assert heard.startswith(b"SIP/2.0 400 Bad Request")
    assert b"SIP/2.0 200 OK\r\n" in heard
    port.says(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9\r\nContent-Length: none\r\n\r\n")
    assert port.state == "closed"
    assert stage.context.tally.anomalies


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
