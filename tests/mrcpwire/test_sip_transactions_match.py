"""How requests find their transactions, and responses their way back."""

import attrs
import pytest

from mrcpwire import sip
from mrcpwire.sip_transactions import Event, Flow, NewRequest
from tests.mrcpwire.sip_transactions_stage import PEER, TCP, UDP, VIA, Stage, request

TAGGED = b"<sip:pool@192.0.2.1>;tag=ours"
OLD = b"SIP/2.0/UDP 192.0.2.10:5070"  # RFC 2543 knew no cookie


def new(event: Event | None) -> NewRequest:
    assert isinstance(event, NewRequest)
    assert event.transaction is not None
    return event


# The way back (RFC 3261 section 18.2, RFC 3581).

# The sent-by and parameters of the top Via, what is noted there, and where the response goes.
WAYS: dict[str, tuple[Flow, bytes, bytes, tuple[str, int]]] = {
    "the peer said who it is": (UDP, b"192.0.2.10:5070", b"192.0.2.10:5070", PEER),
    "on another port": (UDP, b"192.0.2.10:5090", b"192.0.2.10:5090", ("192.0.2.10", 5090)),
    "on the default port": (UDP, b"192.0.2.10", b"192.0.2.10", ("192.0.2.10", 5060)),
    "from another address": (UDP, b"10.0.0.1:5070", b"10.0.0.1:5070;received=192.0.2.10", PEER),
    "by name (F-23)": (
        UDP,
        b"nowhere.invalid",
        b"nowhere.invalid;received=192.0.2.10",
        ("192.0.2.10", 5060),
    ),
    "rport": (
        UDP,
        b"192.0.2.10:5099;rport;a=b",
        b"192.0.2.10:5099;rport=5070;a=b;received=192.0.2.10",
        PEER,
    ),
    "rport, from another address": (
        UDP,
        b"10.0.0.1;rport",
        b"10.0.0.1;rport=5070;received=192.0.2.10",
        PEER,
    ),
    "G-6 received is ours to say": (
        UDP,
        b"192.0.2.10:5070;received=198.51.100.1",
        b"192.0.2.10:5070;received=192.0.2.10",
        PEER,
    ),
    "G-6 rport is ours to say": (
        UDP,
        b"192.0.2.10;rport=53;received=198.51.100.1",
        b"192.0.2.10;rport=5070;received=192.0.2.10",
        PEER,
    ),
    "G-6 maddr is not followed": (
        UDP,
        b"192.0.2.10:5070;maddr=198.51.100.1",
        b"192.0.2.10:5070;maddr=198.51.100.1",
        PEER,
    ),
    "TCP: on the connection": (TCP, b"10.0.0.1:5090", b"10.0.0.1:5090;received=192.0.2.10", PEER),
    "IPv6": (
        attrs.evolve(UDP, remote=("2001:db8::9", 5070)),
        b"[2001:db8::8]:5070;rport",
        b"[2001:db8::8]:5070;rport=5070;received=2001:db8::9",
        ("2001:db8::9", 5070),
    ),
}


@pytest.mark.parametrize(("flow", "via", "noted", "back"), WAYS.values(), ids=WAYS)
def test_the_way_back(flow: Flow, via: bytes, noted: bytes, back: tuple[str, int]) -> None:
    stage = Stage(flow)
    branch = b";branch=z9hG4bKx"
    event = new(stage.hears(request(b"OPTIONS", b"SIP/2.0/UDP " + via + branch)))
    value = event.request.headers.get(b"Via")
    assert value is not None
    assert value.replace(branch, b"") == b"SIP/2.0/UDP " + noted
    stage.respond(200)
    assert stage.sent[-1][0] == attrs.evolve(flow, remote=back)
    assert stage.last_response().headers.get(b"Via") == value
    assert stage.server.flow == stage.sent[-1][0]
    assert event.flow is flow


def test_other_vias_stay() -> None:
    stage = Stage()
    vias = b"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb , SIP / 2.0 / UDP  first.invalid;branch=z9hG4bKc"
    first = request(b"OPTIONS", vias, (b"Via", b"SIP/2.0/TCP last.invalid"))
    event = new(stage.hears(first))
    assert event.request.headers.get_all(b"Via") == [
        b"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKb;received=192.0.2.10, SIP / 2.0 / UDP  first.invalid;branch=z9hG4bKc",
        b"SIP/2.0/TCP last.invalid",
    ]


# Matching (RFC 3261 section 17.2.3).

# Two requests, and whether they are one.
PAIRS: dict[str, tuple[sip.Request, sip.Request, bool]] = {
    "equal": (request(b"OPTIONS"), request(b"OPTIONS"), True),
    "the branch alone counts": (request(b"OPTIONS"), request(b"OPTIONS", call_id=b"other"), True),
    "F-23 the cookie in lower case": (
        request(b"OPTIONS", b"SIP/2.0/UDP h;branch=z9hg4bKx"),
        request(b"OPTIONS", b"SIP/2.0/UDP H;branch=z9hg4bKx", call_id=b"other"),
        True,
    ),
    "another method": (request(b"OPTIONS"), request(b"BYE"), False),
    "another branch": (
        request(b"OPTIONS"),
        request(b"OPTIONS", VIA + b"2", cseq=b"2 OPTIONS"),
        False,
    ),
    "another host": (
        request(b"OPTIONS", b"SIP/2.0/UDP one.invalid;branch=z9hG4bKx"),
        request(b"OPTIONS", b"SIP/2.0/UDP two.invalid;branch=z9hG4bKx", call_id=b"other"),
        False,
    ),
    "another port": (
        request(b"OPTIONS", b"SIP/2.0/UDP one.invalid;branch=z9hG4bKx"),
        request(b"OPTIONS", b"SIP/2.0/UDP one.invalid:5061;branch=z9hG4bKx", call_id=b"other"),
        False,
    ),
    "old": (request(b"OPTIONS", OLD), request(b"OPTIONS", OLD), True),
    "old, with a branch": (
        request(b"OPTIONS", OLD + b";branch=1"),
        request(b"OPTIONS", OLD + b";branch=1"),
        True,
    ),
    "old: a cookie alone is no branch": (
        request(b"OPTIONS", OLD + b";branch=z9hG4bK"),
        request(b"OPTIONS", OLD + b";branch=z9hG4bK", call_id=b"other"),
        False,
    ),
    "old, another Via": (
        request(b"OPTIONS", OLD + b";branch=1"),
        request(b"OPTIONS", OLD + b";branch=2", to=TAGGED),
        False,
    ),
    "old, another URI": (
        request(b"OPTIONS", OLD),
        request(b"OPTIONS", OLD, uri=b"sip:x@192.0.2.1", to=TAGGED),
        False,
    ),
    "old, another Call-ID": (
        request(b"OPTIONS", OLD),
        request(b"OPTIONS", OLD, call_id=b"other"),
        False,
    ),
    "old, another From-tag": (
        request(b"OPTIONS", OLD),
        request(b"OPTIONS", OLD, from_=b"<sip:x@h>;tag=2"),
        False,
    ),
    "old, another CSeq": (
        request(b"OPTIONS", OLD),
        request(b"OPTIONS", OLD, cseq=b"2 OPTIONS"),
        False,
    ),
}


@pytest.mark.parametrize(("one", "two", "same"), PAIRS.values(), ids=PAIRS)
def test_matching(one: sip.Request, two: sip.Request, same: bool) -> None:
    stage = Stage()
    new(stage.hears(one))
    event = stage.hears(two)
    assert (event is None) is same
    assert len(stage.layer) == 1 + (not same)
    assert stage.layer.statistics.absorbed == same
