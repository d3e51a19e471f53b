"""What people said does not get into recordings; what tools need does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces.writing import masked

RTSP = b"ANNOUNCE rtsp://h/asr RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/mrcp\r\n\r\n"
MRCP = b"RECOGNIZE 1 MRCP/1.0\r\nContent-Type: application/srgs+xml\r\n\r\n"
SDP = b"v=0\r\nc=IN IP4 192.0.2.9\r\n"
ROWS = {
    "the body of an MRCPv2 message": (
        "mrcpv2",
        b"MRCP/2.0 99 RECOGNIZE 1\r\n\r\n<one>my pin</one>\r\n\xc3\xa9",
        b"MRCP/2.0 99 RECOGNIZE 1\r\n\r\nxxxxxxxxxxxxxxxxx\r\nxx",
    ),
    "an MRCPv1 message in RTSP": ("rtsp", RTSP + MRCP + b"secret", RTSP + MRCP + b"xxxxxx"),
    "SDP in RTSP": (
        "rtsp",
        b"SETUP x RTSP/1.0\r\nContent-type : application/sdp\r\n\r\n" + SDP,
        b"SETUP x RTSP/1.0\r\nContent-type : application/sdp\r\n\r\n" + SDP,
    ),
    "SDP in SIP, named shortly": (
        "sip",
        b"INVITE sip:x SIP/2.0\r\nc: application/sdp\r\n\r\n" + SDP,
        b"INVITE sip:x SIP/2.0\r\nc: application/sdp\r\n\r\n" + SDP,
    ),
    "another body in SIP": (
        "sip",
        b"INFO sip:x SIP/2.0\r\nContent-Type: text/plain\r\n\r\nhello",
        b"INFO sip:x SIP/2.0\r\nContent-Type: text/plain\r\n\r\nxxxxx",
    ),
    "a body that claims to be SDP in MRCPv2": (
        "mrcpv2",
        b"MRCP/2.0 9 X 1\r\nContent-Type: application/sdp\r\n\r\nsecret",
        b"MRCP/2.0 9 X 1\r\nContent-Type: application/sdp\r\n\r\nxxxxxx",
    ),
    "a head alone": ("rtsp", b"OPTIONS * RTSP/1.0\r\n", b"OPTIONS * RTSP/1.0\r\n"),
    "octets of another protocol": ("tcp", b"PIN 1234\r\n", b"xxxxxxxx\r\n"),
}


@pytest.mark.parametrize(("protocol", "data", "shown"), ROWS.values(), ids=ROWS)
def test_rows(protocol: str, data: bytes, shown: bytes) -> None:
    assert masked(protocol, data) == shown


@given(st.sampled_from(["rtsp", "sip", "mrcpv2", "tcp"]), st.binary(max_size=200))
def test_no_octet_is_added_or_lost(protocol: str, data: bytes) -> None:
    assert len(masked(protocol, data)) == len(data)
