"""Reading whole messages: what datagrams are forgiven, limits, and what must hold for any octets."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mrcpwire.sip import Limits, Request, Response, SipError, parse_datagram
from tests.mrcpwire.sip_feeding import (
    INVITE,
    OK,
    SAMPLE,
    Message,
    check,
    datagram_of,
    message,
    octets,
    outcome_of,
)
from tests.strategies import SipExample, mutated, pieces_of, sip_messages

DATAGRAMS = {
    "18.3 no length": (message(length=None, body=b"abc"), b"abc"),
    "18.3 no length, no body": (message(length=None), b""),
    "18.3 octets behind the body": (message(length=b"l: 3", body=b"abcdef"), b"abc"),
    "18.3 a message behind the body": (message() + SAMPLE, b""),
    "7.5 line ends before the message": (b"\r\n\r\n\n" + message(body=b"ab"), b"ab"),
}


@pytest.mark.parametrize(("raw", "body"), DATAGRAMS.values(), ids=DATAGRAMS)
def test_datagrams(raw: bytes, body: bytes) -> None:
    message = parse_datagram(raw)
    assert message.body == body
    assert message.headers.get_all(b"l") == [b"%d" % len(body)]
    assert parse_datagram(message.to_bytes()) == message


def test_a_length_that_was_missing_is_written_last() -> None:
    raw = message(length=None, body=b"abc")
    assert parse_datagram(raw).to_bytes() == message(body=b"abc")


CUT = {
    "C.2 a keep-alive": b"\r\n\r\n",
    "nothing": b"",
    "section I: the four octets Sofia sends itself": b"TEST",
    "C.2 no end of the start-line": b"OPTIONS sip:a SIP/2.0",
    "C.2 no headers": b"OPTIONS sip:a SIP/2.0\r\n",
    "C.2 no headers, blank line": b"OPTIONS sip:a SIP/2.0\r\n\r\n",
    "C.2 a response cut short": message(start=OK, length=b"l: 5", body=b"abcd"),
    "C.2 an ACK cut short": message(start=b"ACK sip:a SIP/2.0", cseq=b"CSeq: 1 ACK")[:-2],
}


@pytest.mark.parametrize("raw", CUT.values(), ids=CUT)
def test_what_is_dropped_in_silence(raw: bytes) -> None:
    with pytest.raises(SipError) as caught:
        parse_datagram(raw)
    assert caught.value.answer is None


def test_a_request_cut_short_is_answered() -> None:
    for raw in (message(length=b"l: 5", body=b"abcd"), message()[:-2], message()[:-4], message()[:-5]):
        with pytest.raises(SipError) as caught:
            parse_datagram(raw)
        answer = caught.value.answer
        assert (caught.value.code, answer and answer.status) == ("sip.truncated", 400)
        assert answer is not None
        assert answer.call_id == b"c1@192.0.2.10"


def test_a_datagram_over_the_limit_is_answered() -> None:  # G-9
    raw = message(body=b"x" * 100)
    assert isinstance(parse_datagram(raw, Limits(message=len(raw))), Request)
    with pytest.raises(SipError) as caught:
        parse_datagram(raw, Limits(message=len(raw) - 1))
    assert (caught.value.code, caught.value.answer and caught.value.answer.status) == ("sip.too-large", 513)


def test_limits_are_reached_without_fault() -> None:
    raw = message(b"v: SIP/2.0/UDP a", start=INVITE, cseq=b"CSeq: 1 INVITE")
    sizes = {"message": len(raw), "header_lines": 7, "vias": 2, "start_line": len(INVITE)}
    limits = Limits(**sizes)
    found = parse_datagram(raw, limits)
    assert outcome_of(raw, limits=limits) == outcome_of(*octets(raw), limits=limits) == ([found], [])
    for name, size in sizes.items():
        tighter = Limits(**(sizes | {name: size - 1}))
        assert isinstance(datagram_of(raw, tighter), tuple)
        assert outcome_of(raw, limits=tighter).faults
        assert outcome_of(raw, limits=tighter) == outcome_of(*octets(raw), limits=tighter)


# --- what always holds ---


@given(st.data(), st.lists(sip_messages(), min_size=1, max_size=4))
def test_what_is_written_parses_back(data: st.DataObject, examples: list[SipExample]) -> None:
    whole = b"".join(one.raw for one in examples)
    events, faults = outcome_of(*data.draw(pieces_of(whole)))
    assert faults == []
    for event, one in zip(events, examples, strict=True):
        check(event, one.facts)
        assert isinstance(event, Request | Response)
        assert parse_datagram(one.raw) == event
        assert parse_datagram(event.to_bytes()) == event


@given(sip_messages(plain=True))
def test_plain_messages_leave_as_they_came(one: SipExample) -> None:
    assert parse_datagram(one.raw).to_bytes() == one.raw


def holds(raw: bytes) -> Message | None:
    """Parse octets that may be anything: a sound message, or a `SipError` whose answer is sound."""
    try:
        found = parse_datagram(raw)
    except SipError as error:
        answer = error.answer
        if answer is not None:
            written = answer.to_bytes()
            assert len(written) <= len(raw) + 160  # G-6
            assert written.count(b"\r\n") == written.count(b"\r") == written.count(b"\n")
            assert len(re.findall(rb"\r\n(?![ \t])", written)) == len(answer.headers) + 2
            assert not re.search(rb"(?<!\\)\0", written)
        return None
    again = parse_datagram(found.to_bytes())
    assert again == found
    assert again.to_bytes() == found.to_bytes()
    return found


@given(st.binary(max_size=300))
@example(b"")
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    holds(garbage)
    holds(b"OPTIONS sip:a SIP/2.0\r\n" + garbage + b"\r\n\r\n" + garbage)
    holds(message(garbage))
    outcome_of(garbage)
    outcome_of(message(garbage))


@given(sip_messages().flatmap(lambda one: mutated(one.raw)))
def test_damage_raises_nothing_else(raw: bytes) -> None:
    holds(raw)


def test_every_prefix_of_the_sample() -> None:
    for end in range(len(SAMPLE)):
        assert holds(SAMPLE[:end]) is None
        assert outcome_of(SAMPLE[:end], eof=False) == ([], [])
        assert outcome_of(SAMPLE[:end]).events == []


def test_every_octet_of_the_sample_changed() -> None:
    sound = 0
    for place in range(len(SAMPLE)):
        for octet in b'\0\t\n\r ",:;<>@\\a1\x7f\xff':
            raw = b"%b%c%b" % (SAMPLE[:place], octet, SAMPLE[place + 1 :])
            sound += holds(raw) is not None
            outcome_of(raw)
    assert 0 < sound < 17 * len(SAMPLE)


@given(st.data(), st.lists(sip_messages().flatmap(lambda one: mutated(one.raw)), max_size=3).map(b"".join))
def test_cuts_never_matter(data: st.DataObject, whole: bytes) -> None:
    size = st.integers(1, 400)
    limits = data.draw(
        st.just(Limits())
        | st.builds(
            Limits, message=size, start_line=size, header_lines=st.integers(1, 9), vias=st.integers(1, 3)
        )
    )
    outcome = outcome_of(whole, limits=limits)
    assert outcome_of(*data.draw(pieces_of(whole)), limits=limits) == outcome
    assert outcome_of(*octets(whole), limits=limits) == outcome


def test_work_grows_no_faster_than_input() -> None:  # G-9
    """Every regular expression is possessive; what could still run away is tried at a size where it would show."""
    size = 60_000
    for filler in (
        b'"',
        b"<",
        b",",
        b" ",
        b"\\",
        b'"\\',
        b"a ",
        b";a",
        b"/",
        b"\r\n ",
        b"<a:b>,",
        b'"a",',
        b"0",
    ):
        run = (filler * size)[:size]
        for name in (
            b"Via: SIP/2.0/UDP a;x=",
            b"Via:",
            b"From:",
            b"From: a",
            b"Contact: <",
            b"CSeq: 1",
            b"c: a/",
            b"X",
        ):
            raw = message(name + run)
            holds(raw)
            outcome_of(raw, limits=Limits(header_lines=100_000, vias=100_000))
