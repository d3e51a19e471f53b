"""The agent of a listener: what is no call, how peers are reached, who may call (S-01, S-12, C.3, G-6)."""

import pytest

from mrcpbalance.config import Address, Limits
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import sip
from tests.mrcpv2.sip_stage import PHONE, A, B, SipStage, answer, offer, request
from tests.stage import StagePort

AUDIO = b"m=audio 5004 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\na=mid:1\r\n"


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


def test_a_delayed_offer_of_which_the_caller_refuses_a_channel() -> None:  # S-05
    stage = SipStage()
    stage.say(request(b"INVITE"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog", b"46@speechsynth", ports=(20014, 20015)))
    tag = stage.one().response.to.tag or b""
    accepted = offer(b"speechrecog", b"speechsynth", ports=(9, 0))
    stage.say(request(b"ACK", to_tag=tag, branch=b"ack", body=accepted, contact=False))
    stage.at(A).connects()
    assert len(stage.dialled) == 1
    assert stage.ends == []


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
    port.owner = stage.agent.accept(port, stage.now)
    unread = request(b"OPTIONS", branch=b"bad").replace(b"CSeq: 1 OPTIONS", b"CSeq: none")
    port.says(unread + request(b"OPTIONS", branch=b"good").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
    heard = port.heard()
    assert heard.startswith(b"SIP/2.0 400 Bad Request")
    assert b"SIP/2.0 200 OK\r\n" in heard
    port.says(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9\r\nContent-Length: none\r\n\r\n")
    assert port.state == "closed"
    assert stage.context.tally.anomalies
