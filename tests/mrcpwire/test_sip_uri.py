"""SIP URIs: read, pointed elsewhere, written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.sip import SipUri, sip_uri

GOOD = {
    b"sip:example.com": SipUri(host=b"example.com"),
    b"sip:speech@192.0.2.50:5060": SipUri(user=b"speech", host=b"192.0.2.50", port=5060),
    b"sips:a:secret@[2001:db8::1]": SipUri(scheme=b"sips", user=b"a:secret", host=b"2001:db8::1"),
    b"sip:[2001:db8::1]:5060;transport=tcp;lr": SipUri(
        host=b"2001:db8::1", port=5060, params=((b"transport", b"tcp"), (b"lr", None))
    ),
    b"sip:a;par=u%40b?c/d@example.com;maddr=[2001:db8::1]?Route=%3Csip:x%3E": SipUri(
        user=b"a;par=u%40b?c/d",
        host=b"example.com",
        params=((b"maddr", b"[2001:db8::1]"),),
        headers=b"?Route=%3Csip:x%3E",
    ),
    b"sip:@example.com": SipUri(user=b"", host=b"example.com"),
    b"sip:example.com;x=": SipUri(host=b"example.com", params=((b"x", b""),)),
    b"sip:a@my_host?": SipUri(user=b"a", host=b"my_host", headers=b"?"),
}
LOOSE = {
    b"Sip:a@b": SipUri(user=b"a", host=b"b"),  # F-23
    b"SIPS:a@b": SipUri(scheme=b"sips", user=b"a", host=b"b"),
    b"sip:a@b:": SipUri(user=b"a", host=b"b"),
    b"sip:a@b:0005060": SipUri(user=b"a", host=b"b", port=5060),
}
NONE = [
    b"",
    b"sip:",
    b"sip:@",
    b"sip:a@",
    b"sip:a@b@c",
    b"sip:a b@c",
    b"sip:a@b:x",
    b"sip:a@b:0",
    b"sip:a@b:000",
    b"sip:a@b:65536",
    b"sip:a@b:123456",
    b"sip:a@b:" + b"9" * 5_000,
    b"sip:a@2001:db8::1",
    b"sip:a@[2001:db8::1",
    b"sip:a@b;",
    b"sip:a@b;;x",
    b"sip:a@b;x<y",
    b"sip:a@b\r\n",
    b"sip:a@\xc3\xa9",
    b"tel:+1-23",
    b"sipx:a@b",
    b"<sip:a@b>",
]


@pytest.mark.parametrize(("raw", "uri"), GOOD.items())
def test_good(raw: bytes, uri: SipUri) -> None:
    assert sip_uri(raw) == uri
    assert uri.to_bytes() == raw


@pytest.mark.parametrize(("raw", "uri"), LOOSE.items())
def test_loose(raw: bytes, uri: SipUri) -> None:
    assert sip_uri(raw) == uri
    assert sip_uri(uri.to_bytes()) == uri


@pytest.mark.parametrize("raw", NONE)
def test_none(raw: bytes) -> None:
    assert sip_uri(raw) is None


def test_edits() -> None:  # S-02
    uri = sip_uri(b"sip:speech@192.0.2.50:5060;Transport=udp;x=1;transport")
    assert uri is not None
    assert uri.with_hostport(b"2001:db8::1", 5070).without_param(b"transport").to_bytes() == (
        b"sip:speech@[2001:db8::1]:5070;x=1"
    )
    assert uri.with_hostport(b"b", None).to_bytes() == b"sip:speech@b;Transport=udp;x=1;transport"
    assert uri.param(b"TRANSPORT") == b"udp"
    assert uri.without_param(b"x").param(b"x") is None


@pytest.mark.parametrize("host", [b"", b"a b", b"a;b", b"[::1]", b"a\r\n", b"a@b"])
def test_no_host_breaks_out(host: bytes) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        SipUri(host=b"x").with_hostport(host, None).to_bytes()


@pytest.mark.parametrize(
    "uri", [SipUri(user=b"a\r\n", host=b"b"), SipUri(host=b"b", params=((b"x", b"\0"),))]
)
def test_no_uri_breaks_a_line(uri: SipUri) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        uri.to_bytes()


@given(st.binary(max_size=40))
def test_whatever_is_read_is_written_and_read_again(garbage: bytes) -> None:
    for raw in (garbage, b"sip:" + garbage, b"sip:a@b" + garbage):
        uri = sip_uri(raw)
        assert uri is None or sip_uri(uri.to_bytes()) == uri
