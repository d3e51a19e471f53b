"""What an observer hears of MRCPv2: the SIP of both legs, and the control messages as each side knows their channel."""

import pytest

from mrcpbalance.config import Address
from mrcpbalance.sessions import End, Hop, Phase, Who
from tests.mrcpv2.framed_stage import ONE, FramedStage
from tests.mrcpv2.framed_stage import ask as framed_ask
from tests.mrcpv2.framed_stage import reply as framed_reply
from tests.mrcpv2.sip_stage import OWN, PHONE, A, B, SipStage, ask, event, reply, request
from tests.stage import Ear, StagePort

OPERATOR = End(Who.OPERATOR, Phase.ACTIVE)


def sip_lines(ear: Ear) -> list[str]:
    """What was heard of SIP since the ear was last asked: whose, and method or status."""
    return [
        line.replace(" SIP/2.0 ", " ").replace(" sip:asr@192.0.2.1:5060", "").partition(" sip:")[0]
        for line in ear.lines()
    ]


def test_a_call_is_heard_on_both_legs() -> None:
    stage = SipStage()
    ear = stage.listen()
    call = stage.begin()
    assert sip_lines(ear) == [
        "from-client INVITE",
        "to-backend INVITE",
        "to-client 100",
        "from-backend 200",
        "to-backend ACK",
        "to-client 200",
        "from-client ACK",
    ]
    call.asks(b"BYE")
    bye = stage.one(A)
    stage.reply(bye, 200)
    assert sip_lines(ear) == ["from-client BYE", "to-client 200", "to-backend BYE", "from-backend 200"]
    assert [str(session.end) for session, _ in ear.ends] == ["client/teardown"]


def test_datagrams_say_where_they_came_from_and_went() -> None:
    stage = SipStage()
    ear = stage.listen()
    sent = stage.invite()
    backwards = stage.sockets[0].local
    assert (ear.heard[0].data, ear.heard[0].way) == (sent, Hop(OWN, PHONE))
    assert ear.heard[1].way == Hop(backwards, Address(A, 5060))
    assert [one.protocol for one in ear.heard] == ["sip", "sip", "sip"]


def test_repeated_datagrams_are_heard_each_time() -> None:
    stage = SipStage()
    ear = stage.listen()
    sent = stage.invite()
    ear.told()
    stage.say(sent)
    stage.passes(0.6)
    assert sip_lines(ear) == ["from-client INVITE", "to-client 100", "to-backend INVITE"]


def test_tries_that_failed_are_heard_too() -> None:
    stage = SipStage()
    ear = stage.listen()
    stage.invite()
    stage.reply(stage.one(A), 503)
    stage.reply(stage.heard(B)[0], 486, host=B)
    lines = sip_lines(ear)
    assert lines[3:] == [
        "from-backend 503",
        "to-backend ACK",
        "to-backend INVITE",
        "from-backend 486",
        "to-backend ACK",
        "to-client 486",
    ]


def test_what_the_proxy_refuses() -> None:
    stage = SipStage()
    stage.draining = True
    ear = stage.listen()
    stage.invite()
    stage.draining = False
    assert sip_lines(ear)[0] == "from-client INVITE"


def test_a_call_the_proxy_ends_is_heard_to_its_last_answer() -> None:
    stage = SipStage()
    ear = stage.listen()
    call = stage.begin()
    ear.told()
    call.leg.goes()
    (told,) = stage.heard()
    stage.reply(told, 200, host=PHONE.host)
    stage.reply(stage.one(A), 200)
    lines = sip_lines(ear)
    assert sorted(lines[:2]) == ["to-backend BYE", "to-client BYE"]
    assert sorted(lines[2:]) == ["from-backend 200", "from-client 200"]


def test_a_call_that_ended_long_ago_is_forgotten() -> None:
    stage = SipStage()
    ear = stage.listen()
    stage.begin().asks(b"BYE")
    stage.reply(stage.one(A), 200)
    ear.told()
    stage.passes(40)
    stage.say(request(b"BYE", branch=b"again", to_tag=b"x"))
    assert ear.told() == []
    assert stage.agent.taps.late == {}


def test_any_message_has_those_forgotten_that_ended_long_ago() -> None:
    stage = SipStage()
    stage.listen()
    stage.begin().asks(b"BYE")
    stage.context.register.choosers = ()
    stage.passes(40)
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.agent.taps.late == {}


def test_what_is_said_late_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrcpbalance.mrcpv2._taps.LATE_MOST", 1)
    stage = SipStage()
    stage.listen()
    stage.begin().asks(b"BYE")
    stage.heard(A)
    stage.heard()
    stage.begin(call=b"call-2", branch=b"b2").asks(b"BYE", branch=b"bye-2")
    assert list(stage.agent.taps.late) == [b"call-2"]


def test_an_observer_that_comes_later_hears_the_rest() -> None:
    stage, ear = SipStage(), Ear()
    call = stage.begin()
    other = stage.begin(call=b"call-2", branch=b"b2")
    (session,) = stage.context.register.find("call-1")
    stage.context.register.tap(session, ear)
    call.asks(b"OPTIONS")
    other.asks(b"OPTIONS", branch=b"other")
    assert sip_lines(ear) == ["from-client OPTIONS", "to-client 200"]
    stage.context.register.untap(session, ear)
    call.asks(b"OPTIONS", cseq=3)
    assert ear.told() == []


def test_an_observer_that_leaves_after_the_end_hears_no_more() -> None:
    stage = SipStage()
    ear = stage.listen()
    call = stage.begin()
    call.asks(b"BYE")
    stage.context.register.untap(ear.ends[0][0], ear)
    ear.told()
    stage.reply(stage.one(A), 200)
    assert ear.told() == []


def test_calls_over_tcp_say_by_which_connection() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    ear = stage.listen()
    phone = StagePort(stage, PHONE.host)
    phone.owner = stage.agent.accept(phone, stage.now)
    phone.says(request(b"INVITE", body=b""))
    a = stage.at(A)
    a.connects()
    ways = [(one.direction.value, one.way) for one in ear.heard]
    assert ways[:2] == [("from-client", phone), ("to-backend", a)]
    assert ear.heard[0].data == request(b"INVITE", body=b"")


def test_control_messages_are_heard_as_each_side_knows_their_channel() -> None:
    stage = SipStage()
    ear = stage.listen()
    call = stage.begin()
    ear.told()
    (alias,) = call.channels
    phone = stage.connect()
    phone.says(ask(b"RECOGNIZE", 1, alias))
    call.leg.says(reply(1, b"45@speechrecog", 200, b"IN-PROGRESS"))
    call.leg.says(event(b"RECOGNITION-COMPLETE", 1, b"45@speechrecog"))
    assert [(one.protocol, one.way) for one in ear.heard[:3]] == [
        ("mrcpv2", phone),
        ("mrcpv2", call.leg),
        ("mrcpv2", call.leg),
    ]
    assert ear.told() == [
        ("from-client", ask(b"RECOGNIZE", 1, alias)),
        ("to-backend", ask(b"RECOGNIZE", 1, b"45@speechrecog")),
        ("from-backend", reply(1, b"45@speechrecog", 200, b"IN-PROGRESS")),
        ("to-client", reply(1, alias, 200, b"IN-PROGRESS")),
        ("from-backend", event(b"RECOGNITION-COMPLETE", 1, b"45@speechrecog")),
        ("to-client", event(b"RECOGNITION-COMPLETE", 1, alias)),
    ]


def test_answers_for_a_backend_that_is_gone() -> None:
    stage = SipStage()
    ear = stage.listen()
    call = stage.begin()
    (alias,) = call.channels
    phone = stage.connect()
    phone.says(ask(b"RECOGNIZE", 1, alias))
    ear.told()
    call.leg.goes()
    assert ear.told()[0] == ("to-client", reply(1, alias, 501))


# Without SIP.


def test_a_framed_channel_from_its_first_message_to_its_last() -> None:
    stage = FramedStage()
    ear = stage.listen()
    a = stage.begin()
    stage.client.says(framed_ask(b"RECOGNIZE", 2))
    a.says(framed_reply(2))
    stage.client.says(framed_ask(b"TEARDOWN", 3))
    a.says(framed_reply(3))
    both = [("from-client", "to-backend"), ("from-backend", "to-client")]
    messages = [
        framed_ask(b"SETUP", 1),
        framed_reply(1),
        framed_ask(b"RECOGNIZE", 2),
        framed_reply(2),
        framed_ask(b"TEARDOWN", 3),
        framed_reply(3),
    ]
    assert ear.told() == [(who, data) for at, data in enumerate(messages) for who in both[at % 2]]
    assert [str(session.end) for session, _ in ear.ends] == ["client/teardown"]


def test_what_is_sent_again_to_another_backend() -> None:
    stage = FramedStage()
    ear = stage.listen()
    stage.client.says(framed_ask(b"SETUP", 1))
    stage.client.says(framed_ask(b"RECOGNIZE", 2))
    stage.at(A).goes()
    assert [who for who, _ in ear.told()] == [
        "from-client",
        "to-backend",
        "from-client",
        "to-backend",
        "to-backend",
        "to-backend",
    ]


def test_framed_answers_of_the_proxy_and_answers_too_late() -> None:
    stage = FramedStage()
    ear = stage.listen()
    a = stage.begin()
    stage.client.says(framed_ask(b"RECOGNIZE", 2))
    ear.told()
    stage.passes(stage.context.timeouts.request + 1)
    a.says(framed_reply(2))
    assert ear.told() == [("to-client", framed_reply(2, ONE, 501)), ("from-backend", framed_reply(2))]
