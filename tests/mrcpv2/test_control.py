"""Control channels across backends: routed by alias, kept apart, ended cleanly (M-20 to M-34)."""

import pytest

from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import sip
from tests.mrcpv2.sip_stage import (
    A,
    B,
    CallOnStage,
    SipStage,
    answer,
    ask,
    event,
    offer,
    reply,
    request,
    two_calls,
)
from tests.stage import StagePort


def test_one_connection_carries_channels_of_two_backends_that_issue_the_same_id() -> None:  # M-20, E-03
    stage = SipStage()
    first, second = two_calls(stage)
    (one,), (two,) = first.channels, second.channels
    assert one != two
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, one) + ask(b"RECOGNIZE", 1, two, b"grammar"))
    assert first.leg.heard() == ask(b"RECOGNIZE", 1, b"45@speechrecog")
    assert second.leg.heard() == ask(b"RECOGNIZE", 1, b"45@speechrecog", b"grammar")
    second.leg.says(reply(1, b"45@speechrecog", state=b"IN-PROGRESS"))
    first.leg.says(reply(1, b"45@speechrecog"))
    first.leg.says(event(b"RECOGNITION-COMPLETE", 1, b"45@speechrecog"))
    assert front.heard() == (
        reply(1, two, state=b"IN-PROGRESS") + reply(1, one) + event(b"RECOGNITION-COMPLETE", 1, one)
    )
    (session, _) = stage.context.register
    assert (session.messages_to_backend, session.messages_to_client) == (1, 2)


def test_connection_new_and_existing() -> None:  # M-22
    stage = SipStage()
    call = stage.begin(connection=b"existing")
    assert b"a=connection:new" in call.ok.body  # no connection to share yet
    stage.connect()
    call = stage.begin(b"46@speechrecog", call=b"call-2", branch=b"b2", connection=b"existing")
    assert b"a=connection:existing" in call.ok.body
    assert b"a=connection:new" in call.invite.request.body  # M-21: each call has its own towards the backend
    call = stage.begin(b"47@speechrecog", call=b"call-3", branch=b"b3", connection=b"new")
    assert b"a=connection:new" in call.ok.body


def test_unknown_channels_get_405_and_guessers_are_cut() -> None:  # A.8, G-5
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]))
    front.says(ask(b"STOP", 2, b"45@speechrecog"))  # the real id is not for callers
    assert front.heard() == reply(2, b"45@speechrecog", 405)
    front.says(reply(3, b"zz@speechrecog"))
    assert front.heard() == b""
    for number in range(4, 30):
        front.says(ask(b"STOP", number, b"%d@speechrecog" % number))
    assert front.state == "closed"


def test_nothing_of_a_guesser_passes_once_it_is_cut() -> None:  # G-5
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    guesses = [ask(b"STOP", number, b"%d@speechrecog" % number) for number in range(30)]
    front.says(b"".join([*guesses, ask(b"RECOGNIZE", 31, call.channels[0])]))
    assert front.state == "closed"
    assert front.heard().count(b" 405 ") == 20
    assert call.leg.heard() == b""


def test_late_messages_are_told_from_guesses() -> None:  # E-04, M-33
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, alias))
    call.asks(b"BYE")
    for number in range(2, 40):
        front.says(ask(b"STOP", number, alias))
    assert front.state == "open"
    assert front.heard().endswith(reply(39, alias, 405))
    assert stage.context.tally.anomalies["mrcpv2.late-message"] == 38


def test_a_channel_belongs_to_the_caller_that_used_it_first() -> None:  # M-24
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front, other = stage.connect(), stage.connect("203.0.113.66")
    front.says(ask(b"RECOGNIZE", 1, alias))
    other.says(ask(b"STOP", 2, alias))
    assert other.heard() == reply(2, alias, 405)
    again = stage.connect()
    again.says(ask(b"STOP", 3, alias))  # the caller reconnected
    call.leg.says(reply(3, b"45@speechrecog"))
    assert (front.heard(), again.heard()) == (b"", reply(3, alias))


def test_a_connection_without_a_known_channel_is_closed() -> None:  # M-24
    stage = SipStage()
    front = stage.connect()
    stage.passes(11)
    assert front.state == "closed"


def test_a_connection_may_be_silent_while_its_caller_has_a_channel_to_speak_to() -> None:  # M-24
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    stage.passes(130)
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]))
    assert call.leg.heard() == ask(b"RECOGNIZE", 1, b"45@speechrecog")
    call.asks(b"BYE")
    stage.passes(11)
    assert front.state == "closed"


def test_a_connection_outlives_its_last_channel_by_a_moment() -> None:  # M-33
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]))
    call.asks(b"BYE")
    assert front.state == "open"
    stage.passes(11)
    assert front.state == "closed"


@pytest.mark.parametrize("how", ["reset", "fin", "garbage"])
def test_a_lost_backend_connection_ends_its_call_on_both_sides(how: str) -> None:  # M-30, M-32
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"SPEAK", 1, alias) + ask(b"STOP", 2, alias))
    call.leg.says(reply(1, b"45@speechrecog", state=b"IN-PROGRESS"))
    front.heard()
    if how == "reset":
        call.leg.goes(CloseReason.RESET)
    elif how == "fin":
        call.leg.finishes()
    else:
        call.leg.says(b"HTTP/1.1 200 OK\r\n")
    assert front.heard() == reply(2, alias, 501)
    assert front.state == "closed"
    assert stage.titles() == ["BYE"]
    assert stage.titles(A) == ["BYE"]
    assert stage.ends == ["backend/active"]


def test_the_calls_of_other_backends_live_on() -> None:  # M-30
    stage = SipStage()
    first, second = two_calls(stage)
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, first.channels[0]) + ask(b"RECOGNIZE", 1, second.channels[0]))
    first.leg.goes()
    assert front.state == "open"
    second.leg.says(reply(1, b"45@speechrecog"))
    assert front.heard() == reply(1, first.channels[0], 501) + reply(1, second.channels[0])


def test_a_connection_that_another_call_is_about_to_use_stays() -> None:  # M-30
    stage = SipStage()
    first, second = two_calls(stage)
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, first.channels[0]))
    first.leg.goes()
    assert front.state == "open"
    front.says(ask(b"RECOGNIZE", 1, second.channels[0]))
    second.leg.says(reply(1, b"45@speechrecog"))
    assert front.heard() == reply(1, first.channels[0], 501) + reply(1, second.channels[0])


@pytest.mark.parametrize("order", ["fin-bye", "bye-fin"])
def test_fin_and_bye_in_either_order_are_an_ordinary_end(order: str) -> None:  # M-31
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]))
    if order == "fin-bye":
        front.finishes()
        stage.passes(0.001)
        call.asks(b"BYE")
    else:
        call.asks(b"BYE")
        front.finishes()
    assert stage.ends == ["client/teardown"]
    stage.passes(10)
    assert len(stage.ended) == 1


def test_a_caller_that_lost_its_connection_may_come_back() -> None:  # M-31
    stage = SipStage()
    call = stage.begin()
    stage.connect().says(ask(b"RECOGNIZE", 1, call.channels[0]))
    stage.agent.table.channels[call.channels[0]].front.port.goes()  # type: ignore[union-attr]
    stage.passes(2)
    stage.connect().says(ask(b"STOP", 2, call.channels[0]))
    stage.passes(10)
    assert stage.ends == []


def test_a_caller_that_lost_its_connection_and_stays_away_is_ended() -> None:  # M-31
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]))
    front.goes()
    stage.passes(3.1)
    assert stage.titles() == ["BYE"]
    assert stage.titles(A)[:1] == ["BYE"]
    assert stage.ends == ["client/active"]


def test_lengths_are_written_anew_and_repaired_from_backends_only() -> None:  # M-00, M-16, M-17
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"STOP", 1, alias))
    assert call.leg.heard() == ask(b"STOP", 1, b"45@speechrecog")
    wrong = b"MRCP/2.0 117 1 200 COMPLETE\r\nChannel-Identifier: 45@speechrecog\r\n\r\n"
    call.leg.says(wrong)
    assert front.heard() == reply(1, alias)
    front.says(b"MRCP/2.0 999 STOP 2\r\nChannel-Identifier: %s\r\n\r\n" % alias)
    assert front.state == "closed"


def test_messages_of_other_channels_from_a_backend_are_dropped() -> None:
    stage = SipStage()
    first, second = two_calls(stage)
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, second.channels[0]))
    first.leg.says(event(b"RECOGNITION-COMPLETE", 1, b"99@speechrecog"))
    first.leg.says(event(b"RECOGNITION-COMPLETE", 1, b"45@speechrecog"))
    assert front.heard() == b""
    assert stage.context.tally.anomalies == {
        "mrcpv2.unknown-channel-from-backend": 1,
        "mrcpv2.no-caller-connection": 1,
    }


def test_a_request_that_is_never_answered() -> None:  # A.8: and no second response ever
    stage = SipStage()
    call = stage.begin()
    (alias,) = call.channels
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 2, alias))
    stage.passes(61)
    assert front.heard() == reply(2, alias, 501)
    call.leg.says(reply(2, b"45@speechrecog"))
    assert front.heard() == b""


@pytest.mark.parametrize(("answered", "waited"), [(True, 0), (False, 0), (False, 61)])
def test_a_backend_that_has_answered_all_is_left_at_once(*, answered: bool, waited: float) -> None:
    stage = SipStage()
    call = stage.begin()
    stage.connect().says(ask(b"RECOGNIZE", 2, call.channels[0]))
    if answered:
        call.leg.says(reply(2, b"45@speechrecog", state=b"IN-PROGRESS"))
    stage.passes(waited)  # after a while its caller is answered here; who knows what the backend has read
    call.asks(b"BYE")
    assert (call.leg.state, call.leg.all_read) == ("closed", answered)


def test_messages_that_do_not_end() -> None:  # M-18
    stage = SipStage()
    call = stage.begin()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, call.channels[0]) + b"MRCP/2.0 7")
    stage.passes(31)
    assert front.state == "closed"
    other = stage.begin(b"46@speechrecog", call=b"call-2", branch=b"b2")
    other.leg.says(b"MRCP/2.0 7")
    stage.passes(31)
    assert other.leg.state == "aborted"


def test_an_operator_ends_the_calls_of_one_backend() -> None:
    stage = SipStage()
    first, second = two_calls(stage)
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, first.channels[0]) + ask(b"RECOGNIZE", 1, second.channels[0]))
    stage.agent.leave(stage.context.pool.backends["a"], End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert front.heard() == reply(1, first.channels[0], 501)
    assert (stage.titles(A), stage.titles()) == (["BYE"], ["BYE"])
    assert stage.ends == ["operator/active"]
    stage.agent.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert stage.ends == ["operator/active"] * 2


def test_two_channels_with_the_same_id() -> None:  # F-13: UniMRCP gives two of one kind in a session the same
    stage = SipStage()
    call = stage.begin(b"45@speechrecog", b"45@speechrecog")
    alias, other = call.channels
    assert alias == other
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, alias))
    call.leg.says(reply(1, b"45@speechrecog"))
    assert front.heard() == reply(1, alias)
    call.asks(b"INVITE", body=offer(b"speechrecog", b"speechrecog", ports=(9, 0), connection=b"existing"))
    refreshed = answer(A, b"45@speechrecog", b"", ports=(20014, 0), connection=b"existing")
    stage.reply(stage.one(A), 200, refreshed)
    call.asks(b"ACK", cseq=2, branch=b"ack")
    front.says(ask(b"RECOGNIZE", 2, alias))  # the other line of it is still there
    call.leg.says(reply(2, b"45@speechrecog"))
    assert front.heard() == reply(2, alias)
    call.asks(b"BYE", cseq=3)
    stage.passes(40)
    assert (front.state, stage.agent.table.fronts) == ("closed", {})


@pytest.mark.parametrize("what", ["its first connection", "the call"])
def test_a_backend_that_leaves_before_all_its_control_connections_stand(what: str) -> None:  # S-05
    stage = SipStage()
    stage.invite(b"speechsynth", b"speechrecog")
    invite = stage.one(A)
    stage.reply(invite, 200, answer(A, b"45@speechsynth", b"45@speechrecog", ports=(20014, 20015)))
    first, second = stage.dialled
    first.connects()
    assert stage.titles() == []
    assert stage.titles(A) == ["ACK"]
    if what == "the call":
        CallOnStage(stage, b"call-1", b"", invite, first, sip.response_to(invite.request, 200)).backend_asks(
            b"BYE"
        )
        assert stage.titles(A) == ["200 BYE"]
    else:
        first.goes()
        assert stage.titles(A) == ["BYE"]
    assert second.state == "closed"
    stage.reply(stage.one(B), 200, answer(B, b"45@speechsynth", b"45@speechrecog"), host=B)
    stage.at(B).connects()
    assert stage.titles() == ["200 INVITE"]
    assert stage.taken == {"a": 0, "b": 1}


def test_an_offer_of_the_backend_shows_aliases_too() -> None:  # S-05, E-03
    stage = SipStage(backend={"max_sessions": {"speechrecog": 1}})
    stage.say(request(b"INVITE"))
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    ok = stage.one().response
    (alias,) = (line[10:] for line in ok.body.split(b"\r\n") if line.startswith(b"a=channel:"))
    assert alias != b"45@speechrecog"
    stage.say(request(b"ACK", to_tag=ok.to.tag or b"", branch=b"ack", body=offer(), contact=False))
    leg = stage.at(A)
    leg.connects()
    front = stage.connect()
    front.says(ask(b"RECOGNIZE", 1, alias))
    assert leg.heard() == ask(b"RECOGNIZE", 1, b"45@speechrecog")
    (session,) = stage.context.register
    assert session.resources == ("speechrecog",)


@pytest.mark.parametrize("control", ["proxied", "direct"])
def test_resources_are_counted_as_they_are_granted(control: str) -> None:
    stage = SipStage(
        backend={"max_sessions": {"speechrecog": 1, "speechsynth": 1}}, listener={"control": control}
    )

    def resources() -> tuple[str, ...]:
        (session,) = stage.context.register
        return session.resources

    stage.invite(b"speechsynth", b"speechrecog")
    invite = stage.one(A)
    stage.reply(invite, 200, answer(A, b"45@speechsynth", b"", ports=(20014, 0)))  # one is refused
    if control == "proxied":
        stage.at(A).connects()
    ok = stage.one().response
    assert resources() == ("speechsynth",)
    call = CallOnStage(stage, b"call-1", ok.to.tag or b"", invite, StagePort(stage, A), ok)
    call.asks(b"ACK", cseq=1, branch=b"ack")
    stage.heard(A)
    call.asks(b"UPDATE", cseq=2, body=offer(b"speechsynth", b"speechrecog", connection=b"existing"))
    both = answer(A, b"45@speechsynth", b"45@speechrecog", connection=b"existing")
    stage.reply(stage.one(A), 200, both)
    assert resources() == ("speechsynth", "speechrecog")
    call.asks(b"UPDATE", cseq=3, body=offer(b"speechsynth", b"speechrecog", ports=(0, 9)))
    stage.reply(stage.one(A), 200, answer(A, b"", b"45@speechrecog", ports=(0, 20014)))
    assert resources() == ("speechrecog",)
    call.asks(b"INFO", cseq=4, body=b"whatever")
    stage.reply(stage.one(A), 200)
    call.asks(b"UPDATE", cseq=5)  # a refresh that describes nothing
    stage.reply(stage.one(A), 200)
    assert resources() == ("speechrecog",)
    stage.invite(b"speechsynth", call=b"call-2", branch=b"b2")
    assert stage.titles(A) == ["INVITE"]  # there is room again
