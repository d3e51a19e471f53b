"""Client transactions beyond their timers: what is sent, forks, lost ACKs, broken connections."""

import itertools

import attrs
import pytest

from mrcpwire import LocalProtocolError, sip
from mrcpwire.sip_transactions import (
    Answered,
    ClientTransaction,
    Flow,
    State,
    TimedOut,
    Timers,
    Transactions,
    TransportFailed,
)
from tests.mrcpwire.sip_transactions_stage import PEER, TCP, UDP, VIA, Stage, request

ROUTES = ((b"Route", b"<sip:one.invalid;lr>"), (b"Route", b"<sip:two.invalid;lr>"))


def cancel(stage: Stage, transaction: ClientTransaction) -> None:
    stage.layer.cancel(transaction, stage.now)
    stage.flush()


def ack(stage: Stage, transaction: ClientTransaction, tag: bytes = b"theirs") -> None:
    to = b"<sip:pool@192.0.2.1>;tag=" + tag
    stage.layer.ack(transaction, request(b"ACK", None, to=to))
    stage.flush()


# What is sent.


@pytest.mark.parametrize(
    ("flow", "via"),
    [
        (UDP, b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours1;rport"),
        (TCP, b"SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKours1;rport"),
        (
            attrs.evolve(UDP, local=("2001:db8::1", 5062)),
            b"SIP/2.0/UDP [2001:db8::1]:5062;branch=z9hG4bKours1;rport",
        ),
    ],
)
def test_our_via_is_put_on_top(flow: Flow, via: bytes) -> None:
    stage = Stage(flow)
    transaction = stage.request(b"OPTIONS")
    assert stage.sent[0][0] is flow
    assert stage.last_request().headers.get(b"Via") == via
    assert transaction.branch == b"z9hG4bKours1"
    assert transaction.method == b"OPTIONS"
    assert transaction.flow is flow


def test_the_ack_to_a_failure_goes_the_way_of_its_invite() -> None:
    """RFC 3261 section 17.1.1.3."""
    stage = Stage()
    stage.request(b"INVITE", *ROUTES, (b"Subject", b"none of the ACK's business"), cseq=b"7 INVITE")
    stage.answer(486, b"busy")
    assert stage.sent[-1][0] is UDP
    ack = stage.last_request()
    assert (ack.method, ack.uri, ack.body) == (b"ACK", b"sip:pool@192.0.2.1", b"")
    assert list(ack.headers) == [
        (b"Via", b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours1;rport"),
        (b"From", b"<sip:caller@192.0.2.10>;tag=theirs"),
        (b"To", b"<sip:pool@192.0.2.1>;tag=busy"),
        (b"Call-ID", b"call"),
        (b"CSeq", b"7 ACK"),
        (b"Max-Forwards", b"70"),
        *ROUTES,
        (b"Content-Length", b"0"),
    ]


def test_a_cancel_goes_the_way_of_its_invite() -> None:
    """RFC 3261 section 9.1."""
    stage = Stage()
    transaction = stage.request(b"INVITE", *ROUTES, (b"Via", VIA), cseq=b"7 INVITE")
    stage.answer(180, b"ringing")
    cancel(stage, transaction)
    assert list(stage.last_request().headers) == [
        (b"From", b"<sip:caller@192.0.2.10>;tag=theirs"),
        (b"To", b"<sip:pool@192.0.2.1>"),
        (b"Call-ID", b"call"),
        (b"CSeq", b"7 CANCEL"),
        (b"Max-Forwards", b"70"),
        *ROUTES,
        (b"Via", b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours1;rport"),
        (b"Content-Length", b"0"),
    ]


@pytest.mark.parametrize("method", [b"ACK", b"CANCEL"])
def test_what_is_no_request_of_its_own(method: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        Stage().request(method)


def test_a_branch_is_not_used_twice() -> None:
    layer = Transactions(Timers(), lambda: "same")
    layer.request(request(b"OPTIONS", None), UDP, 0.0)
    with pytest.raises(LocalProtocolError, match="branch"):
        layer.request(request(b"OPTIONS", None), UDP, 0.0)


# What comes back.


def test_responses_that_match_nothing_are_dropped() -> None:
    stage = Stage()
    stage.request(b"OPTIONS")
    asked = stage.last_request()
    stray = asked.with_headers(asked.headers.with_(b"Via", VIA))
    bare = asked.with_headers(asked.headers.with_(b"Via", b"SIP/2.0/UDP 192.0.2.1:5060"))
    other = asked.with_headers(asked.headers.with_(b"CSeq", b"1 BYE"))
    cancelled = asked.with_headers(asked.headers.with_(b"CSeq", b"1 CANCEL"))
    for message in (stray, bare, other, cancelled):
        assert stage.hears(sip.response_to(message, 200)) is None
    assert stage.layer.statistics.dropped == 4
    assert stage.hears(sip.response_to(asked, 200)) is not None


@pytest.mark.parametrize("status", [100, 200, 486])
def test_after_a_failure_nothing_more_is_told(status: int) -> None:
    stage = Stage()
    stage.request(b"INVITE")
    stage.answer(503)
    stage.take_log()
    assert stage.answer(status) is None
    assert stage.take_log() == (["ACK"] if status == 486 else [])
    assert stage.layer.statistics.absorbed == 1
    stage.answer(503)
    assert stage.take_log() == ["ACK"]


@pytest.mark.parametrize("status", [100, 486])
def test_after_a_2xx_nothing_else_is_told(status: int) -> None:
    stage = Stage()
    stage.request(b"INVITE")
    stage.answer(200)
    stage.take_log()
    assert stage.answer(status) is None
    assert stage.take_log() == []


# The 2xx and its ACK.


def test_the_ack_to_a_2xx_is_sent_again_when_that_comes_again() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(200)
    assert stage.answer(200) is None  # nothing to send yet: a delayed offer waits for its answer (S-05)
    ack(stage, transaction)
    sent = stage.sent[-1]
    assert stage.last_request().vias[0].branch == b"z9hG4bKours2"
    stage.answer(200)
    assert stage.sent[-1] == sent
    assert stage.take_log() == ["INVITE", "Answered", "ACK", "ACK"]
    assert stage.layer.statistics.retransmissions == 1


def test_an_ack_may_take_another_way() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(200)
    to = b"<sip:pool@192.0.2.1>;tag=theirs"
    stage.layer.ack(transaction, request(b"ACK", None, to=to), TCP)
    assert [flow for flow, _ in stage.layer.output()] == [TCP]
    stage.answer(200)
    assert stage.sent[-1][0] is TCP
    assert stage.last_request().vias[0].transport == b"TCP"


def test_every_fork_has_its_2xx_and_its_ack() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    assert isinstance(stage.answer(200, b"one"), Answered)
    assert isinstance(stage.answer(200, b"two"), Answered)
    ack(stage, transaction, b"one")
    ack(stage, transaction, b"two")
    for tag in (b"one", b"two", b"one"):
        assert stage.answer(200, tag) is None
        assert stage.last_request().to.tag == tag


def test_forks_have_a_limit() -> None:
    stage = Stage()
    stage.request(b"INVITE")
    told = [stage.answer(200, b"%d" % number) for number in range(20)]
    assert sum(event is not None for event in told) == 16
    assert stage.layer.statistics.absorbed == 4


def test_a_2xx_of_an_old_peer_has_no_tag() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    asked = stage.last_request()
    stage.hears(sip.response_to(asked, 200))
    stage.layer.ack(transaction, request(b"ACK", None))
    stage.flush()
    stage.hears(sip.response_to(asked, 200))
    assert stage.take_log() == ["INVITE", "Answered", "ACK", "ACK"]


def test_an_ack_can_be_late() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(200)
    stage.run(40.0)
    ack(stage, transaction)
    assert stage.take_log() == ["INVITE", "Answered", "ACK"]
    assert stage.answer(200) is None


@pytest.mark.parametrize("statuses", [(), (180,), (486,)])
def test_there_is_no_ack_without_a_2xx(statuses: tuple[int, ...]) -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    for status in statuses:
        stage.answer(status)
    with pytest.raises(LocalProtocolError):
        ack(stage, transaction)


def test_an_ack_for_another_tag_is_sent_and_not_kept() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    stage.answer(200)
    ack(stage, transaction, b"other")
    stage.answer(200)
    stage.answer(200, b"other")
    assert stage.take_log() == ["INVITE", "Answered", "ACK", "Answered"]


# Connections that break.


def test_a_broken_connection_fails_what_waits_on_it() -> None:
    stage = Stage(TCP)
    asked = [stage.request(b"INVITE", call_id=b"%d" % number) for number in range(3)]
    stage.request(b"OPTIONS")
    stage.flow = attrs.evolve(TCP, key="another")
    spared = stage.request(b"BYE")
    first, second, third = (message for message in stage.all_sent()[:3] if isinstance(message, sip.Request))
    stage.hears(sip.response_to(first, 200, to_tag=b"a"))
    stage.hears(sip.response_to(second, 180, to_tag=b"a"))
    cancel(stage, asked[1])
    stage.hears(sip.response_to(third, 486, to_tag=b"a"))
    stage.events.clear()
    stage.lose_connection()
    assert [type(event) for event in stage.events] == [TransportFailed, TransportFailed]
    told = [event.transaction for event in stage.events if isinstance(event, TransportFailed)]
    assert [transaction.method for transaction in told] == [b"INVITE", b"OPTIONS"]
    assert told[0] is asked[1]
    assert len(stage.layer) == 1
    assert not spared.ended
    stage.lose_connection()
    stage.lose_connection("unheard of")
    assert len(stage.events) == 2
    stage.run(32.0)
    assert stage.events[2:] == [TimedOut(spared)]


@pytest.mark.parametrize("statuses", [(), (100,)])
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_broken_connection_fails_an_invite(statuses: tuple[int, ...], cancelled: bool) -> None:
    stage = Stage(TCP)
    transaction = stage.request(b"INVITE")
    for status in statuses:
        stage.answer(status)
    if cancelled:
        cancel(stage, transaction)
    stage.events.clear()
    stage.lose_connection()
    assert stage.events == [TransportFailed(transaction)]
    assert transaction.ended
    assert len(stage.layer) == 0


def test_a_lost_socket_takes_what_only_absorbs_along() -> None:
    stage = Stage()
    stage.request(b"INVITE")
    stage.answer(486)
    stage.request(b"BYE")
    stage.answer(200, to="BYE")
    stage.take_log()
    stage.lose_connection("socket")
    assert stage.take_log() == []
    assert len(stage.layer) == 0


# What the user may look at.


def test_a_transaction_tells_its_state() -> None:
    stage = Stage()
    transaction = stage.request(b"INVITE")
    states = [transaction.state]
    assert repr(transaction) == "<INVITE client transaction b'INVITE' calling>"
    for status in (180, 200):
        stage.answer(status)
        states.append(transaction.state)
    assert states == [State.CALLING, State.PROCEEDING, State.ACCEPTED]
    assert not transaction.ended
    stage.run(32.0)
    assert transaction.ended


def test_transactions_count_what_happens() -> None:
    stage = Stage()
    stage.request(b"OPTIONS")
    stage.run(4.0)
    stage.answer(200)
    stage.answer(200)
    stage.request(b"OPTIONS")
    stage.run(100.0)
    statistics = stage.layer.statistics
    assert (statistics.retransmissions, statistics.absorbed, statistics.timeouts) == (3 + 10, 1, 1)


def test_branches_come_from_outside() -> None:
    numbers = itertools.count(5)
    layer = Transactions(Timers(), lambda: str(next(numbers)))
    assert layer.request(request(b"BYE", None), UDP, 0.0).branch == b"z9hG4bK5"
    assert [flow.remote for flow, _ in layer.output()] == [PEER]
