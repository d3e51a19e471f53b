"""Via and addresses: one row for each way to write them, and for each that isn't one."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.sip import NameAddr, SipError, Via
from tests.strategies import sip_addresses, sip_vias


def via(transport: bytes, host: bytes, port: int | None = None, **params: bytes | None) -> Via:
    named = {name.rstrip("_").encode(): value for name, value in params.items()}
    return Via(transport=transport, host=host, port=port, params=named)


GOOD_VIA = {
    b"SIP/2.0/UDP 192.0.2.10": via(b"UDP", b"192.0.2.10"),
    b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1;rport": via(
        b"UDP", b"192.0.2.10", 5060, branch=b"z9hG4bK1", rport=None
    ),
    b"SIP/2.0/TCP my_host.example.com.;received=2001:db8::1;rport=9": via(
        b"TCP", b"my_host.example.com.", received=b"2001:db8::1", rport=b"9"
    ),
    b"SIP/2.0/TLS [2001:db8::1];maddr=[2001:db8::2]": via(b"TLS", b"2001:db8::1", maddr=b"[2001:db8::2]"),
    b"SIP/2.0/TLS [2001:db8::1]:65535": via(b"TLS", b"2001:db8::1", 65535),
    b'SIP/2.0/X.Y a;x="b;c, d=\\"e"': via(b"X.Y", b"a", x=b'"b;c, d=\\"e"'),
    b"SIP/2.0/UDP a;empty=;branch=": via(b"UDP", b"a", empty=b"", branch=b""),
    b"SIP/2.0/UDP a;branch=z9hg4bK!%*_+`'~=/:@?[]{}()": via(
        b"UDP", b"a", branch=b"z9hg4bK!%*_+`'~=/:@?[]{}()"
    ),
    b"SIP/7.0/UDP a": Via(transport=b"UDP", host=b"a", protocol=b"SIP/7.0"),
}
# The same written otherwise.
LOOSE_VIA = {
    b"sip/2.0/udp a": via(b"UDP", b"a"),
    b"SIP \t/  2.0 /UDP   a  :  9  ;  x  ;  y  =  z": via(b"UDP", b"a", 9, x=None, y=b"z"),
    b"SIP/2.0/UDP\ta;Branch=Q;X": via(b"UDP", b"a", branch=b"Q", x=None),
    b"SIP/2.0/UDP a:05060": via(b"UDP", b"a", 5060),
}
BAD_VIA = [
    b"",
    b"SIP/2.0",
    b"SIP/2.0 a",
    b"SIP/2.0/UDP",
    b"SIP/2.0/UDP ",
    b"SIP/2.0/UDPa",
    b"SIP/2.0/U DP a",
    b"SIP/2.0/UDP a b",
    b"SIP/2.0/UDP a:",
    b"SIP/2.0/UDP a:0",
    b"SIP/2.0/UDP a:65536",
    b"SIP/2.0/UDP a:123456",
    b"SIP/2.0/UDP a:x",
    b"SIP/2.0/UDP 2001:db8::1",
    b"SIP/2.0/UDP [example.com]",
    b"SIP/2.0/UDP [2001:db8::1",
    b"SIP/2.0/UDP a;",
    b"SIP/2.0/UDP a;;x",
    b"SIP/2.0/UDP a;=x",
    b"SIP/2.0/UDP a;x=b c",
    b'SIP/2.0/UDP a;x="b',
    b'SIP/2.0/UDP a;x="b"c',
    b"SIP/2.0/UDP a;x=<b>",
    b"SIP/2.0/UDP a;x=1;X=2",
    b"SIP/2.0/UDP a (comment)",
    b"SIP/2.0/UDP \xc3\xa9",
]


@pytest.mark.parametrize(("raw", "hop"), GOOD_VIA.items())
def test_good_via(raw: bytes, hop: Via) -> None:  # C.2
    assert Via.parse(raw) == hop
    assert hop.to_bytes() == raw


@pytest.mark.parametrize(("raw", "hop"), LOOSE_VIA.items())
def test_loose_via(raw: bytes, hop: Via) -> None:  # C.2
    assert Via.parse(raw) == hop
    assert Via.parse(hop.to_bytes()) == hop


@pytest.mark.parametrize("raw", BAD_VIA)
def test_bad_via(raw: bytes) -> None:
    with pytest.raises(SipError) as caught:
        Via.parse(raw)
    assert (caught.value.code, caught.value.fatal, caught.value.excerpt) == ("sip.bad-via", False, raw)


def test_branch() -> None:
    assert Via.parse(b"SIP/2.0/UDP a;Branch=z9hG4bKx").branch == b"z9hG4bKx"
    assert Via.parse(b"SIP/2.0/UDP a").branch is None
    assert Via.parse(b"SIP/2.0/UDP a;branch").branch is None
    assert Via.parse(b"SIP/2.0/UDP a;branch=").branch is None


def test_parameters_keep_their_order() -> None:
    hop = Via.parse(b"SIP/2.0/UDP a;rport;b=1;branch=x")
    noted = hop.with_param(b"RPORT", b"5060").with_param(b"received", b"192.0.2.1").with_param(b"b", None)
    assert noted.to_bytes() == b"SIP/2.0/UDP a;rport=5060;b;branch=x;received=192.0.2.1"
    assert hop.to_bytes() == b"SIP/2.0/UDP a;rport;b=1;branch=x"
    assert hash(noted) == hash(hop)  # equal ones have the same; parameters don't count


@pytest.mark.parametrize(
    ("name", "value"), [(b"a b", b"c"), (b"", b"c"), (b"a", b"b c"), (b"a", b"b\r\nc"), (b"a", b"b;c")]
)
def test_no_parameter_breaks_out(name: bytes, value: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        via(b"UDP", b"a").with_param(name, value)


@pytest.mark.parametrize(
    "hop",
    [
        via(b"UDP", b"a b"),
        via(b"UDP", b""),
        via(b"UDP", b"a\n"),
        via(b"U\r\n", b"a"),
        via(b"UDP", b"a", x=b"\0"),
    ],
)
def test_no_via_breaks_a_line(hop: Via) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        hop.to_bytes()


def address(uri: bytes, display: bytes = b"", **params: bytes | None) -> NameAddr:
    return NameAddr(
        uri=uri, display=display, params=tuple((n.encode(), value) for n, value in params.items())
    )


GOOD_ADDRESS = {
    b"<sip:a@b>": address(b"sip:a@b"),
    b"<sip:a@b;tag=no>;tag=yes": address(b"sip:a@b;tag=no", tag=b"yes"),
    b"A. Bell <sip:a@b>": address(b"sip:a@b", b"A. Bell"),
    b'"Bell, \\"Alexander\\" <a>;tag=no" <sip:a@b>;tag=yes;x': address(
        b"sip:a@b", b'"Bell, \\"Alexander\\" <a>;tag=no"', tag=b"yes", x=None
    ),
    b'"" <sip:a@b>': address(b"sip:a@b", b'""'),
    b'"a\\\0b" <sip:a@b>': address(b"sip:a@b", b'"a\\\0b"'),
    b"Jos\xc3\xa9 <sip:a@b>": address(b"sip:a@b", b"Jos\xc3\xa9"),
    b'<sip:a@b>;x="1;2,3"': address(b"sip:a@b", x=b'"1;2,3"'),
    b"<Sip:a@[2001:db8::1]:5060;lr?h=v>": address(b"Sip:a@[2001:db8::1]:5060;lr?h=v"),
    b"<isbn:2983792873>": address(b"isbn:2983792873"),
    b"<soap.beep://a:1/,;?>": address(b"soap.beep://a:1/,;?"),
    b"<sip:a@b>;Tag=c": NameAddr(uri=b"sip:a@b", params=((b"Tag", b"c"),)),
}
LOOSE_ADDRESS = {
    b"sip:a@b": address(b"sip:a@b"),
    b"sip:a@b;tag=1;user=phone": address(b"sip:a@b", tag=b"1", user=b"phone"),
    b"sip:a@b ; tag = 1": address(b"sip:a@b", tag=b"1"),
    b"caller<sip:a@b>": address(b"sip:a@b", b"caller"),
    b'"x"<sip:a@b>': address(b"sip:a@b", b'"x"'),
    b'"x" \t <sip:a@b> \t ;\tx\t=\ty': address(b"sip:a@b", b'"x"', x=b"y"),
    b"a  b\t<sip:a@b>": address(b"sip:a@b", b"a  b"),
}
BAD_ADDRESS = [
    b"",
    b"*",
    b"a",
    b"<>",
    b"<a>",
    b"<sip:>",
    b"<:a>",
    b"<1:a>",
    b"<sip:a@b",
    b"sip:a@b>",
    b"< sip:a@b>",
    b"<sip:a@b >",
    b"<sip:a b>",
    b"<sip:a<b>>",
    b'<sip:"a"@b>',
    b"<sip:\xc3\xa9@b>",
    b"<sip:a@b> x",
    b"<sip:a@b>;",
    b"<sip:a@b>;;",
    b"<sip:a@b>,<sip:a@b>",
    b"sip:a@b,sip:c@d",
    b"sip:a@b?h=v",
    b"sip:a b",
    b'"a <sip:a@b>',
    b'"a"b" <sip:a@b>',
    b'"a\\" <sip:a@b>',
    b"Bell, A <sip:a@b>",
    b"a@b <sip:a@b>",
    b'a "b" <sip:a@b>',
    b'<sip:a@b>;x="',
]


@pytest.mark.parametrize(("raw", "found"), GOOD_ADDRESS.items())
def test_good_address(raw: bytes, found: NameAddr) -> None:  # C.2
    assert NameAddr.parse(raw) == found
    assert found.to_bytes() == raw


@pytest.mark.parametrize(("raw", "found"), LOOSE_ADDRESS.items())
def test_loose_address(raw: bytes, found: NameAddr) -> None:  # C.2
    assert NameAddr.parse(raw) == found
    assert NameAddr.parse(found.to_bytes()) == found


@pytest.mark.parametrize("raw", BAD_ADDRESS)
def test_bad_address(raw: bytes) -> None:
    with pytest.raises(SipError) as caught:
        NameAddr.parse(raw)
    assert (caught.value.code, caught.value.fatal, caught.value.excerpt) == ("sip.bad-address", False, raw)


def test_tags() -> None:
    plain = NameAddr.parse(b'"tag=1" <sip:a@b;tag=2>;x;y="z;tag=3"')
    assert plain.tag is None
    tagged = plain.with_tag(b"t4")
    assert tagged.tag == b"t4"
    assert tagged.with_tag(b"t5").to_bytes() == b'"tag=1" <sip:a@b;tag=2>;x;y="z;tag=3";tag=t5'
    assert NameAddr.parse(b"sip:a@b;TAG=Q").tag == b"Q"
    assert NameAddr.parse(b"sip:a@b;TAG=Q").with_tag(b"r").without_tag() == NameAddr(uri=b"sip:a@b")


def test_parameters() -> None:
    found = NameAddr.parse(b"<sip:a@b>;Expires=60;q=0.5;flag")
    assert found.param(b"expires") == found.param(b"EXPIRES") == b"60"
    assert found.param(b"flag") == b""
    assert found.param(b"lr") is None


@pytest.mark.parametrize("tag", [b"", b"a b", b"a;b", b"a\r\nb", b"a\0", b"<a>", b"a,b"])
def test_no_tag_breaks_out(tag: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        NameAddr(uri=b"sip:a").with_tag(tag)


@pytest.mark.parametrize(
    "found",
    [address(b"sip:a\r\nb"), address(b"sip:a", b"x\ny"), address(b"sip:a", x=b"\r"), address(b"sip:a\0")],
)
def test_no_address_breaks_a_line(found: NameAddr) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        found.to_bytes()


@given(sip_vias(), sip_addresses())
def test_what_is_written_parses_back(hop: bytes, found: bytes) -> None:
    assert Via.parse(Via.parse(hop).to_bytes()) == Via.parse(hop)
    assert NameAddr.parse(NameAddr.parse(found).to_bytes()) == NameAddr.parse(found)


@given(st.binary(max_size=60))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    for raw in (garbage, b"SIP/2.0/UDP a;" + garbage, b"<sip:a>" + garbage, garbage + b"<sip:a>"):
        for kind in (Via, NameAddr):
            with contextlib.suppress(SipError):
                kind.parse(raw)
