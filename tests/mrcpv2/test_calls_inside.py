"""Inside calls: refreshes, resources that come and go, the end from either side (S-07 to S-11)."""

import pytest

from tests.mrcpv2.sip_stage import PHONE, A, SipStage, answer, offer, request

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
