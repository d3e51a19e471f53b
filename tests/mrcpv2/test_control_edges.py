"""Control channels at the edges: ids given twice, octets in pieces, too many requests, faults, late losses."""

import pytest

from mrcpbalance.config import Limits
from mrcpbalance.mrcpv2 import ControlCaller
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv2.sip_stage import A, SipStage, answer, ask, event, offer, reply, request, two_calls


def test_a_caller_that_asks_and_asks_is_read_no_more_until_it_has_answers() -> None:
    stage = SipStage(limits=Limits(requests_per_connection=4))
    call = stage.begin(b"45@speechsynth", b"45@speechrecog")
    synth, recog = call.channels
    front = stage.connect()
    asked = [ask(b"SPEAK", number, synth) for number in range(1, 8)]
    front.says(b"".join(asked) + ask(b"RECOGNIZE", 8, recog))
    assert call.leg.heard() == b"".join(ask(b"SPEAK", number, b"45@speechsynth") for number in range(1, 5))
    assert front.paused()
    call.leg.says(reply(1, b"45@speechsynth"))
    assert call.leg.heard() == b""
    call.leg.says(reply(2, b"45@speechsynth"))
    assert call.leg.heard() == b"".join(ask(b"SPEAK", number, b"45@speechsynth") for number in (5, 6))
    assert front.paused()
    front.heard()
    stage.passes(61)  # none of them is answered
    assert call.leg.heard().endswith(ask(b"RECOGNIZE", 8, b"45@speechrecog"))
    assert not front.paused()
    assert front.heard() == b"".join(reply(number, synth, 501) for number in range(3, 7))


def test_a_caller_that_asks_too_much_has_its_other_calls_go_on() -> None:
    stage = SipStage(limits=Limits(requests_per_connection=4))
    first, second = two_calls(stage)
    (one,), (two,) = first.channels, second.channels
    front = stage.connect()
    front.says(b"".join(ask(b"SPEAK", number, one) for number in range(1, 5)) + ask(b"SPEAK", 1, two))
    assert second.leg.heard() == b""
    first.leg.goes()
    assert second.leg.heard() == ask(b"SPEAK", 1, b"45@speechrecog")
    other = stage.connect()
    other.says(ask(b"SPEAK", 2, two))  # which takes its open request along
    front.says(b"".join(ask(b"SPEAK", number, one) for number in range(5, 9)))
    assert front.heard().count(b" 405 COMPLETE") == 4
    second.leg.says(reply(1, b"45@speechrecog") + reply(2, b"45@speechrecog"))
    assert other.heard() == reply(1, two) + reply(2, two)


def test_a_channel_twice_ends_once() -> None:  # F-13
    stage = SipStage()
    call = stage.begin(b"45@speechrecog", b"45@speechrecog")
    call.asks(b"BYE")
    assert (stage.agent.table.channels, stage.agent.table.unused) == ({}, {})
    stage.passes(61)
    stage.heard(A)
    stage.heard()
    stage.begin(b"45@speechrecog", call=b"call-2", branch=b"b2").asks(b"BYE")
    assert len(stage.agent.table.gone) == 1  # E-04: for a minute


def test_a_connection_that_came_for_a_channel_known_already() -> None:  # F-13
    stage = SipStage()
    call = stage.begin(b"45@speechrecog")
    call.asks(b"UPDATE", body=offer(b"speechrecog", b"speechrecog", connection=b"existing"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog", b"45@speechrecog"))
    leg = stage.at(A)
    leg.connects()
    leg.goes()
    assert stage.ends == []
    call.asks(b"UPDATE", cseq=3, body=offer(b"speechrecog", b"speechrecog", b"recorder"))
    stage.heard(A)
    assert stage.titles() == ["200 UPDATE"]


def test_what_callers_send_that_is_no_new_request() -> None:
    stage = SipStage(listener={"framing": "repair"})
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    padded = b"MRCP/2.0 99 STOP 1\r\nChannel-Identifier: %s\r\n\r\n" % alias
    front.says(padded + ask(b"STOP", 1, alias) + event(b"HELLO", 1, alias))
    stop = ask(b"STOP", 1, b"45@speechrecog")
    assert call.leg.heard() == stop + stop + event(b"HELLO", 1, b"45@speechrecog")
    call.leg.says(reply(1, b"45@speechrecog") + reply(7, b"45@speechrecog"))
    assert front.heard() == reply(1, alias) + reply(7, alias)
    assert stage.context.tally.anomalies == {"mrcpv2.length-mismatch": 1}


def test_a_message_of_a_backend_in_pieces() -> None:  # M-18
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"STOP", 1, alias))
    for octet in reply(1, b"45@speechrecog"):
        call.leg.says(bytes((octet,)))
    assert front.heard() == reply(1, alias)
    stage.passes(31)
    assert call.leg.state == "open"


@pytest.mark.parametrize("whose", ["caller", "backend"])
def test_a_fault_of_our_own_ends_what_it_was_about(whose: str) -> None:
    stage = SipStage()
    first, second = two_calls(stage)
    front = stage.connect()
    front.says(ask(b"STOP", 1, first.channels[0]) + ask(b"STOP", 1, second.channels[0]))
    port = front if whose == "caller" else first.leg
    port.owner.crashed(stage.now)
    port.owner.crashed(stage.now)
    assert port.state == ("closed" if whose == "caller" else "aborted")
    stage.passes(4)
    ends = ["client/active", "client/active"] if whose == "caller" else ["backend/active"]
    assert stage.ends == ends


def test_a_caller_that_lost_two_connections_is_awaited_since_the_second() -> None:  # M-31
    stage = SipStage()
    call = stage.begin(b"45@speechsynth", b"45@speechrecog")
    synth, recog = call.channels
    one, two = stage.connect(), stage.connect()
    one.says(ask(b"STOP", 1, synth))
    two.says(ask(b"STOP", 2, recog))
    one.goes()
    stage.passes(2)
    two.goes()
    stage.passes(2)
    assert stage.ends == []
    stage.passes(2)
    assert stage.ends == ["client/active"]


def test_a_connection_is_told_to_end_with_the_process() -> None:
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"STOP", 1, alias))
    owner = front.owner
    assert isinstance(owner, ControlCaller)
    owner.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert front.heard() == reply(1, alias, 501)
    assert front.state == "closed"


def test_a_connection_that_is_to_end_soon_ends() -> None:
    stage = SipStage()
    stage.begin()
    front = stage.connect()
    owner = front.owner
    assert isinstance(owner, ControlCaller)
    owner.watch.hurry(stage.now + 1)
    stage.passes(1)
    assert front.state == "closed"


def test_requests_that_are_never_answered_are_not_remembered_for_ever() -> None:
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    for first in range(0, 1024, 256):
        front.says(b"".join(ask(b"STOP", first + number, alias) for number in range(256)))
        stage.passes(61)
    assert front.heard().count(b" 501 COMPLETE") == 1024
    call.leg.says(reply(1023, b"45@speechrecog") + reply(1, b"45@speechrecog"))
    assert front.heard() == reply(1023, alias)


def test_offers_answered_in_the_ack_by_a_backend_that_cannot_be_joined() -> None:  # S-05
    stage = SipStage()
    stage.say(request(b"INVITE"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    tag = stage.one().response.to.tag or b""
    stage.say(request(b"ACK", to_tag=tag, branch=b"ack", body=offer(), contact=False))
    assert stage.titles(A) == ["ACK"]
    stage.at(A).goes(CloseReason.REFUSED)
    assert (stage.titles(), stage.titles(A)) == (["BYE"], ["BYE"])
    assert stage.ends == ["backend/setup"]


def test_a_backend_that_offers_nothing() -> None:
    stage = SipStage()
    stage.say(request(b"INVITE"))
    stage.reply(stage.one(A), 200)
    ok = stage.one().response
    assert ok.body == b""
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", contact=False))
    assert stage.titles(A) == ["ACK"]
    assert stage.dialled == []
