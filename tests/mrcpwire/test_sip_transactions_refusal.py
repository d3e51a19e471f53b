"""What is refused without a transaction: requests that come over two ways, our own ones, and too many."""

import pytest

from mrcpwire import sip
from mrcpwire.sip_transactions import NewRequest
from tests.mrcpwire.sip_transactions_stage import UDP, VIA, Stage, request

TAGGED = b"<sip:pool@192.0.2.1>;tag=ours"


# Merged requests (RFC 3261 section 8.2.2.2).


@pytest.mark.parametrize("method", [b"INVITE", b"OPTIONS"])
@pytest.mark.parametrize("statuses", [(), (180,), (200,), (486,)])
def test_a_request_that_comes_over_two_ways(method: bytes, statuses: tuple[int, ...]) -> None:
    stage = Stage()
    stage.hears(request(method))
    for status in statuses:
        stage.respond(status)
    for _ in range(2):
        assert stage.hears(request(method, VIA + b"2")) is None
        assert stage.last_response().status == 482
    assert stage.last_response().to.tag
    assert len(stage.layer) == 1
    assert stage.layer.statistics.refused == 2
    stage.run(200.0)
    if len(stage.layer) == 0:
        assert isinstance(stage.hears(request(method, VIA + b"2")), NewRequest)


# A second request that is another one.
OTHERS = {
    "a new attempt": request(b"INVITE", VIA + b"2", cseq=b"2 INVITE"),
    "another call": request(b"INVITE", VIA + b"2", call_id=b"other"),
    "another caller": request(b"INVITE", VIA + b"2", from_=b"<sip:a@h>;tag=other"),
    "inside a dialog": request(b"INVITE", VIA + b"2", to=TAGGED),
    "another method": request(b"OPTIONS", VIA + b"2"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_other_requests_are_not_merged(other: sip.Request) -> None:
    stage = Stage()
    stage.hears(request(b"INVITE"))
    assert isinstance(stage.hears(other), NewRequest)


def test_requests_inside_a_dialog_are_never_merged() -> None:
    stage = Stage()
    for number in b"12":
        event = stage.hears(request(b"INFO", VIA + b"%d" % number, to=TAGGED))
        assert isinstance(event, NewRequest)


# Our own requests (G-8).


@pytest.mark.parametrize("between", [b"", b"SIP/2.0/UDP other.invalid;branch=z9hG4bKx, "])
@pytest.mark.parametrize("method", [b"INVITE", b"OPTIONS"])
def test_a_request_of_ours_that_comes_back(between: bytes, method: bytes) -> None:
    """G-8."""
    stage = Stage()
    stage.request(method)
    sent = stage.last_request()
    via = sent.headers.get(b"Via")
    assert via is not None
    back = sent.with_headers(sent.headers.with_(b"Via", between + via))
    assert stage.hears(back) is None
    refusal = stage.last_response()
    assert refusal.status == 482
    assert len(stage.layer) == 1


def test_the_whole_loop_ends() -> None:
    """G-8: we send to ourselves."""
    stage = Stage()
    stage.request(b"INVITE")
    stage.hears(stage.last_request())
    event = stage.hears(stage.last_response())
    ack = stage.last_request()
    assert ack.method == b"ACK"
    assert stage.hears(ack) is None
    assert event is not None
    assert stage.take_log() == ["INVITE", "482 INVITE", "Answered", "ACK"]
    assert stage.layer.statistics.dropped == 1


# The limit (G-6).


def test_at_the_limit_invites_are_refused_and_others_dropped() -> None:
    """G-6."""
    stage = Stage(limit=2)
    stage.hears(request(b"INVITE"))
    stage.request(b"OPTIONS")
    stage.take_log()
    for _ in range(2):
        assert stage.hears(request(b"INVITE", VIA + b"2", call_id=b"two")) is None
        assert stage.take_log() == ["503 INVITE"]
        assert stage.last_response().to.tag
    assert stage.hears(request(b"OPTIONS", VIA + b"3", call_id=b"three")) is None
    assert stage.take_log() == []
    statistics = stage.layer.statistics
    assert (statistics.refused, statistics.dropped, len(stage.layer)) == (2, 1, 2)


def test_at_the_limit_what_lives_goes_on() -> None:
    stage = Stage(limit=1)
    stage.hears(request(b"INVITE"))
    stage.hears(request(b"CANCEL"))
    stage.respond(487)
    stage.hears(request(b"ACK"))
    stage.request(b"BYE")
    assert stage.take_log() == [
        *("NewRequest", "100 INVITE", "Cancelled", "200 CANCEL"),
        *("487 INVITE", "AckReceived", "BYE"),
    ]
    stage.answer(200)
    stage.run(31.0)
    assert stage.hears(request(b"INVITE", VIA + b"2")) is None
    stage.run(32.0)
    assert isinstance(stage.hears(request(b"INVITE", VIA + b"2")), NewRequest)


def test_a_refusal_is_no_larger_than_needed() -> None:
    """G-6: answers to strangers are shorter than what they sent."""
    stage = Stage(limit=0)
    invite = request(b"INVITE", VIA, (b"X-Long", b"x" * 100)).with_body(b"v=0\r\n", b"application/sdp")
    stage.hears(invite)
    assert len(stage.sent[-1][1]) < len(invite.to_bytes())
    assert [name for name, _ in stage.last_response().headers] == [
        *(b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Content-Length")
    ]
    assert stage.sent[-1][0] is UDP
