"""Which protocol a connection speaks, told from its first octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import Wire, recognise
from mrcpwire._recognise import FILLER, LOOK_AHEAD

# What tells, down to the octet that does.
TELLING = {
    "rtsp response": (b"RTSP/", Wire.RTSP),
    "rtsp request": (b"SETUP rtsp://192.0.2.1/media/speechrecognizer RTSP/", Wire.RTSP),
    "rtsp request without resource": (b"OPTIONS * RTSP/", Wire.RTSP),
    "rtsp runs of SP (R-03)": (b"OPTIONS  *   RTSP/", Wire.RTSP),
    "rtsp with a sip URI": (b"OPTIONS sip:a@192.0.2.1 RTSP/", Wire.RTSP),
    "rtsp method like a version": (b"RTSP rtsp://192.0.2.1/ RTSP/", Wire.RTSP),
    "rtsp after filler (R-01)": (b"\r\n\n" + b"RTSP/", Wire.RTSP),
    "rtsp after the most filler": (b"\r\n" * (FILLER // 2) + b"OPTIONS * RTSP/", Wire.RTSP),
    "sip response": (b"SIP/", Wire.SIP),
    "sip response in lower case": (b"sip/", Wire.SIP),
    "sip request": (b"INVITE sip:mresources@192.0.2.1:5060 SIP/", Wire.SIP),
    "sip request in mixed case": (b"INVITE sip:mresources@192.0.2.1 Sip/", Wire.SIP),
    "sip request with raw UTF-8": (b"MESSAGE sip:\xc3\xa9@192.0.2.1 SIP/", Wire.SIP),
    "sip request beginning as mrcp": (b"MRCP sip:192.0.2.1 SIP/", Wire.SIP),
    "mrcpv2": (b"MRCP/", Wire.MRCPV2),
    "mrcpv2 after filler (M-01)": (b"\r\n\r\nMRCP/", Wire.MRCPV2),
    "tls": (b"\x16\x03", Wire.TLS),
    "http": (b"GET /index.html H", Wire.UNKNOWN),
    "mrcpv1 outside RTSP": (b"SPEAK 1 M", Wire.UNKNOWN),
    "another version in lower case": (b"OPTIONS * r", Wire.UNKNOWN),
    "mrcpv2 in lower case (M-02)": (b"mrcp/", Wire.UNKNOWN),
    "nul": (b"\0", Wire.UNKNOWN),
    "tls of another kind": (b"\x16\x02", Wire.UNKNOWN),
    "tls after filler": (b"\r\n\x16", Wire.UNKNOWN),
    "blank first": (b" ", Wire.UNKNOWN),
    "binary after a word": (b"OPTIONS\0", Wire.UNKNOWN),
    "line end after a word": (b"HELLO\r", Wire.UNKNOWN),
    "line end instead of a URI": (b"OPTIONS \r", Wire.UNKNOWN),
    "line end instead of a version": (b"OPTIONS *\n", Wire.UNKNOWN),
    "line end at the version": (b"OPTIONS * \r", Wire.UNKNOWN),
    "interleaved data first": (b"$\0", Wire.UNKNOWN),
    "too much filler": (b"\n" * (FILLER + 1), Wire.UNKNOWN),
    "a word without end": (b"A" * LOOK_AHEAD, Wire.UNKNOWN),
    "a URI without end": (b"OPTIONS " + b"*" * (LOOK_AHEAD - 8), Wire.UNKNOWN),
    "a version that never comes": (b"OPTIONS *" + b" " * (LOOK_AHEAD - 9), Wire.UNKNOWN),
}


@pytest.mark.parametrize(("prefix", "wire"), TELLING.values(), ids=TELLING)
def test_tells_as_early_as_possible(prefix: bytes, wire: Wire) -> None:
    assert [recognise(prefix[:end]) for end in range(len(prefix))] == [Wire.NEED_MORE] * len(prefix)
    assert recognise(prefix) is wire
    assert recognise(prefix + b"2.0\r\n\r\n") is wire


def test_filler_does_not_count_as_look_ahead() -> None:
    line = b"OPTIONS %b RTSP/1.0\r\n" % (b"*" * (LOOK_AHEAD - 14))
    assert recognise(b"\n" * FILLER + line) is Wire.RTSP
    assert recognise(line.replace(b"* ", b"** ")) is Wire.UNKNOWN


pieces = st.sampled_from([row[0] for row in TELLING.values()]) | st.sampled_from(
    [b" ", b"\r\n", b"*", b"RTSP/1.0", b"SIP/2.0", b"MRCP/2.0", b"OPTIONS", b"\x16\x03\x01", b"\xff"]
)


@given(st.lists(pieces, max_size=5).map(b"".join) | st.binary(max_size=200))
def test_a_verdict_never_changes(data: bytes) -> None:
    verdicts = [recognise(data[:end]) for end in range(len(data) + 1)]
    decided = [verdict for verdict in verdicts if verdict is not Wire.NEED_MORE]
    assert len(set(decided)) <= 1
    assert verdicts == [Wire.NEED_MORE] * (len(verdicts) - len(decided)) + decided
