"""Header sections of SIP: look-up, lists, edits that leave the rest alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.sip import SipError, SipHeaders
from tests.mrcpwire.sip_feeding import message, request_of

RAW = (
    b"Via: SIP/2.0/UDP a;branch=1\r\n"
    b"v  :SIP/2.0/UDP b,\r\n SIP/2.0/UDP c\r\n"
    b"X-Other:\t kept   as it is \t\r\n"
    b"k: timer\r\n"
    b"SUPPORTED: , 100rel,, path ,\r\n"
    b"l: 0\r\n"
)
HEADERS = SipHeaders.parse(RAW, most_lines=9)


def test_octets_stay() -> None:
    assert HEADERS.to_bytes() == RAW
    assert SipHeaders.parse(RAW.replace(b"\r\n", b"\n"), most_lines=9) == HEADERS
    assert repr(HEADERS) == f"<SipHeaders {RAW!r}>"


def test_look_up() -> None:  # C.2
    for name in (b"Via", b"v", b"V", b"vIA"):
        assert HEADERS.get(name) == b"SIP/2.0/UDP a;branch=1"
        assert HEADERS.get_all(name) == [b"SIP/2.0/UDP a;branch=1", b"SIP/2.0/UDP b, SIP/2.0/UDP c"]
        assert HEADERS.values(name) == [b"SIP/2.0/UDP a;branch=1", b"SIP/2.0/UDP b", b"SIP/2.0/UDP c"]
        assert name in HEADERS
    assert HEADERS.get(b"x-other") == b"kept   as it is"
    assert HEADERS.values(b"Supported") == [b"timer", b"100rel", b"path"]
    assert HEADERS.get(b"Vi") is None
    assert HEADERS.get_all(b"Vi") == HEADERS.values(b"Vi") == []
    assert b"Vi" not in HEADERS
    assert list(HEADERS)[:3] == [
        (b"Via", b"SIP/2.0/UDP a;branch=1"),
        (b"v", b"SIP/2.0/UDP b, SIP/2.0/UDP c"),
        (b"X-Other", b"kept   as it is"),
    ]
    assert len(HEADERS) == 6


def test_what_is_looked_up_can_be_changed_without_harm() -> None:
    HEADERS.get_all(b"k").clear()
    HEADERS.values(b"k").clear()
    assert HEADERS.get(b"k") == b"timer"


VALUES = {
    b"": [],
    b"a": [b"a"],
    b"a,b": [b"a", b"b"],
    b" a ,\tb ": [b"a", b"b"],
    b",,a,,": [b"a"],
    b'"a,b",c': [b'"a,b"', b"c"],
    b'"a\\",b",c': [b'"a\\",b"', b"c"],
    b"<a,b>,c": [b"<a,b>", b"c"],
    b'"<",c,">"': [b'"<"', b"c", b'">"'],
    b'<a",b>,c': [b'<a",b>', b"c"],
    b'x "a,b" <c,d>;e="f,g",h': [b'x "a,b" <c,d>;e="f,g"', b"h"],
    b'a,"b,c': [b"a", b'"b,c'],
    b"a,<b,c": [b"a", b"<b,c"],
    b'a,"b,c\\': [b"a", b'"b,c\\'],
}


@pytest.mark.parametrize(("line", "values"), VALUES.items())
def test_lists_are_split_outside_of_quotes_and_brackets(line: bytes, values: list[bytes]) -> None:  # C.2
    assert SipHeaders.of([(b"Contact", line)]).values(b"m") == values


def edited(headers: SipHeaders) -> bytes:
    return headers.to_bytes()


def test_with() -> None:
    assert edited(HEADERS.with_(b"Via", b"x")) == RAW.replace(RAW[: RAW.index(b"X-Other")], b"Via: x\r\n")
    assert edited(HEADERS.with_(b"New", b" x ")) == RAW.replace(b"l: 0", b"New: x\r\nl: 0")


def test_replaced() -> None:
    assert edited(HEADERS.replaced(b"via", b"x")) == RAW.replace(b"Via: SIP/2.0/UDP a;branch=1", b"via: x")
    assert edited(HEADERS.replaced(b"New", b"x")) == RAW.replace(b"l: 0", b"New: x\r\nl: 0")


def test_once() -> None:
    assert HEADERS.once(b"Via").get_all(b"v") == [b"SIP/2.0/UDP a;branch=1"]
    assert HEADERS.once(b"Via").get_all(b"k") == HEADERS.get_all(b"k")
    assert HEADERS.once(b"New") == HEADERS


def test_without_and_only() -> None:
    assert edited(HEADERS.without(b"Supported", b"Via", b"New")) == (
        b"X-Other:\t kept   as it is \t\r\nl: 0\r\n"
    )
    assert edited(HEADERS.only(b"CONTENT-LENGTH", b"x-other")) == b"X-Other:\t kept   as it is \t\r\nl: 0\r\n"


def test_prepend() -> None:
    assert edited(HEADERS.prepend(b"Via", b"x")) == b"Via: x\r\n" + RAW
    assert edited(HEADERS.prepend(b"Supported", b"x")) == RAW.replace(b"k: ", b"Supported: x\r\nk: ")
    assert edited(HEADERS.prepend(b"New", b"x")) == b"New: x\r\n" + RAW


def test_append() -> None:
    assert edited(HEADERS.append(b"Via", b"x")) == RAW.replace(b"l: 0", b"Via: x\r\nl: 0")
    assert edited(HEADERS.without(b"l").append(b"A", b"")) == RAW.replace(b"l: 0", b"A: ")
    assert edited(SipHeaders().append(b"A", b"b")) == b"A: b\r\n"
    assert edited(HEADERS.extended([(b"A", b"1"), (b"B", b"2")])) == RAW.replace(
        b"l: 0", b"A: 1\r\nB: 2\r\nl: 0"
    )


UNSAFE = [
    (b"A", b"b\r\nC: d"),
    (b"A", b"\r"),
    (b"A", b"\n b"),
    (b"A", b"b\0"),
    (b"A B", b"c"),
    (b"", b"c"),
    (b"A\r\nB", b"c"),
]


@pytest.mark.parametrize(("name", "value"), UNSAFE)
def test_nothing_that_is_put_in_breaks_a_line(name: bytes, value: bytes) -> None:  # G-4
    for edit in (HEADERS.with_, HEADERS.replaced, HEADERS.prepend, HEADERS.append):
        with pytest.raises(LocalProtocolError):
            edit(name, value)
    with pytest.raises(LocalProtocolError):
        SipHeaders.of([(name, value)])


def test_a_nul_within_quotes_is_copied() -> None:  # C.6, intmeth
    found = request_of(message(to=b'To: "NUL:\\\0" <sip:a@b>'))
    assert (
        SipHeaders.of([(b"To", found.to.with_tag(b"x").to_bytes())]).get(b"to")
        == b'"NUL:\\\0" <sip:a@b>;tag=x'
    )


@given(st.binary(max_size=80))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    for raw in (garbage, b"A: b\r\n" + garbage + b"\r\n"):
        try:
            found = SipHeaders.parse(raw, most_lines=20)
        except SipError:
            continue
        assert SipHeaders.parse(found.to_bytes(), most_lines=20) == found
        assert SipHeaders.of(found).get_all(b"a") == found.get_all(b"a")
        for name, value in found:
            assert name in found
            assert not set(value) & set(b"\r\n")
