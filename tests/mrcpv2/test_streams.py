"""Calls whose SIP goes over TCP: connections shared, lost and opened anew (C.3)."""

import pytest

from mrcpbalance.mrcpv2 import SipConnection
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import sip
from tests.mrcpv2.sip_stage import PHONE, A, B, SipStage, answer, offer, request
from tests.stage import StagePort


def parsed(data: bytes) -> sip.Request | sip.Response:
    return sip.parse_datagram(data, sip.Limits())


def heard_request(connection: StagePort) -> sip.Request:
    message = parsed(connection.heard())
    assert isinstance(message, sip.Request)
    return message


def replies(connection: StagePort, to: sip.Request, status: int, body: bytes = b"", host: str = A) -> None:
    contact = (b"Contact", b"<sip:%s:5060;transport=tcp>" % host.encode())
    kind = b"application/sdp" if body else None
    response = sip.response_to(to, status, to_tag=b"srv", headers=(contact,), body=body, content_type=kind)
    connection.says(response.to_bytes())


def begin(stage: SipStage) -> tuple[StagePort, StagePort]:
    """A call to a backend over TCP: its SIP connection and its control connection."""
    stage.invite()
    connection = stage.at(A)
    connection.connects()
    replies(connection, heard_request(connection), 200, answer(A, b"45@speechrecog"))
    assert connection.heard().startswith(b"ACK ")
    leg = stage.at(A)
    leg.connects()
    tag = stage.one().response.to.tag or b""
    stage.say(request(b"ACK", to_tag=tag, branch=b"ack", contact=False))
    stage.say(request(b"OPTIONS", to_tag=tag, branch=b"options", cseq=2))
    assert stage.titles() == ["200 OPTIONS"]
    return connection, leg


def test_a_bye_that_is_lost_with_its_connection_is_said_on_another() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    connection, leg = begin(stage)
    leg.goes()
    assert heard_request(connection).method == b"BYE"
    connection.goes()
    again = stage.at(A)
    assert again not in (connection, leg)
    again.connects()
    assert heard_request(again).method == b"BYE"
    again.goes()
    assert stage.at(A) is again  # and no more than that
    assert b"BYE" in [one.request.method for one in stage.heard()]
    stage.passes(40)
    assert (stage.agent.asking, len(stage.agent.transactions)) == ({}, 0)


def test_a_bye_where_no_connection_is_to_be_had() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    connection, leg = begin(stage)
    connection.goes()
    leg.goes()
    stage.at(A).goes(CloseReason.REFUSED)
    stage.at(A).goes(CloseReason.REFUSED)
    stage.passes(40)
    assert (stage.agent.asking, stage.agent.network.connections) == ({}, {})


def test_a_contact_that_nothing_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SipStage()
    sent = request(b"INVITE", body=offer()).replace(
        b"Contact: <sip:ivr@192.0.2.9:5062>", b"Contact: <sip:ivr@[2001:db8::66]:5062;transport=tcp>"
    )
    stage.say(sent)
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    leg = stage.at(A)
    leg.connects()
    tag = stage.one().response.to.tag or b""
    stage.say(request(b"ACK", to_tag=tag, branch=b"ack", contact=False))
    monkeypatch.setattr(stage, "own_address", lambda _: "")
    leg.goes()
    assert stage.titles() == ["BYE"]  # back to where the caller was heard from
    assert stage.titles(A) == ["ACK", "BYE"]
    assert stage.ends == ["backend/active"]
    assert stage.taken == {"a": 0, "b": 0}


def large_invite(stage: SipStage) -> StagePort:
    """An INVITE that goes by TCP because of its size (RFC 3261 section 18.1.1)."""
    stage.say(request(b"INVITE", headers=((b"X-Long", b"x" * 1300),), body=offer()))
    return stage.dialled[-1]


def test_a_connection_that_is_lost_after_an_answer_is_a_failed_backend() -> None:
    stage = SipStage()
    connection = large_invite(stage)
    connection.connects()
    replies(connection, heard_request(connection), 180)
    assert stage.titles() == ["180 INVITE"]
    connection.goes()
    assert stage.titles(A) == []  # what may have been taken is not sent again by UDP
    assert stage.at(B).heard().startswith(b"INVITE ")


def test_a_large_invite_that_nothing_leads_to_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SipStage(hosts=("2001:db8::5", B))
    large_invite(stage)
    monkeypatch.setattr(stage, "own_address", lambda _: "")
    stage.at("2001:db8::5").goes(CloseReason.REFUSED)
    assert stage.at(B).heard().startswith(b"INVITE ")


def test_a_large_invite_that_nobody_answers() -> None:
    stage = SipStage()
    large_invite(stage).connects()
    stage.passes(2.1)
    assert stage.titles(A) == []
    assert stage.at(B).heard().startswith(b"INVITE ")


def caller_over_tcp(stage: SipStage) -> StagePort:
    """A connection that a caller opened."""
    connection = StagePort(stage, PHONE.host)
    connection.owner = stage.agent.accept(connection, stage.now)
    return connection


def test_a_caller_over_tcp() -> None:
    stage = SipStage()
    connection = caller_over_tcp(stage)
    sent = request(b"INVITE", body=offer()).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    connection.says(sent)
    assert connection.heard().startswith(b"SIP/2.0 100 ")
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    ok = parsed(connection.heard())
    assert isinstance(ok, sip.Response)
    assert ok.contact is not None
    assert ok.contact.uri == b"sip:192.0.2.1:5060;transport=tcp"
    connection.says(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", contact=False))
    stage.at(A).goes()
    assert heard_request(connection).method == b"BYE"
    assert stage.titles() == []


def test_octets_that_are_no_sip_cost_the_connection() -> None:  # C.2
    stage = SipStage()
    connection = caller_over_tcp(stage)
    connection.says(b"\0\1\2\r\n")
    assert (connection.heard(), connection.state) == (b"", "closed")
    assert stage.context.tally.anomalies == {"sip.bad-start-line": 1}


@pytest.mark.parametrize("how", ["finishes", "is lost", "fails", "stops"])
def test_a_connection_that_ends(how: str) -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.invite()
    connection = stage.at(A)
    connection.connects()
    connection.heard()
    owner = connection.owner
    assert isinstance(owner, SipConnection)
    match how:
        case "finishes":
            connection.finishes()
        case "is lost":
            connection.goes()
        case "fails":
            owner.crashed(stage.now)
        case _:
            owner.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert stage.at(B).heard().startswith(b"INVITE ")
    owner.crashed(stage.now)  # nothing more comes of it
    assert len([port for port in stage.dialled if port.peer == B]) == 1


def test_calls_share_a_connection_to_their_backend() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.invite()
    connection = stage.at(A)
    connection.connects()
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.dialled == [connection]
    assert connection.heard().count(b"INVITE sip:") == 2


def test_a_connection_from_where_an_older_one_came() -> None:
    stage = SipStage()
    older, newer = caller_over_tcp(stage), caller_over_tcp(stage)
    older.goes()
    (kept,) = stage.agent.network.connections.values()
    assert kept.port is newer


def test_a_connection_that_never_says_a_word() -> None:  # G-3
    stage = SipStage()
    connection = caller_over_tcp(stage)
    stage.passes(9)
    assert connection.state == "open"
    stage.passes(2)
    assert connection.state == "closed"
    assert stage.agent.network.connections == {}


@pytest.mark.parametrize("drip", [b"INVITE sip:", b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 5\r\n\r\n1"])
def test_a_message_that_does_not_end(drip: bytes) -> None:  # G-3
    stage = SipStage()
    connection = caller_over_tcp(stage)
    connection.says(b"\r\n\r\n")
    connection.says(drip[:3])
    for octet in drip[3:]:
        stage.passes(0.5)
        connection.says(bytes((octet,)))
    stage.passes(30)
    assert connection.state == "closed"
    assert stage.context.tally.anomalies == {"sip.message-timeout": 1}


def test_a_connection_is_kept_for_its_calls_and_for_a_while() -> None:  # G-3
    stage = SipStage()
    connection = caller_over_tcp(stage)
    connection.says(request(b"INVITE", body=offer()).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    ok = connection.heard()
    tag = ok[ok.rindex(b";tag=") + 5 :].partition(b"\r\n")[0]
    connection.says(request(b"ACK", to_tag=tag, branch=b"ack", contact=False))
    stage.passes(3600)
    assert connection.state == "open"
    connection.says(request(b"BYE", to_tag=tag, branch=b"bye", cseq=2))
    stage.passes(599)
    assert connection.state == "open"
    stage.passes(2)
    assert connection.state == "closed"
    assert stage.ends == ["client/teardown"]


def test_a_connection_that_is_to_end_soon_ends() -> None:
    stage = SipStage()
    connection = caller_over_tcp(stage)
    owner = connection.owner
    assert isinstance(owner, SipConnection)
    assert owner.watch is not None
    owner.watch.hurry(stage.now + 1)
    stage.passes(1)
    assert connection.state == "closed"
