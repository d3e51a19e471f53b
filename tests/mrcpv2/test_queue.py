"""Channels and calls that wait while no backend is eligible."""

from mrcpbalance.config import Limits
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv2.framed_stage import A as FRAMED_A
from tests.mrcpv2.framed_stage import FramedStage, ask, reply
from tests.mrcpv2.sip_stage import A, B, SipStage, request

QUEUE: dict[str, object] = {"queue_size": 1, "queue_timeout": 2.0}
ONE, TWO, THREE = b"1@speechrecog", b"2@speechrecog", b"3@speechrecog"


def framed(**limits: int) -> FramedStage:
    """A stage whose only backend is away, by an operator's word."""
    play = FramedStage(backends=1, pool=QUEUE, limits=Limits(**limits))
    play.context.pool.backends["a"].drain()
    return play


def test_a_channel_waits_with_all_that_was_said_on_it() -> None:
    play = framed()
    play.client.says(ask(b"SETUP", 1, ONE) + ask(b"SET-PARAMS", 2, ONE))
    play.passes(1.0)
    assert (play.dialled, play.client.heard()) == ([], b"")
    play.context.pool.backends["a"].enable()
    play.passes(0.0)
    a = play.at(FRAMED_A)
    a.connects()
    assert a.heard() == ask(b"SETUP", 1, ONE) + ask(b"SET-PARAMS", 2, ONE)
    a.says(reply(1, ONE))
    assert play.client.heard() == reply(1, ONE)


def test_a_channel_that_waited_in_vain() -> None:
    play = framed()
    play.client.says(ask(b"SETUP", 1, ONE))
    play.passes(2.0)
    assert play.client.heard() == reply(1, ONE, 501)
    assert play.ends == ["proxy/setup"]


def test_a_second_channel_finds_the_queue_full() -> None:
    play = framed()
    play.client.says(ask(b"SETUP", 1, ONE) + ask(b"SETUP", 1, TWO))
    assert play.client.heard() == reply(1, TWO, 501)


def test_a_channel_does_not_wait_with_more_than_can_be_kept() -> None:
    play = framed(message=1_024)
    play.client.says(
        ask(b"SETUP", 1, ONE) + ask(b"RECOGNIZE", 2, ONE, b"x" * 800) + ask(b"RECOGNIZE", 3, ONE, b"x" * 800)
    )
    assert play.client.heard() == b"".join(reply(number, ONE, 501) for number in (1, 2, 3))
    assert play.context.pool.queue.waiting == 0


def test_a_caller_that_leaves_takes_its_channel_along() -> None:
    play = framed()
    play.client.says(ask(b"SETUP", 1, ONE))
    play.client.goes(CloseReason.RESET)
    assert play.context.pool.queue.waiting == 0
    play.passes(9.0)
    assert play.dialled == []


def calls(**backend: object) -> SipStage:
    return SipStage(backend=backend or {"max_sessions": 1}, pool=QUEUE, hosts=(A,))


def test_a_call_waits_for_one_that_ends() -> None:
    play = calls()
    first = play.begin()
    play.invite(b"speechrecog", call=b"call-2", branch=b"b2")
    play.passes(1.0)
    assert play.titles(A) == []
    first.asks(b"BYE")
    play.passes(0.0)
    assert play.titles(A) == ["BYE", "INVITE"]
    assert play.taken == {"a": 1}


def test_a_call_that_waited_in_vain() -> None:
    play = calls()
    play.begin()
    play.invite(b"speechrecog", call=b"call-2", branch=b"b2")
    assert play.titles() == []
    play.passes(2.0)
    assert "503 INVITE" in play.titles()


def test_a_further_call_finds_the_queue_full() -> None:
    play = calls()
    play.begin()
    for branch in (b"b2", b"b3"):
        play.invite(b"speechrecog", call=b"call-" + branch, branch=branch)
    assert play.titles() == ["503 INVITE"]


def test_a_cancelled_call_waits_no_longer() -> None:
    play = calls()
    play.begin()
    play.invite(b"speechrecog", call=b"call-2", branch=b"b2")
    play.say(request(b"CANCEL", call=b"call-2", branch=b"b2", contact=False))
    assert play.titles() == ["200 CANCEL", "487 INVITE"]
    assert play.context.pool.queue.waiting == 0


def test_a_call_for_two_resources_goes_where_there_is_room_for_both() -> None:
    play = SipStage(backend={"max_sessions": {"speechsynth": 1}})
    play.begin(b"1@speechsynth")
    play.invite(b"speechrecog", b"speechsynth", call=b"call-2", branch=b"b2")
    assert (play.titles(A), play.titles(B)) == ([], ["INVITE"])


def test_a_busy_backend_is_left_alone_for_a_while() -> None:
    play = SipStage()
    play.invite(b"speechrecog")
    play.reply(play.one(A), 486)
    play.invite(b"speechrecog", call=b"call-2", branch=b"b2")
    assert play.titles(B) == ["INVITE"]
    play.passes(2.1)
    play.heard(A)
    play.invite(b"speechrecog", call=b"call-3", branch=b"b3")
    assert "INVITE" in play.titles(A)
