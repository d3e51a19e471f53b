from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import Headers, LocalProtocolError, RemoteProtocolError
from mrcpwire._headers import Rules, unfold

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = Rules(protocol="test", octets="T-1", lines="T-2", status=400, header_lines=8, header_line=100)

SECTION = (
    b"CSeq: 5\r\n"
    b"session:7f3c;timeout=60 \n"
    b"Transport:\tRTP/AVP;\r\n \t\r\n  unicast\r\n"
    b"X-Caf: caf\xc3\xa9: yes\r\n"
    b"Empty:\r\n"
    b"TRANSPORT: second\n"
)
FIELDS = [
    (b"CSeq", b"5"),
    (b"session", b"7f3c;timeout=60"),
    (b"Transport", b"RTP/AVP; unicast"),  # a fold of blanks alone adds nothing, F-34
    (b"X-Caf", b"caf\xc3\xa9: yes"),
    (b"Empty", b""),
    (b"TRANSPORT", b"second"),
]


def test_keeps_every_octet() -> None:
    headers = Headers.parse(SECTION, RULES)
    assert headers.to_bytes() == SECTION
    assert list(headers) == FIELDS
    assert len(headers) == 6
    assert headers == Headers.split(SECTION)


def test_look_up_ignores_case() -> None:
    headers = Headers.parse(SECTION, RULES)
    assert headers.get(b"transport") == b"RTP/AVP; unicast"
    assert headers.get_all(b"Transport") == [b"RTP/AVP; unicast", b"second"]
    assert headers.get(b"Empty") == b""
    assert headers.get(b"X-C") is None
    assert b"SESSION" in headers
    assert b"Sessio" not in headers


BAD = {
    "nul": (b"A: b\0c\r\n", "test.nul", "T-1"),
    "bare cr": (b"A: b\rC: d\r\n", "test.bare-cr", "T-1"),
    "bare cr before the end": (b"A: b\r\r\n", "test.bare-cr", "T-1"),
    "leading fold": (b" A: b\r\n", "test.leading-fold", "T-2"),
    "leading fold of blanks": (b"\t\r\nA: b\r\n", "test.leading-fold", "T-2"),
    "no colon": (b"A: b\r\nnothing\r\n", "test.no-colon", "T-2"),
    "empty line": (b"A: b\r\n\r\nC: d\r\n", "test.no-colon", "T-2"),
    "blank before colon": (b"A : b\r\n", "test.blank-before-colon", "T-2"),
    "tab before colon": (b"A\t: b\r\n", "test.blank-before-colon", "T-2"),
    "empty name": (b": b\r\n", "test.bad-header-name", "T-2"),
    "blank in name": (b"A B: c\r\n", "test.bad-header-name", "T-2"),
    "name not ascii": (b"\xc3\xa4: c\r\n", "test.bad-header-name", "T-2"),
    "too many": (b"A: b\r\n" * 9, "test.too-many-headers", "G-9"),
    "too many folds": (b"A: b\r\n" + b" c\r\n" * 8, "test.too-many-headers", "G-9"),
    "too long": (b"A: " + b"b" * 96 + b"\r\n", "test.header-too-long", "G-9"),
    "too long folded": (b"A: " + b"b" * 47 + b"\r\n " + b"c" * 47 + b"\r\n", "test.header-too-long", "G-9"),
}


@pytest.mark.parametrize(("section", "code", "rule"), BAD.values(), ids=BAD)
def test_bad(section: bytes, code: str, rule: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Headers.parse(section, RULES)
    assert (caught.value.code, caught.value.rule, caught.value.status_hint) == (code, rule, 400)
    assert caught.value.excerpt


def test_limits_are_reached_without_fault() -> None:
    assert len(Headers.parse(b"A: b\r\n" * 8, RULES)) == 8
    assert Headers.parse(b"A: " + b"b" * 95 + b"\r\n", RULES)


def test_edits_leave_other_octets_alone() -> None:
    headers = Headers.parse(SECTION, RULES)
    assert headers.replaced(b"SESSION", b"x").to_bytes() == SECTION.replace(b"7f3c;timeout=60 ", b"x")
    folded = SECTION.replace(b"RTP/AVP;\r\n \t\r\n  unicast", b"y")
    assert headers.replaced(b"Transport", b"y").to_bytes() == folded
    assert headers.replaced(b"New", b"z").to_bytes() == SECTION + b"New: z\r\n"
    assert headers.appended(b"New", b"z").to_bytes() == SECTION + b"New: z\r\n"
    assert headers.inserted(1, b"New", b"z").to_bytes() == SECTION.replace(b"5\r\n", b"5\r\nNew: z\r\n")
    assert headers.without(b"transport").get_all(b"transport") == []
    assert headers.without(b"cseq").to_bytes() == SECTION.removeprefix(b"CSeq: 5\r\n")
    upper = headers.edited(b"transport", bytes.upper)
    assert upper.get_all(b"transport") == [b"RTP/AVP; UNICAST", b"SECOND"]
    assert headers.to_bytes() == SECTION


def test_made_of_names_and_values() -> None:
    headers = Headers.of([(b"A", b"b"), (b"C", b"")])
    assert headers.to_bytes() == b"A: b\r\nC: \r\n"
    assert Headers().to_bytes() == b""
    assert not Headers()


@pytest.mark.parametrize("value", [b"a\r\nB: c", b"a\n", b"\r", b"\0"])
def test_nothing_unsafe_is_written(value: bytes) -> None:  # G-4
    headers = Headers.of([(b"A", b"b")])
    edits: tuple[Callable[[], Headers], ...] = (
        lambda: Headers.of([(b"A", value)]),
        lambda: headers.replaced(b"A", value),
        lambda: headers.appended(b"A", value),
        lambda: headers.edited(b"A", lambda _: value),
        lambda: headers.appended(b"A:" + value, b""),
    )
    for edit in edits:
        with pytest.raises(LocalProtocolError):
            edit()


@given(st.binary(max_size=60))
def test_what_is_accepted_comes_back(section: bytes) -> None:
    try:
        headers = Headers.parse(section + b"\n", RULES)
    except RemoteProtocolError:
        return
    assert headers.to_bytes() == section + b"\n"
    for name, value in headers:
        assert value == unfold(value)
        assert name in headers
