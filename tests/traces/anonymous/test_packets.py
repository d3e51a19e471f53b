"""Packets and files that are written are read back as they were meant."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.traces import Endpoint, NotACapture, read
from mrcpbalance.traces.anonymous._packets import Stream, datagram
from mrcpbalance.traces.anonymous._pcapng import beginning, packet
from mrcpwire import Wire

FOUR = Endpoint("192.0.2.1", 5060), Endpoint("192.0.2.2", 5060)
SIX = Endpoint("2001:db8::1", 5060), Endpoint("2001:db8::2", 5060)
MIXED = FOUR[0], SIX[1]
OPTIONS = (
    b"OPTIONS sip:a@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@c>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nSubject: %b\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize("ends", [FOUR, SIX, MIXED])
@pytest.mark.parametrize("length", [0, 1, 2, 40_000])
def test_a_datagram_is_read_back(ends: tuple[Endpoint, Endpoint], length: int) -> None:
    data = OPTIONS % (b"x" * length)
    trace = read(io.BytesIO(beginning("why") + packet(7 << 40, datagram(*ends, data), "what")))
    assert trace.findings == ()
    assert (trace.packets, trace.start) == (1, 7 << 40)
    assert trace.outside == {"SIP OPTIONS": 1}


@pytest.mark.parametrize("ends", [FOUR, SIX])
@given(count=st.integers(1, 5), length=st.sampled_from([0, 1, 1000, 40_000]))
def test_a_stream_is_read_back(ends: tuple[Endpoint, Endpoint], count: int, length: int) -> None:
    stream, data = Stream(*ends), OPTIONS % (b"x" * length)
    packets = [*stream.opened(), *[one for _ in range(count) for one in stream.said(ends[0], data)]]
    packets += [*stream.ended(ends[0], reset=False), *stream.ended(ends[1], reset=False)]
    trace = read(io.BytesIO(beginning() + b"".join(packet(time, one) for time, one in enumerate(packets))))
    assert trace.findings == ()
    assert trace.messages[Wire.SIP] == count
    assert trace.connections == 1


def test_a_file_without_packets_is_a_capture() -> None:
    assert read(io.BytesIO(beginning())).packets == 0
    with pytest.raises(NotACapture):
        read(io.BytesIO(beginning()[4:]))
