"""Server transactions beyond their timers: what comes again, 100, ACK and CANCEL."""

import pytest

from mrcpwire import LocalProtocolError, sip
from mrcpwire.sip_transactions import AckReceived, Cancelled, Event, NewRequest
from tests.mrcpwire.sip_transactions_stage import PEER, TCP, UDP, VIA, Stage, request

TAGGED = b"<sip:pool@192.0.2.1>;tag=ours"
OLD = b"SIP/2.0/UDP 192.0.2.10:5070"  # RFC 2543 knew no cookie


def new(event: Event | None) -> NewRequest:
    assert isinstance(event, NewRequest)
    assert event.transaction is not None
    return event


def stray(event: Event | None) -> NewRequest:
    assert isinstance(event, NewRequest)
    assert event.transaction is None
    return event


# 100, and what comes again.


def test_an_invite_is_answered_100_at_once() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE", VIA, (b"Timestamp", b"54")))
    trying = stage.last_response()
    assert (trying.status, trying.to.tag) == (100, None)
    assert trying.headers.get(b"Timestamp") == b"54"
    stage.flush()
    assert stage.take_log() == ["NewRequest", "100 INVITE"]


def test_an_invite_that_is_answered_at_once_needs_no_100() -> None:
    """G-6: no more than needed."""
    stage = Stage()
    event = new(stage.layer.received(request(b"INVITE"), UDP, 0.0))
    assert event.transaction is not None
    stage.layer.respond(event.transaction, sip.response_to(event.request, 486, to_tag=b"x"), 0.0)
    stage.flush()
    assert stage.take_log() == ["486 INVITE"]


def test_an_invite_that_comes_again_before_anything_was_sent() -> None:
    stage = Stage()
    stage.layer.received(request(b"INVITE"), UDP, 0.0)
    stage.layer.received(request(b"INVITE"), UDP, 0.0)
    stage.flush()
    assert stage.take_log() == ["100 INVITE"]


def test_what_comes_again_gets_the_last_response_again() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    for status in (180, 183, 486):
        stage.respond(status)
        stage.hears(request(b"INVITE"))
    assert stage.take_log() == [
        *("NewRequest", "100 INVITE"),
        *("180 INVITE", "180 INVITE"),
        *("183 INVITE", "183 INVITE"),
        *("486 INVITE", "486 INVITE"),
    ]
    assert stage.layer.statistics.absorbed == 3
    assert stage.layer.statistics.retransmissions == 3


def test_a_request_that_comes_again_before_its_answer() -> None:
    stage = Stage()
    stage.hears(request(b"BYE"))
    stage.hears(request(b"BYE"))
    for status in (100, 100, 200):
        stage.respond(status)
    stage.hears(request(b"BYE"))
    assert stage.take_log() == ["NewRequest", "100 BYE", "100 BYE", "200 BYE", "200 BYE"]


@pytest.mark.parametrize("method", [b"INVITE", b"BYE"])
@pytest.mark.parametrize("status", [200, 486])
def test_there_is_one_final_response(method: bytes, status: int) -> None:
    stage = Stage()
    stage.hears(request(method))
    stage.respond(status)
    for again in (180, 200, 500):
        with pytest.raises(LocalProtocolError):
            stage.respond(again)


# The ACK.


def test_an_ack_to_a_2xx_has_no_transaction() -> None:
    """F-23: whose it is, the dialog tells; its CSeq may be anything."""
    stage = Stage()
    stage.hears(request(b"INVITE"))
    stage.respond(200)
    ack = request(b"ACK", VIA + b"2", to=TAGGED, cseq=b"2 ACK")
    assert stray(stage.hears(ack)).request is ack


@pytest.mark.parametrize("acknowledged", [False, True])
def test_an_ack_to_a_2xx_may_keep_the_branch(acknowledged: bool) -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    stage.respond(200)
    if acknowledged:
        stage.acked()
    stray(stage.hears(request(b"ACK", to=TAGGED)))
    stage.take_log()
    stage.run(0.5)
    assert stage.take_log() == ([] if acknowledged else ["200 INVITE"])  # it is the user who says `acked`
    assert stage.hears(request(b"INVITE")) is None


def test_a_stray_ack_is_told_and_not_answered() -> None:
    stage = Stage()
    assert stray(stage.hears(request(b"ACK"))).flow is UDP
    assert stage.take_log() == ["NewRequest"]
    assert len(stage.layer) == 0


def test_an_ack_before_any_final_response_is_absorbed() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    assert stage.hears(request(b"ACK")) is None
    stage.respond(486)
    assert isinstance(stage.hears(request(b"ACK")), AckReceived)
    assert stage.hears(request(b"ACK")) is None
    assert stage.layer.statistics.absorbed == 2


def test_an_old_ack_is_matched_by_our_tag() -> None:
    """RFC 3261 section 17.2.3."""
    stage = Stage()
    invite = request(b"INVITE", OLD)
    stage.hears(invite)
    stage.respond(486)
    other = request(b"ACK", OLD, to=b"<sip:pool@192.0.2.1>;tag=other")
    stray(stage.hears(other))
    assert stage.hears(invite) is None
    event = stage.hears(request(b"ACK", OLD, to=TAGGED))
    assert isinstance(event, AckReceived)
    assert event.transaction is stage.server


def test_an_old_ack_to_a_2xx() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE", OLD))
    stage.respond(200)
    stray(stage.hears(request(b"ACK", OLD, to=TAGGED)))


@pytest.mark.parametrize("method", [b"INVITE", b"UPDATE"])
@pytest.mark.parametrize("statuses", [(), (183,), (486,)])
def test_acked_where_no_2xx_waits_does_nothing(method: bytes, statuses: tuple[int, ...]) -> None:
    stage = Stage()
    stage.hears(request(method))
    for status in statuses:
        stage.respond(status)
    stage.acked()
    assert stage.hears(request(method)) is None
    stage.run(100.0)
    stage.acked()
    assert stage.server.ended is (statuses == (486,))


# CANCEL (S-06).


@pytest.mark.parametrize("via", [VIA, OLD])
def test_a_cancel_has_the_via_of_its_invite(via: bytes) -> None:
    stage = Stage()
    stage.hears(request(b"INVITE", via))
    assert isinstance(stage.hears(request(b"CANCEL", via)), Cancelled)
    assert stage.take_log() == ["NewRequest", "100 INVITE", "Cancelled", "200 CANCEL"]


def test_a_cancel_is_answered_here_and_told_once() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    cancel = request(b"CANCEL")
    assert stage.hears(cancel) == Cancelled(stage.server, cancel)
    assert stage.last_response().to.tag
    answer = stage.sent[-1]
    assert stage.hears(cancel) is None
    stage.respond(487)
    assert isinstance(stage.hears(request(b"ACK")), AckReceived)
    stage.run(31.0)  # its INVITE is forgotten
    assert stage.hears(cancel) is None
    assert stage.sent[-1] == answer
    assert stage.take_log() == [
        *("NewRequest", "100 INVITE", "Cancelled", "200 CANCEL", "200 CANCEL"),
        *("487 INVITE", "AckReceived", "200 CANCEL"),
    ]
    stage.run(100.0)
    assert stage.ended_at == 32.0


def test_the_answer_to_a_cancel_has_the_tag_of_its_invite() -> None:
    """RFC 3261 section 9.2."""
    stage = Stage(TCP)
    stage.hears(request(b"INVITE"))
    stage.respond(180)
    assert isinstance(stage.hears(request(b"CANCEL")), Cancelled)
    assert stage.last_response().to.tag == b"ours"
    assert len(stage.layer) == 1  # over TCP no CANCEL comes again
    assert stage.hears(request(b"CANCEL")) is None
    assert stage.last_response().status == 200


def test_an_invite_that_comes_again_after_its_cancel() -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    stage.hears(request(b"CANCEL"))
    stage.take_log()
    stage.hears(request(b"INVITE"))
    stage.hears(request(b"ACK"))
    stage.acked()
    stage.respond(180)
    stage.respond(200)  # the user's will
    stage.run(0.5)
    assert stage.take_log() == ["100 INVITE", "180 INVITE", "200 INVITE", "200 INVITE"]


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_cancel_after_our_2xx_has_no_effect(acknowledged: bool) -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    stage.respond(200)
    if acknowledged:
        stage.acked()
    stage.take_log()
    assert stage.hears(request(b"CANCEL")) is None
    assert stage.take_log() == ["200 CANCEL"]
    assert stage.last_response().to.tag == b"ours"


def test_a_cancel_that_matches_nothing() -> None:
    stage = Stage()
    stage.hears(request(b"OPTIONS"))
    for _ in range(2):
        assert stage.hears(request(b"CANCEL", b"SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKpeer")) is None
        assert stage.last_response().status == 481
        assert stage.sent[-1][0].remote == PEER
    assert stage.all_sent()[-1].to.tag == stage.all_sent()[-2].to.tag is not None
    assert stage.layer.statistics.refused == 2
    assert len(stage.layer) == 1
