from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError, transport

UNICAST = b"RTP/AVP;unicast;client_port=4000-4001"
QUOTED = b'RTP/AVP;unicast;mode="PLAY,RECORD;x" ; ssrc=AB'

SPECS = {
    "one": (UNICAST, [UNICAST]),
    "two": (UNICAST + b", RTP/AVP/TCP;interleaved=0-1", [UNICAST, b" RTP/AVP/TCP;interleaved=0-1"]),
    "comma in quotes": (QUOTED + b",b", [QUOTED, b"b"]),
    "quote in quotes": (b'a;x="b\\",c",d', [b'a;x="b\\",c"', b"d"]),
    "quote without end": (b'a;x="b,c', [b'a;x="b,c']),
    "backslash at the end": (b'a;x="b,\\', [b'a;x="b,\\']),
    "nothing": (b"", [b""]),
    "commas alone": (b",,", [b"", b"", b""]),
}


@pytest.mark.parametrize(("value", "specs"), SPECS.values(), ids=SPECS)
def test_specs(value: bytes, specs: list[bytes]) -> None:
    assert transport.specs(value) == specs


@given(st.binary(max_size=30) | st.text(',;"\\= ab\n').map(str.encode))
def test_specs_make_up_the_value(value: bytes) -> None:
    assert b",".join(transport.specs(value)) == value


def test_parameters() -> None:
    assert transport.parameters(UNICAST) == [(b"unicast", None), (b"client_port", b"4000-4001")]
    assert transport.parameters(QUOTED) == [(b"unicast", None), (b"mode", b"PLAY,RECORD;x"), (b"ssrc", b"AB")]
    assert transport.parameters(b'RTP/AVP;a = "b\\"c" ;;d=') == [(b"a", b'b"c'), (b"", None), (b"d", b"")]
    assert transport.parameters(b'RTP/AVP;a="') == [(b"a", b'"')]
    assert transport.parameters(b"") == []


def test_look_up() -> None:
    assert transport.get(UNICAST, b"Client_Port") == b"4000-4001"
    assert transport.get(UNICAST, b"unicast") is None
    assert transport.get(UNICAST, b"destination") is None
    assert transport.has(UNICAST, b"UNICAST")
    assert not transport.has(UNICAST, b"RTP/AVP")


@pytest.mark.parametrize(
    ("spec", "unicast"),
    [
        (UNICAST, True),
        (b"RTP/AVP;multicast;port=4000", False),
        (b"RTP/AVP", False),
        (b"RTP/AVP;client_port=4000", True),
        (b"RTP/AVP;server_port=4000", True),
        (b"RTP/AVP;multicast;client_port=4000", False),
    ],
)
def test_unicast(spec: bytes, unicast: bool) -> None:
    assert transport.is_unicast(spec) is unicast


@pytest.mark.parametrize(
    ("value", "channels"),
    [
        (b"RTP/AVP/TCP;unicast;interleaved=0-1", (0, 1)),
        (b'RTP/AVP/TCP;Interleaved="254-255"', (254, 255)),
        (b"RTP/AVP/TCP;interleaved=7", (7, 7)),
        (UNICAST + b", RTP/AVP/TCP;interleaved=2-3,RTP/AVP/TCP;interleaved=4-5", (2, 3)),
        (b"RTP/AVP/TCP;interleaved=x,RTP/AVP/TCP;interleaved=4-5", (4, 5)),
        (UNICAST, None),
        (b"", None),
        (b"a;interleaved", None),
        (b"a;interleaved=", None),
        (b"a;interleaved=1-", None),
        (b"a;interleaved=-1", None),
        (b"a;interleaved=2-1", None),
        (b"a;interleaved=255-256", None),
        (b"a;interleaved=0-999999999999", None),
        (b"a;interleaved=\xd9\xa1", None),
    ],
)
def test_interleaved(value: bytes, channels: tuple[int, int] | None) -> None:
    assert transport.interleaved(value) == channels


INSERTED = {
    "at the end": (UNICAST, UNICAST + b";destination=192.0.2.1"),
    "before blanks": (UNICAST + b" \t", UNICAST + b";destination=192.0.2.1 \t"),
    "before a semicolon too many": (UNICAST + b";", UNICAST + b";destination=192.0.2.1;"),
    "into every unicast spec": (
        UNICAST + b" , RTP/AVP;multicast;port=1,RTP/AVP;client_port=6000",
        UNICAST
        + b";destination=192.0.2.1 , RTP/AVP;multicast;port=1,RTP/AVP;client_port=6000;destination=192.0.2.1",
    ),
    "behind quotes": (QUOTED, QUOTED + b";destination=192.0.2.1"),
    "there already": (UNICAST + b";Destination=192.0.2.9", UNICAST + b";Destination=192.0.2.9"),
    "there without value": (UNICAST + b";destination", UNICAST + b";destination"),
    "interleaved": (b"RTP/AVP/TCP;unicast;interleaved=0-1", b"RTP/AVP/TCP;unicast;interleaved=0-1"),
    "multicast": (b"RTP/AVP;multicast", b"RTP/AVP;multicast"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize(("value", "wanted"), INSERTED.values(), ids=INSERTED)
def test_parameter_is_inserted(value: bytes, wanted: bytes) -> None:
    assert transport.with_parameter(value, b"destination", b"192.0.2.1") == wanted
    assert transport.with_parameter(wanted, b"destination", b"192.0.2.1") == wanted


def test_parameter_may_be_an_ipv6_address() -> None:
    assert transport.with_parameter(UNICAST, b"source", b"2001:db8::1") == UNICAST + b";source=2001:db8::1"


REFUSED: dict[str, Callable[[], bytes]] = {
    "another parameter": lambda: transport.with_parameter(UNICAST, b"source", b"192.0.2.1;mode=x"),
    "another spec": lambda: transport.with_parameter(UNICAST, b"source", b"192.0.2.1,x"),
    "a line": lambda: transport.with_parameter(UNICAST, b"source", b"192.0.2.1\r\nX: y"),
    "NUL": lambda: transport.with_parameter(UNICAST, b"source", b"\0"),
    "quotes": lambda: transport.with_parameter(UNICAST, b"source", b'"a"'),
    "name": lambda: transport.with_parameter(UNICAST, b"source;x", b"192.0.2.1"),
}


@pytest.mark.parametrize("insert", REFUSED.values(), ids=REFUSED)
def test_refused(insert: Callable[[], bytes]) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        insert()


@given(st.text(',;"\\= abunicast\n').map(str.encode))
def test_any_value_can_be_looked_at(value: bytes) -> None:
    transport.interleaved(value)
    added = transport.with_parameter(value, b"source", b"192.0.2.1")
    assert added.replace(b";source=192.0.2.1", b"") == value
